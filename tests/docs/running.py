"""What the code of a page does, done: Python in one namespace, commands through the command line's own entrance."""

from __future__ import annotations

import contextlib
import doctest
import http.client
import io
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import types
from importlib.util import find_spec
from pathlib import Path

from sklort.cli.app import main
from tests.docs.pages import ROOT, Block, commands

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
NAMED = {re.match(r"[\w-]+", one)[0].lower() for extra in EXTRAS.values() for one in extra}  # type: ignore[index]
SHORTLY = ("bench", "tune")
"""Commands that measure: for a few milliseconds here, nobody reads the times."""
PLAIN = ("cat", "cp", "ls", "mkdir")
SECONDS_TO_START = 60.0


class Refused(AssertionError):
    """A block of code that is neither run nor marked."""


class Page:
    """A reader who does everything that a page says, from top to bottom, in an empty folder."""

    def __init__(self, name: str, folder: Path) -> None:
        self.folder = folder
        self.module = types.ModuleType("page_" + re.sub(r"\W", "_", name))
        sys.modules[self.module.__name__] = self.module
        self.printed = ""
        self.ports: dict[str, int] = {}  # as the page has them -> as they are
        self.servers: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Page:
        return self

    def __exit__(self, *_: object) -> None:
        for port in list(self.servers):
            self.stop(port)
        sys.modules.pop(self.module.__name__, None)

    def run(self, block: Block) -> None:
        """Run a block; AssertionError or whatever it raises."""
        if block.language == "python":
            self.python(block)
        else:
            for command in commands(block):
                try:
                    self.command(command)
                except Refused as error:
                    raise Refused(f"{block.where}: {command!r}: {error}") from None
                except AssertionError as error:
                    raise AssertionError(f"{block.where}: {command!r}: {error}") from error

    def python(self, block: Block) -> None:
        text = self.ported(block.text)
        if block.title:
            (self.folder / block.title).write_text(text)
            return
        if text.startswith(">>> "):
            self.session(block, text)
            return
        code = compile("\n" * (block.line - 1) + text, str(ROOT / block.page), "exec", dont_inherit=True)
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(code, self.module.__dict__)
        self.printed = printed.getvalue()

    def session(self, block: Block, text: str) -> None:
        """A block that shows the prompt: what it shows as answers must be the answers."""
        flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        parsed = doctest.DocTestParser().get_doctest(text, self.module.__dict__, block.where, block.page, block.line)
        runner = doctest.DocTestRunner(optionflags=flags, verbose=False)
        with contextlib.redirect_stdout(io.StringIO()) as told:
            failed = runner.run(parsed, clear_globs=False).failed
        self.module.__dict__.update(parsed.globs)
        assert not failed, told.getvalue()

    def command(self, line: str) -> None:
        words = shlex.split(self.ported(line), comments=True)
        target = None
        if len(words) > 2 and words[-2] == ">":
            target, words = words[-1], words[:-2]
        program = Path(words[0]).name
        if any(word in ("|", "<", ">", "&&", ";", "||") for word in words):
            raise Refused("a command alone is expected, or one with its output in a file")
        if words[:2] == ["sklort", "serve"]:
            self.serve([word for word in words if word != "&"])
        elif program == "sklort":
            self.sklort(words[1:], target)
        elif program == "make":
            assert set(words[1:]) - {word for word in words if "=" in word} <= make_targets(), "no such target"
        elif words[:2] == ["pip", "install"]:
            self.pip(words[2:])
        elif program == "python":
            self.interpreter(words[1:])
        elif program == "curl":
            assert self.servers, "no server is running"
            self.subprocess(["curl", "--silent", "--show-error", "--fail", "--max-time", "30", *words[1:]], target)
        elif program in PLAIN:
            self.subprocess(words, target)
        else:
            raise Refused("this kind of command is not known to the tests: mark the block <!-- not run: why -->")

    def sklort(self, words: list[str], target: str | None) -> None:
        if words[0] in SHORTLY and "--seconds" not in words:
            words = [*words, "--seconds", "0.01"]
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main(words)
        assert status == 0, out.getvalue() + err.getvalue()
        self.printed = out.getvalue()
        if target is not None:
            (self.folder / target).write_text(self.printed)

    def pip(self, words: list[str]) -> None:
        for word in words:
            found = re.fullmatch(r"(\.|[\w-]+)(?:\[([\w,-]+)\])?", word)
            assert found is not None, f"{word!r} is no name of a package"
            package, extras = found[1], found[2].split(",") if found[2] else []
            ours = package in (".", PROJECT["name"])
            assert ours or package.lower() in NAMED, f"{package} is named in none of the extras"
            unknown = set(extras) - set(EXTRAS) if ours else set()
            assert not unknown, f"no such extra: {', '.join(unknown)}"

    def interpreter(self, words: list[str]) -> None:
        if words[0] == "-m" and words[1].split(".")[0] in ("benchmarks", "examples", "tests"):
            assert find_spec(words[1]) is not None, "no such module"  # it has tests of its own
        else:
            self.subprocess([sys.executable, *words], None)

    def subprocess(self, words: list[str], target: str | None) -> None:
        done = subprocess.run(words, cwd=self.folder, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        self.printed = done.stdout
        if target is not None:
            (self.folder / target).write_text(done.stdout)

    # -- servers ----------------------------------------------------------------------------------------------------

    def serve(self, words: list[str]) -> None:
        """Start a server on a free port, and go on when it is ready."""
        said = words[words.index("--port") + 1] if "--port" in words else "8000"
        theirs = next((page for page, port in self.ports.items() if str(port) == said), said)
        self.stop(theirs)
        self.ports[theirs] = port = free_port()
        if "--port" in words:
            at = words.index("--port")
            del words[at : at + 2]
        command = [sys.executable, "-m", "sklort.cli", *words[1:], "--port", str(port)]
        with (self.folder / ".serve.log").open("wb") as log:
            server = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)
        self.servers[theirs] = server
        end = time.monotonic() + SECONDS_TO_START
        while not answers(port):
            waiting = server.poll() is None and time.monotonic() < end
            assert waiting, (self.folder / ".serve.log").read_text()
            time.sleep(0.05)

    def stop(self, port: str) -> None:
        server = self.servers.pop(port, None)
        if server is None:
            return
        server.send_signal(signal.SIGTERM)
        try:
            ended = server.wait(30)  # uvicorn ends gracefully, and then by the signal it was sent
            assert ended in (0, -signal.SIGTERM), (self.folder / ".serve.log").read_text()
        finally:
            if server.poll() is None:
                server.kill()

    def ported(self, text: str) -> str:
        """The text with the ports that the servers of this page really have."""
        for theirs, ours in self.ports.items():
            text = re.sub(rf"(?<=[\w\]]):{theirs}\b", f":{ours}", text)
        return text


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/v2/health/ready")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))


def printed_as_shown(shown: str, printed: str) -> bool:
    """Whether an output is what a page shows, where ``...`` stands for anything."""
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    return doctest.OutputChecker().check_output(shown, printed, flags)


os.environ.setdefault("MPLBACKEND", "Agg")
