"""All errors sklort raises on purpose.

::

    SklortError (Exception)
    ├── SessionError                onnxruntime's status codes, its class names, and the builtin a caller would catch
    │   ├── Fail (RuntimeError)                      1
    │   ├── InvalidArgument (ValueError)             2
    │   │   ├── UnsupportedValue (TypeError, RuntimeError)    a Python object that no input takes
    │   │   └── InvalidUse (RuntimeError)    of a binding, an OrtValue, an option
    │   ├── NoSuchFile (FileNotFoundError)           3
    │   ├── NoModel (RuntimeError)                   4
    │   ├── EngineError (RuntimeError)               5
    │   ├── RuntimeException (RuntimeError)          6
    │   ├── InvalidProtobuf (ValueError)             7
    │   ├── ModelLoaded (RuntimeError)               8
    │   ├── NotImplemented (NotImplementedError)     9
    │   ├── InvalidGraph (ValueError)               10
    │   ├── EPFail (RuntimeError)                   11
    │   ├── ModelLoadCanceled (RuntimeError)        12
    │   ├── ModelRequiresCompilation (RuntimeError) 13
    │   ├── NotFound (RuntimeError)                 14
    │   └── DeviceReset (RuntimeError)              15
    ├── ConversionError (ValueError)     a fitted model that cannot be written as ONNX
    └── ParityError (ValueError)         the converted model differs from the original; carries the report

Input that scikit-learn would refuse raises what scikit-learn raises (`ValueError`, `TypeError`, `NotFittedError`).
"""

from __future__ import annotations

from typing import Any, ClassVar


class SklortError(Exception):
    """Root of the tree."""


class SessionError(SklortError):
    """An error of the runtime; `code` is onnxruntime's status number."""

    code: ClassVar[int] = 1


class Fail(SessionError, RuntimeError):
    code = 1


class InvalidArgument(SessionError, ValueError):
    code = 2


class UnsupportedValue(InvalidArgument, TypeError, RuntimeError):
    """A value of a kind that no input takes; onnxruntime raises a bare RuntimeError for these."""


class InvalidUse(InvalidArgument, RuntimeError):
    """What onnxruntime refuses with a bare RuntimeError, of bindings, OrtValues, logging and backends."""


class NoSuchFile(SessionError, FileNotFoundError):
    code = 3


class NoModel(SessionError, RuntimeError):
    code = 4


class EngineError(SessionError, RuntimeError):
    code = 5


class RuntimeException(SessionError, RuntimeError):
    code = 6


class InvalidProtobuf(SessionError, ValueError):
    code = 7


class ModelLoaded(SessionError, RuntimeError):
    code = 8


class NotImplemented(SessionError, NotImplementedError):
    code = 9


class InvalidGraph(SessionError, ValueError):
    code = 10


class EPFail(SessionError, RuntimeError):
    code = 11


class ModelLoadCanceled(SessionError, RuntimeError):
    code = 12


class ModelRequiresCompilation(SessionError, RuntimeError):
    code = 13


class NotFound(SessionError, RuntimeError):
    code = 14


class DeviceReset(SessionError, RuntimeError):
    code = 15


class ConversionError(SklortError, ValueError):
    """A fitted model that cannot be written as ONNX; the message names the step and the remedy."""


class ParityError(SklortError, ValueError):
    """The converted model does not give the original's answers.

    Parameters
    ----------
    message : str
    report : ParityReport
        The comparison that failed.
    """

    def __init__(self, message: str, report: Any = None) -> None:
        super().__init__(message, report)
        self.report = report

    def __str__(self) -> str:
        return str(self.args[0])
