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
    ├── ParityError (ValueError)         the converted model differs from the original; carries the report
    ├── DamagedModel (ValueError)        a saved estimator whose bytes are not those that were written
    ├── BadRequest (ValueError)          what the scoring service does not answer; carries the status and the field
    └── ScoringError (ValueError)        a table that a model cannot score, or a run that cannot go on

Input that scikit-learn would refuse raises what scikit-learn raises (`ValueError`, `TypeError`, `NotFittedError`).

Warnings, for filters::

    FallbackWarning (UserWarning)    a part of a model runs in scikit-learn: said when it is converted
    └── ScikitLearnAnswered              scikit-learn answered a call: said when it happens
"""

from __future__ import annotations

from typing import Any, ClassVar


class SklortError(Exception):
    """Root of the tree."""


class SessionError(SklortError):
    """An error of the runtime.

    Its text begins as onnxruntime's does, with the status; `text` is the rest.

    Attributes
    ----------
    code : int
        onnxruntime's number of the status.
    status : str
        Its name; empty for errors that onnxruntime raises without a status.
    """

    code: ClassVar[int] = 1
    status: ClassVar[str] = ""

    @property
    def text(self) -> str:
        """What is wrong, where, and how to mend it."""
        return str(self.args[0]) if self.args else ""

    def __str__(self) -> str:
        return f"[ONNXRuntimeError] : {self.code} : {self.status} : {self.text}" if self.status else self.text


class Fail(SessionError, RuntimeError):
    code = 1
    status = "FAIL"


class InvalidArgument(SessionError, ValueError):
    code = 2
    status = "INVALID_ARGUMENT"


class UnsupportedValue(InvalidArgument, TypeError, RuntimeError):
    """A value of a kind that no input takes; onnxruntime raises a bare RuntimeError for these."""

    status = ""


class InvalidUse(InvalidArgument, RuntimeError):
    """What onnxruntime refuses with a bare RuntimeError, of bindings, OrtValues, logging and backends."""

    status = ""


class NoSuchFile(SessionError, FileNotFoundError):
    code = 3
    status = "NO_SUCHFILE"


class NoModel(SessionError, RuntimeError):
    code = 4
    status = "NO_MODEL"


class EngineError(SessionError, RuntimeError):
    code = 5
    status = "ENGINE_ERROR"


class RuntimeException(SessionError, RuntimeError):
    code = 6
    status = "RUNTIME_EXCEPTION"


class InvalidProtobuf(SessionError, ValueError):
    code = 7
    status = "INVALID_PROTOBUF"


class ModelLoaded(SessionError, RuntimeError):
    code = 8
    status = "MODEL_LOADED"


class NotImplemented(SessionError, NotImplementedError):
    code = 9
    status = "NOT_IMPLEMENTED"


class InvalidGraph(SessionError, ValueError):
    code = 10
    status = "INVALID_GRAPH"


class EPFail(SessionError, RuntimeError):
    code = 11
    status = "EP_FAIL"


class ModelLoadCanceled(SessionError, RuntimeError):
    code = 12
    status = "MODEL_LOAD_CANCELED"


class ModelRequiresCompilation(SessionError, RuntimeError):
    code = 13
    status = "MODEL_REQUIRES_COMPILATION"


class NotFound(SessionError, RuntimeError):
    code = 14
    status = "NOT_FOUND"


class DeviceReset(SessionError, RuntimeError):
    code = 15
    status = "DEVICE_RESET"


def text_of(error: BaseException) -> str:
    """What an error says, without a status."""
    return error.text if isinstance(error, SessionError) else str(error)


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


class DamagedModel(SklortError, ValueError):
    """A saved estimator is not what was written: cut off, or changed since."""


class BadRequest(SklortError, ValueError):
    """A request that the scoring service does not answer.

    Parameters
    ----------
    message : str
    field : str, optional
        What of the request is wrong, e.g. ``inputs[0].shape``; the text begins with it.
    status : int
        Of HTTP.
    """

    def __init__(self, message: str, field: str | None = None, status: int = 400) -> None:
        super().__init__(message if field is None else f"{field}: {message}")
        self.field = field
        self.status = status


class ScoringError(SklortError, ValueError):
    """A table that a model cannot score, or a run that cannot go on; says where, and what to do."""


class FallbackWarning(UserWarning):
    """A part of a model could not be converted and runs in scikit-learn: correct, and no faster than before."""


class ScikitLearnAnswered(FallbackWarning):
    """An X, or a method, that sklort does not compute itself was answered, correctly and slowly, by scikit-learn."""
