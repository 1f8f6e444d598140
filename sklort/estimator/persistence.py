"""One ``.onnx`` file that any ONNX runtime opens and that is an estimator again with `load`.

What scikit-learn knows and ONNX does not (class values, the form of the answers, names of the columns, what is
refused) travels as JSON in the model's metadata, under keys that begin with ``sklort.``. Loading runs no code.

The last entry of the file is the SHA-256 of all bytes before it. A protobuf message is a sequence of fields, so the
entry is simply appended to the serialised model, and can be checked before a single byte of it is parsed.
"""

from __future__ import annotations

import json
import os
import warnings
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import numpy.typing as npt

from sklort._version import __version__
from sklort.estimator.acceptance import Acceptance
from sklort.estimator.devices import providers_of
from sklort.estimator.inputs import GraphInput, Intake
from sklort.estimator.outputs import Form
from sklort.estimator.programs import Graph
from sklort.estimator.report import ParityReport
from sklort.estimator.support import SupportReport
from sklort.exceptions import ConversionError, DamagedModel

FORMAT = 1
_NUMPY_DTYPE = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64}
_PACKAGES = ("scikit-learn", "skl2onnx", "onnx", "numpy")

# ModelProto.metadata_props is field 14; an entry is a key (field 1) and a value (field 2), each after its length.
_KEY = b"sklort.digest"
_DIGITS = 64
_ENTRY = b"\x0a" + bytes([len(_KEY)]) + _KEY + b"\x12" + bytes([_DIGITS])
_SEAL = b"\x72" + bytes([len(_ENTRY) + _DIGITS]) + _ENTRY


def sealed(model: bytes) -> bytes:
    """A serialised model with its digest as the last entry of the metadata."""
    return model + _SEAL + sha256(model).hexdigest().encode()


def check_seal(content: bytes) -> None:
    """Refuse a file of ours whose bytes are not those that were written.

    Raises
    ------
    DamagedModel
        The digest differs, or is gone. Files that sklort did not write have none and are not looked at.
    """
    end = len(content) - _DIGITS
    start = end - len(_SEAL)
    if start >= 0 and content[start:end] == _SEAL:
        if sha256(memoryview(content)[:start]).hexdigest().encode() != content[end:]:
            raise DamagedModel(
                "the file is damaged or was changed: its digest is not that of its content. Copy it again from where "
                "it was saved, or save the estimator anew; InferenceSession opens it without this check"
            )
    elif b"sklort.format" in content:
        raise DamagedModel(
            "the file is cut off or was written anew by another program: the digest at its end is missing. Copy it "
            "again from where it was saved, or save the estimator anew; InferenceSession opens it without this check"
        )


def opened(model: str | os.PathLike[str] | bytes, *, gpu: bool = False) -> tuple[Any, Graph, Intake, dict[str, Any]]:
    """The session, the graph, its intake and the fitted attributes in a file or in the bytes of one.

    Raises
    ------
    DamagedModel
        The file is not as it was written.
    """
    from sklort.session.inference_session import InferenceSession

    if isinstance(model, bytes):
        content = model
    else:
        with open(model, "rb") as file:
            content = file.read()
    check_seal(content)
    session = InferenceSession(content, providers=providers_of(gpu))
    return session, *restore(session, content)


def not_savable(report: SupportReport) -> ConversionError:
    """Why an estimator that is compiled in parts has no file."""
    fallen = ", ".join(f"{step.path!r} ({step.model})" for step in report.fallen)
    return ConversionError(
        f"an ONNX file cannot hold a step that runs in scikit-learn: {fallen}. Use pickle or joblib, or leave the step "
        "out of the model and apply it before"
    )


def warn_of_version(made_by: str) -> None:
    """Warn where an estimator that is unpickled was pickled by another sklort; called by `__setstate__`."""
    if made_by != __version__:
        warnings.warn(
            f"this estimator was pickled by sklort {made_by} and is opened by {__version__}, which may not read it "
            "right: fit or convert it again, or keep models across versions with save and sklort.load",
            UserWarning,
            stacklevel=3,
        )


def _versions() -> dict[str, str]:
    found = {"sklort": __version__}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def metadata(graph: Graph, intake: Intake, model: Any, report: ParityReport | None) -> dict[str, str]:
    """The metadata that makes a graph an estimator again; all values JSON."""
    taken = intake.acceptance
    said = {
        "sklort.format": FORMAT,
        "sklort.versions": _versions(),
        "sklort.model": type(model).__name__,
        "sklort.kind": kind_of_model(model),
        "sklort.signature": list(graph.signature),
        "sklort.layout": intake.layout,
        "sklort.inputs": [[one.name, list(one.columns), one.dtype.name] for one in graph.inputs],
        "sklort.outputs": graph.outputs,
        "sklort.forms": {method: form.as_json() for method, form in graph.forms.items()},
        "sklort.features": {"n": intake.n_features, "names": intake.names},
        "sklort.acceptance": {
            "nan": [bool(one) for one in taken.nan],
            "limit": taken.limit if np.isfinite(taken.limit) else None,
            "sparse": taken.sparse,
            "bare_refused": taken.bare_refused,
            "by_name": taken.by_name,
            "extra": taken.extra,
            "missing": taken.missing,
            "whole": taken.whole,
            "framing": taken.framing,
        },
        "sklort.classes": _classes_out(getattr(model, "classes_", None)),
        "sklort.parity": report.as_dict() if report is not None else None,
    }
    return {key: json.dumps(value) for key, value in said.items()}


