"""Fit, convert, run and compare one variant of the catalogue, on any backend that has onnxruntime's interface."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from skl2onnx import to_onnx
from skl2onnx._supported_operators import _get_sklearn_operator_name
from skl2onnx.common._registration import _converter_pool
from skl2onnx.common.data_types import DictionaryType, FloatTensorType, Int64TensorType, StringTensorType

from tests.conformance.catalogue import Variant, answers_of
from tests.conformance.catalogue_data import as_asked, as_fed, rows, target

STAGES = ("not converted", "refused to load", "fails to run", "differs", "matches")
TOLERANCE = {"float32": 1e-4, "float64": 1e-8, "int64": 1e-4, "string": 1e-4}
Backend = Callable[[Any], Any]  # a ModelProto -> a session


@dataclass(frozen=True)
class Result:
    """How far a variant came, and what stopped it."""

    stage: str
    sentence: str = ""
    error: float = 0.0  # max |a - b| / (1 + |b|), infinite where labels or shapes differ
    session: Any = None
    outputs: tuple[Any, ...] = ()
    near: bool = False  # so near the tolerance that another chip or BLAS may fall on its other side


@lru_cache(maxsize=8)
def _fitted(estimator: str, parameters: str, wanted: str, data: str) -> Any:
    model = Variant(estimator, parameters, wanted, "").make()
    given, answers = rows(data)[0], target(wanted)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if data == "documents":
            return model.fit(given.ravel())
        if estimator == "_ConstantPredictor":
            return model.fit(given, answers[:1])
        return model.fit(given) if answers is None or data.endswith("as labels") else model.fit(given, answers)


def fitted(variant: Variant) -> Any:
    """The estimator, fitted; shared by the variants that differ in nothing that fitting sees."""
    return _fitted(variant.estimator, variant.parameters, variant.target, variant.data)


def fed(variant: Variant) -> Any:
    """The new rows, as the graph takes them."""
    return as_fed(rows(variant.data)[1], variant.dtype)


def _options(variant: Variant, model: Any) -> dict[str, Any]:
    options = variant.options
    last = model.steps[-1][1] if hasattr(model, "steps") else model
    last = getattr(last, "best_estimator_", last)
    if hasattr(model, "predict") and not variant.zipmap and "zipmap" not in options:
        allowed = _converter_pool[_get_sklearn_operator_name(type(last))].get_allowed_options()
        if isinstance(allowed, dict) and "zipmap" in allowed:
            options["zipmap"] = False
    return options


@lru_cache(maxsize=2)
def converted(variant: Variant, opset: int | None = None) -> Any:
    """What skl2onnx writes, as a user would ask for it, or with the operators of an older opset."""
    model, sample = fitted(variant), fed(variant)[:1]
    known: dict[str, Any] = {"X": sample}
    if variant.data == "records":
        known = {"initial_types": [("X", DictionaryType(StringTensorType([1]), FloatTensorType([1])))]}
    elif variant.data.endswith("as labels"):
        kind = StringTensorType if variant.dtype == "string" else Int64TensorType
        known = {"initial_types": [("X", kind([None]))]}
    options = _options(variant, model)
    if opset is not None:
        known["target_opset"] = {"": opset, "ai.onnx.ml": 1 if opset < 15 else 3}
    elif variant.estimator == "IsolationForest":
        known["target_opset"] = {"": 22, "ai.onnx.ml": 3}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return to_onnx(model, options={id(model): options} if options else None, **known)


def asked(variant: Variant) -> list[Any]:
    """scikit-learn's answers in double precision to the values fed, one for each output."""
    model, given = fitted(variant), as_asked(fed(variant))
    if variant.data == "documents":
        given = given.ravel()
    found: list[Any] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for method in answers_of(model, variant.options):
            if method == "kneighbors":
                distances, indices = model.kneighbors(given)
                found += [indices, distances]
            elif method == "predict_with_spread":
                spread = "return_cov" if variant.options.get("return_cov") else "return_std"
                found += list(model.predict(given, **{spread: True}))
            elif method == "decision_leaf":
                found.append(model.apply(given))
            elif method == "decision_path":
                found.append(_paths(model, given))
            elif method == "predict" and variant.options.get("nocl"):
                found.append(np.searchsorted(model.classes_, model.predict(given)))  # the option asks for numbers
            else:
                answer = getattr(model, method)(given)
                found.append(answer.toarray() if hasattr(answer, "toarray") else answer)
    return found


def _paths(model: Any, given: Any) -> np.ndarray:
    """For each row and tree, a digit for each node."""
    answer = model.decision_path(given)
    matrix, ends = (answer[0], answer[1]) if isinstance(answer, tuple) else (answer, [0, answer.shape[1]])
    dense = matrix.toarray()
    return np.array([["".join(map(str, row[a:b])) for a, b in pairwise(ends)] for row in dense])


