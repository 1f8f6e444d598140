"""The examples in docstrings, which the reference shows, run."""

from __future__ import annotations

import doctest
import importlib
import warnings
from pathlib import Path
from types import ModuleType

import pytest

from tests.docs.pages import ROOT

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def with_examples() -> list[str]:
    """Modules that hold a prompt; the others are not even imported."""
    files = [path for path in (ROOT / "sklort").rglob("*.py") if ">>> " in path.read_text()]
    return sorted(".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files)


def test_there_are_some() -> None:
    assert "sklort.estimator.onnx_estimator" in with_examples()


@pytest.mark.parametrize("name", with_examples())
def test_examples_of_docstrings(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    module: ModuleType = importlib.import_module(name)
    told: list[str] = []
    attempted = 0
    for test in doctest.DocTestFinder().find(module):
        runner = doctest.DocTestRunner(optionflags=FLAGS)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            attempted += runner.run(test, out=told.append).attempted
    assert attempted
    assert not [one for one in told if "Failed example" in one], "".join(told)
