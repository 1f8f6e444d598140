"""The one entrance of the command line: what every command has in common.

A command is a function with typer's annotations, `sklort/cli/<command>.py`, which imports what is heavy when it runs
and raises what it has to say. Here an error becomes one line on standard error and an exit status: 0 for success, 1 for
an error or for a check that failed (a command raises ``typer.Exit(1)`` for that), 2 for a wrong call, 130 for Ctrl-C.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sklort.exceptions import SklortError, text_of

if TYPE_CHECKING:
    import typer

FAILED, WRONG_CALL, INTERRUPTED = 1, 2, 130
NEEDED = ("typer", "rich")


def build() -> typer.Typer:
    """The application with all its commands."""
    import typer

    from sklort.cli.bench import bench
    from sklort.cli.check import check
    from sklort.cli.convert import convert
    from sklort.cli.inspect import inspect
    from sklort.cli.options import about
    from sklort.cli.score import score
    from sklort.cli.serve import serve
    from sklort.cli.tune import tune

    app = typer.Typer(
        name="sklort",
        help="Fitted scikit-learn models, fast, anywhere, with the same answers.",
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
    )
    app.callback()(about)
    for command in (convert, check, inspect, bench, tune, score, serve):
        app.command()(command)
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process.

    Returns
    -------
    int
        The exit status.
    """
    try:
        app = build()
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in NEEDED:
            raise
        return _fail(f"the command line needs {missing}: pip install 'sklort[cli]'")
    with warnings.catch_warnings():
        warnings.filterwarnings("default", category=UserWarning)
        warnings.showwarning = _warn
        try:
            status = app(args=arguments, prog_name="sklort", standalone_mode=False)
            sys.stdout.flush()
        except BrokenPipeError:  # `sklort inspect ... | head`: nobody reads on
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FAILED
        except ModuleNotFoundError as error:
            return _fail(f"this needs the package {error.name}: pip install {error.name}")
        except (SklortError, OSError, ValueError) as error:
            return _fail(_line(error))
        except Exception as error:
            words = getattr(error, "format_message", None)  # click's: typer carries a copy of its own, without a name
            if words is None:
                raise
            if not words():  # the help was asked for, and is printed
                return WRONG_CALL
            context = getattr(error, "ctx", None)
            asked = f" ({context.command_path} --help)" if context is not None else ""
            return _fail(words() + asked, getattr(error, "exit_code", WRONG_CALL))
    return status if isinstance(status, int) else 0


def _line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and not isinstance(error, SklortError):
        name = f"{error.filename}: " if error.filename is not None else ""
        return f"{name}{error.strerror}"
    return text_of(error) or type(error).__name__


def _fail(message: str, status: int = FAILED) -> int:
    # One line, whatever the message was wrapped into.
    sys.stderr.write(f"sklort: {' '.join(message.split())}\n")
    return status


def _warn(message: Warning | str, *_: Any, **__: Any) -> None:
    sys.stderr.write(f"sklort: warning: {' '.join(str(message).split())}\n")
