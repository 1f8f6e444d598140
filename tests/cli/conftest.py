"""The command line inside this process: its exit status, what it printed, and what it complained about."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from sklort.cli.app import main


class Ran(NamedTuple):
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """``run("inspect", path, "--json")``; another status than the expected one, None for any, fails."""

    def run(*arguments: object, status: int | None = 0) -> Ran:
        capsys.readouterr()
        found = main([str(one) for one in arguments])
        ran = Ran(found, *capsys.readouterr())
        assert status in (None, ran.status), ran.out + ran.err
        lines = [line for line in ran.err.splitlines() if not line.startswith("sklort: warning: ")]
        assert len(lines) <= (found != 0), ran.err  # an error is one line
        assert all(line.startswith("sklort: ") for line in lines), ran.err
        return ran

    return run
