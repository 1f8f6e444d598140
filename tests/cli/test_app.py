"""The entrance: help, errors in one line, exit statuses, and how little is loaded before a command runs."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from sklort import __version__
from sklort.cli import app as entrance
from sklort.exceptions import InvalidGraph

SCRIPT = Path(sys.executable).with_name("sklort")


def test_help_names_every_command() -> None:
    result = CliRunner().invoke(entrance.build(), ["--help"])
    assert result.exit_code == 0
    for command in entrance.build().registered_commands:
        assert command.callback is not None
        assert command.callback.__name__ in result.output
        assert command.callback.__doc__


def test_every_command_has_json() -> None:
    for command in entrance.build().registered_commands:
        assert command.callback is not None
        help_of = CliRunner().invoke(entrance.build(), [command.callback.__name__, "--help"], env={"COLUMNS": "200"})
        assert help_of.exit_code == 0
        assert "--json" in help_of.output


def test_without_a_command_there_is_help(run: Any) -> None:
    ran = run(status=2)
    assert "Usage: sklort" in ran.out
    assert ran.err == ""


def test_version(run: Any) -> None:
    assert run("--version").out == f"sklort {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["inspct"], "No such command 'inspct'. Did you mean 'inspect'? (sklort --help)"),
        (["inspect"], "Missing argument 'ONNX'. (sklort inspect --help)"),
        (["inspect", "x", "--no-such"], "No such option: --no-such"),
    ],
)
def test_a_wrong_call_is_two_and_one_line(run: Any, arguments: list[str], complaint: str) -> None:
    ran = run(*arguments, status=2)
    assert complaint in ran.err
    assert ran.out == ""


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (InvalidGraph("node 'a' reads\n  'b'"), "node 'a' reads 'b'"),
        (ValueError("give rows"), "give rows"),
        (FileNotFoundError(2, "No such file or directory", "x.npy"), "x.npy: No such file or directory"),
        (PermissionError("not yours"), "not yours"),
        (ValueError(), "ValueError"),
        (
            ModuleNotFoundError("No module named 'skops'", name="skops"),
            "this needs the package skops: pip install skops",
        ),
    ],
)
def test_an_error_is_one_and_one_line(run: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, line: str) -> None:
    monkeypatch.setattr(entrance, "build", lambda: raising(error))
    assert run("fall", status=1).err == f"sklort: {line}\n"


def test_a_fault_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entrance, "build", lambda: raising(KeyError("a bug")))
    with pytest.raises(KeyError, match="a bug"):
        entrance.main(["fall"])


def test_interrupted(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entrance, "build", lambda: raising(KeyboardInterrupt()))
    assert run("fall", status=130).err == ""


def test_a_warning_is_one_line(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def warned() -> typer.Typer:
        app = typer.Typer()

        @app.command()
        def fall() -> None:
            warnings.warn("slow\n because", UserWarning, stacklevel=1)

        return app

    monkeypatch.setattr(entrance, "build", warned)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert run().err == "sklort: warning: slow because\n"


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_the_extra_there_is_one_line(missing: str, root: Path) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; from sklort.cli.app import main; sys.exit(main(['--help']))"
    ran = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stderr == f"sklort: the command line needs {missing}: pip install 'sklort[cli]'\n"


def test_help_loads_nothing_heavy(root: Path) -> None:
    code = (
        "import sys; from sklort.cli.app import main; main(['--help']); "
        "print({m.split('.')[0] for m in sys.modules} & {'numpy', 'sklearn', 'onnx', 'skl2onnx', 'pandas', 'pyarrow', "
        "'scipy', 'matplotlib', 'starlette', 'uvicorn', 'dask', 'ray'}, file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert ran.stderr == "set()\n"


@pytest.mark.skipif(not SCRIPT.exists(), reason="the script comes with the next installation: make dev")
def test_the_installed_script(root: Path) -> None:
    model = root / "sklort/datasets/sigmoid.onnx"
    ran = subprocess.run([SCRIPT, "inspect", model], capture_output=True, text=True, check=True)
    assert "Sigmoid -> y" in ran.stdout
    assert ran.stderr == ""
    wrong = subprocess.run([SCRIPT, "inspect", "nothing.onnx"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 1
    assert wrong.stderr.startswith("sklort: no model file at 'nothing.onnx'")


def test_the_shell_completes_commands_and_options(root: Path) -> None:
    def completed(words: str) -> list[str]:
        asked = {"_SKLORT_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        environment = {**os.environ, **asked}
        command = [sys.executable, "-m", "sklort.cli"]
        return subprocess.run(
            command, cwd=root, env=environment, capture_output=True, text=True, check=True
        ).stdout.split()

    assert completed("sklort in") == ["inspect"]
    assert "--allow-pickle" in completed("sklort convert --a")


@pytest.mark.skipif(not SCRIPT.exists(), reason="the script comes with the next installation: make dev")
def test_a_reader_that_leaves_early_is_no_error(root: Path) -> None:
    model = root / "sklort/datasets/logreg_iris.onnx"
    command = f"'{SCRIPT}' inspect --json '{model}' | head -c 1"
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("{", "")


def raising(error: BaseException) -> typer.Typer:
    app = typer.Typer()

    @app.command()
    def fall(words: list[str]) -> None:
        raise error

    return app