def kind_of_model(model: Any) -> str | None:
    """The estimator type as scikit-learn's tags name it, e.g. "classifier"."""
    from sklearn.utils import get_tags

    kind = get_tags(model).estimator_type
    return None if kind is None else str(kind)


def restore(session: Any, model: bytes) -> tuple[Graph, Intake, dict[str, Any]]:
    """Read back what `metadata` wrote; for a model from elsewhere, read its inputs and outputs.

    Returns
    -------
    graph : Graph
    intake : Intake
    fitted : dict
        Further attributes of the estimator: ``kind``, ``parity_report_``, for a classifier ``classes_``.
    """
    stored = {
        key: json.loads(value)
        for key, value in session.get_modelmeta().custom_metadata_map.items()
        if key.startswith("sklort.") and key != _KEY.decode()
    }
    if not stored:
        return _foreign(session, model)
    if stored["sklort.format"] > FORMAT:
        theirs = stored["sklort.versions"]["sklort"]
        raise ValueError(
            f"the file was saved by sklort {theirs} in format {stored['sklort.format']}; this is sklort {__version__}, "
            f"which reads formats up to {FORMAT}: pip install 'sklort>={theirs}', or save it with an older sklort"
        )
    inputs = tuple(GraphInput(name, tuple(columns), np.dtype(d)) for name, columns, d in stored["sklort.inputs"])
    taken, features = stored["sklort.acceptance"], stored["sklort.features"]
    limit = np.inf if taken["limit"] is None else float(taken["limit"])
    missing = tuple(map(tuple, taken.get("missing", ())))
    acceptance = Acceptance(**{**taken, "nan": tuple(taken["nan"]), "limit": limit, "missing": missing})
    names = tuple(features["names"]) if features["names"] is not None else None
    graph = Graph(
        tuple(stored["sklort.signature"]),
        model,
        inputs,
        stored["sklort.outputs"],
        {method: Form.from_json(form) for method, form in stored["sklort.forms"].items()},
    )
    report = stored["sklort.parity"]
    fitted = {
        "kind": stored["sklort.kind"],
        "parity_report_": ParityReport.from_dict(report) if report is not None else None,
        "versions_": stored["sklort.versions"],
    }
    classes = _classes_in(stored["sklort.classes"])
    if classes is not None:
        fitted["classes_"] = classes
    return graph, Intake(stored["sklort.layout"], inputs, int(features["n"]), names, acceptance), fitted


def _foreign(session: Any, model: bytes) -> tuple[Graph, Intake, dict[str, Any]]:
    """A model that sklort did not write: one matrix in, the methods guessed from the names of the outputs."""
    given = session.get_inputs()
    if len(given) != 1 or given[0].type not in _NUMPY_DTYPE:
        spoken = ", ".join(f"{one.name}: {one.type}" for one in given)
        raise ValueError(
            f"a model of one matrix of numbers is expected, this one takes ({spoken}): use InferenceSession"
        )
    dtype = np.dtype(_NUMPY_DTYPE[given[0].type])
    shape = given[0].shape
    if len(shape or ()) != 2 or not isinstance(shape[1], int):
        raise ValueError(
            f"the width of input {given[0].name!r} is not in the model (shape {shape}): use InferenceSession"
        )
    acceptance = Acceptance(nan=(True,) * shape[1], limit=np.inf)
    inputs = (GraphInput(given[0].name, tuple(range(shape[1])), dtype),)
    names = [one.name for one in session.get_outputs()]
    answers = session.run(names, {given[0].name: np.zeros((1, shape[1]), dtype=dtype)})
    outputs: dict[str, str] = {}
    for name, answer in zip(names, answers, strict=True):
        method = _guess(name, first=name == names[0])
        if method is not None and isinstance(answer, np.ndarray):
            outputs.setdefault(method, name)
    forms = {m: _form(m, np.asarray(answers[names.index(name)])) for m, name in outputs.items()}
    if not outputs:
        raise ValueError(f"no output of the model is an array with a known meaning: {', '.join(names)}")
    fitted: dict[str, Any] = {
        "kind": "classifier" if "predict_proba" in outputs else None,
        "parity_report_": None,
        "versions_": {},
    }
    return (
        Graph((dtype.name,), model, inputs, outputs, forms),
        Intake("matrix", inputs, shape[1], None, acceptance),
        fitted,
    )


def _guess(name: str, *, first: bool) -> str | None:
    word = name.lower()
    if "prob" in word:
        return "predict_proba"
    if "transform" in word:
        return "transform"
    if "decision" in word:
        return "decision_function"
    return "predict" if first or "label" in word else None


def _form(method: str, answer: npt.NDArray[Any]) -> Form:
    dtype = "|O" if answer.dtype.kind in "OUT" else answer.dtype.str
    single = method == "predict" and answer.ndim == 2 and answer.shape[1] == 1
    return Form(dtype, () if single else tuple(int(n) for n in answer.shape[1:]))


def _classes_out(classes: Any) -> Any:
    if classes is None:
        return None
    if isinstance(classes, list):
        return {"list": [_classes_out(one) for one in classes]}
    return {"dtype": classes.dtype.str, "values": classes.tolist()}


def _classes_in(stored: Any) -> Any:
    if stored is None:
        return None
    if "list" in stored:
        return [_classes_in(one) for one in stored["list"]]
    return np.asarray(stored["values"], dtype=stored["dtype"])