def run(session: Any, variant: Variant) -> list[Any]:
    """All outputs on the new rows."""
    given = fed(variant)
    # onnx's own evaluator names its inputs otherwise.
    name = session.input_names[0] if hasattr(session, "input_names") else session.get_inputs()[0].name
    if isinstance(given, list):
        each = [session.run(None, {name: record}) for record in given]
        return [np.concatenate([np.asarray(one[k]) for one in each]) for k in range(len(each[0]))]
    if hasattr(given, "iloc"):
        return list(session.run(None, {column: given[column].to_numpy().reshape(-1, 1) for column in given.columns}))
    return list(session.run(None, {name: given}))


def _plain(value: Any, classes: Any) -> Any:
    """A tensor as it is; the maps of a ZipMap as an array; a sequence as a list."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        order = list(classes) if set(value[0]) == set(classes) else list(value[0])
        return np.array([[row[label] for label in order] for row in value])
    return [_plain(one, classes) for one in value] if isinstance(value, list) else np.asarray(value)


def distance(found: Any, expected: Any) -> tuple[float, str]:
    """max |a - b| / (1 + |b|), and a sentence; infinite where shapes or labels differ."""
    if isinstance(expected, list):
        parts = list(found) if len(found) == len(expected) else []
        if not parts:
            return np.inf, f"{len(found)} arrays where scikit-learn gives {len(expected)}"
        return max((distance(a, b) for a, b in zip(parts, expected, strict=True)), key=lambda pair: pair[0])
    if isinstance(found, list):
        return np.inf, "a sequence where scikit-learn gives an array"
    expected = np.asarray(expected)
    if expected.ndim == 1 and found.ndim == 2 and found.shape == (len(expected), 2) and expected.dtype.kind == "f":
        # skl2onnx gives a score of two classes a column for each; they are told apart by their sign.
        return min((distance(column, expected) for column in found.T), key=lambda pair: pair[0])
    if found.size != expected.size:
        return np.inf, f"shape {found.shape} where scikit-learn gives {expected.shape}"
    found = found.reshape(expected.shape)
    if expected.dtype.kind in "OSU":
        wrong = int((found.astype(str) != expected.astype(str)).sum())
    elif expected.dtype.kind == "b" or (expected.dtype.kind in "iu" and found.dtype.kind in "iub"):
        wrong = int((found.astype(np.int64) != expected.astype(np.int64)).sum())
    else:
        a, b = found.astype(np.float64), expected.astype(np.float64)
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        with np.errstate(invalid="ignore"):
            error = np.where(same, 0.0, np.abs(a - b) / (1 + np.abs(b)))
        largest = float(np.nan_to_num(error, nan=np.inf).max(initial=0.0))
        return largest, f"values differ by {largest:.1e}"
    return (np.inf, f"{wrong} of {expected.size} labels differ") if wrong else (0.0, "")


def compare(variant: Variant, outputs: list[Any], expected: list[Any]) -> tuple[float, str]:
    """The worst of all outputs."""
    classes = getattr(fitted(variant), "classes_", ())
    if variant.options.get("zipmap") == "columns":
        outputs = [outputs[0], np.stack([np.ravel(one) for one in outputs[1:]], axis=1)]
    plain = [_plain(value, classes) for value in outputs]
    if variant.estimator == "VotingClassifier" and len(expected) == 1:
        plain = plain[:1]  # the shares of the votes, which scikit-learn does not give
    if len(plain) != len(expected):
        return np.inf, f"{len(plain)} outputs where scikit-learn has {len(expected)}"
    return max((distance(a, b) for a, b in zip(plain, expected, strict=True)), key=lambda pair: pair[0])


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"[:200]


def evaluate(variant: Variant, backend: Backend, opset: int | None = None) -> Result:
    """Take the variant as far as it goes."""
    try:
        proto = converted(variant, opset)
    except Exception as error:  # noqa: BLE001 - skl2onnx raises anything
        return Result("not converted", _first_line(error))
    try:
        session = backend(proto)
    except Exception as error:  # noqa: BLE001
        return Result("refused to load", _first_line(error))
    try:
        outputs = run(session, variant)
    except Exception as error:  # noqa: BLE001
        return Result("fails to run", _first_line(error), session=session)
    error, sentence = compare(variant, outputs, asked(variant))
    stage = "matches" if error <= TOLERANCE[variant.dtype] else "differs"
    near = TOLERANCE[variant.dtype] / 4 < error < TOLERANCE[variant.dtype] * 4
    return Result(stage, "" if stage == "matches" else sentence, error, session, tuple(outputs), near)


def onnxruntime_backend() -> Backend | None:
    """onnxruntime, where it happens to be installed."""
    try:
        import onnxruntime
    except ImportError:
        return None
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    return lambda proto: onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
