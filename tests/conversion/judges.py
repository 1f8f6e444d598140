"""A converted model before all judges: sklort's session, onnx.reference, onnxruntime, the user; and cruel rows."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator
from threadpoolctl import threadpool_limits

import sklort
from sklort import InferenceSession
from sklort.conversion import Conversion, convert_model
from sklort.estimator import frames
from sklort.estimator.acceptance import Acceptance, attempt, probe
from sklort.estimator.adversarial import adversarial_rows
from sklort.estimator.methods import METHODS
from sklort.estimator.prepare import plain_sample
from sklort.exceptions import ScikitLearnAnswered

NEWEST = 5


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Small models are fitted faster by one thread than by several that wait for each other."""
    with threadpool_limits(1):
        yield


def _onnxruntime(model: bytes) -> Any:
    try:
        import onnxruntime
    except ImportError:
        return None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options)


def feeds(conversion: Conversion, X: Any) -> dict[str, np.ndarray]:
    given = {}
    for i in conversion.inputs:
        values = np.asarray(X) if i.columns is None else X[list(i.columns)].to_numpy()
        given[i.name] = values.astype(i.dtype)
    return given


def _expected(model: Any, method: str, X: Any) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answer = getattr(model, method)(X)
    if isinstance(answer, list):
        widest = max(part.shape[1] for part in answer)
        return np.stack([np.pad(part, ((0, 0), (0, widest - part.shape[1]))) for part in answer])
    return answer.toarray() if hasattr(answer, "toarray") else np.asarray(answer)


def _same(method: str, got: np.ndarray, want: np.ndarray, rtol: float, who: str) -> None:
    assert got.shape == want.shape, (who, method, got.shape, want.shape)
    if want.dtype.kind in "OUSbiu" or got.dtype.kind in "OUSbiu":
        wrong = np.flatnonzero((got.astype(want.dtype) != want).reshape(len(want), -1).any(axis=1))
        assert not len(wrong), (who, method, f"{len(wrong)} labels of {len(want)}", wrong[:5])
        return
    assert got.dtype == want.dtype, (who, method, got.dtype)
    if method == "predict_log_proba":  # scikit-learn may add up logarithms where we take the logarithm of a sum
        rtol = max(rtol, 1e-15)
    np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol, err_msg=f"{who}: {method}")


def agree(
    model: Any,
    X: Any,
    *others: Any,
    ml: tuple[int, ...] = (NEWEST, 3),
    rtol: float = 0.0,
    loose: float | None = None,
    methods: set[str] | None = None,
    reference: bool = True,
) -> Conversion:
    """Convert `model` for X, for each version of ai.onnx.ml in `ml`, and hold all judges' answers against its own.

    Parameters
    ----------
    others : rows
        More rows to answer, in the container of X.
    rtol : float
        For sklort and onnx.reference, where 0 means to the last bit.
    loose : float, optional
        For onnxruntime, which adds in another order: 1e-12, or 1e-5 where answers are float32.
    """
    first: Conversion | None = None
    for version in ml:
        conversion = convert_model(model, X, target_opset={"": 21, "ai.onnx.ml": version})
        first = first or conversion
        onnx.checker.check_model(conversion.onnx_model, full_check=True)
        assert all(o.version <= version for o in conversion.onnx_model.opset_import if o.domain == "ai.onnx.ml")
        if methods is not None:
            assert set(conversion.outputs) == methods
        content = conversion.onnx_model.SerializeToString()
        session, second = InferenceSession(content), _onnxruntime(content)
        # onnx.reference 1.23 does not read what version 3 added to trees, and takes a 0 for the end of a set.
        null = any((f.get("membership_values", np.ones(1)) == 0).any() for f in forests_of(conversion))
        judge = ReferenceEvaluator(conversion.onnx_model) if reference and version != 3 and not null else None
        names = list(conversion.outputs.values())
        for rows in (X, *others):
            fed = feeds(conversion, rows)
            answers = {m: _expected(model, m, rows) for m in conversion.outputs}
            narrow = any(a.dtype == np.float32 for a in answers.values())
            far = max(rtol, loose if loose is not None else (1e-5 if narrow else 1e-12))
            for who, runner, allowed in (("sklort", session, rtol), ("reference", judge, rtol), ("ort", second, far)):
                if runner is None:
                    continue
                got = dict(zip(conversion.outputs, runner.run(names, fed), strict=True))
                for method, want in answers.items():
                    _same(method, got[method], want, allowed, f"{who}, ai.onnx.ml {version}")
    assert first is not None
    return first


def forests_of(conversion: Conversion) -> list[dict[str, np.ndarray]]:
    """The attributes of every TreeEnsemble."""
    found = []
    for node in conversion.onnx_model.graph.node:
        if node.op_type == "TreeEnsemble":
            attributes = {}
            for a in node.attribute:
                attributes[a.name] = onnx.numpy_helper.to_array(a.t) if a.type == a.TENSOR else np.array(a.ints or a.i)
            found.append(attributes)
    return found


def cruel_rows(conversion: Conversion, X: np.ndarray, most: int = 400) -> np.ndarray:
    """Rows on the thresholds of the graph's trees, and on the neighbours of those in float32 and float64."""
    rng = np.random.default_rng(0)
    width = X.shape[1]
    rows = []
    for forest in forests_of(conversion):
        plain = (forest["nodes_modes"] == 0) & (forest["nodes_featureids"] < width)
        pairs = np.unique(np.c_[forest["nodes_featureids"], forest["nodes_splits"]][plain], axis=0)
        for feature, cut in pairs[rng.permutation(len(pairs))[: most // 6]]:
            with np.errstate(over="ignore"):
                short = np.float32(cut)
                near = [short, np.nextafter(short, np.float32(np.inf)), np.nextafter(short, np.float32(-np.inf))]
                values = [cut, np.nextafter(cut, np.inf), np.nextafter(cut, -np.inf), *near]
            for value in values:
                with np.errstate(over="ignore"):
                    value = np.asarray(value, X.dtype)
                if abs(value) <= np.finfo(np.float32).max:
                    row = X[rng.integers(len(X))].copy()
                    row[int(feature)] = value
                    rows.append(row)
    return np.array(rows[:most], X.dtype).reshape(-1, width)


def odd_rows(X: np.ndarray, values: tuple[float, ...]) -> np.ndarray:
    """Rows of X with one value, or all of them, replaced by each of `values`."""
    rows = []
    for value in values:
        for column in range(X.shape[1]):
            row = X[column % len(X)].copy()
            row[column] = value
            rows.append(row)
        rows.append(np.full(X.shape[1], value))
    return np.array(rows, X.dtype)


def stands_in(model: Any, X: Any, *others: Any, tolerance: float = 1e-12, without: tuple[str, ...] = ()) -> Any:
    """Convert `model` as a user does, whole, and hold every method it has against scikit-learn's.

    On X, on a single row of it, on `others`, and on the rows that are made from the model to break a conversion: labels
    equal, numbers within `tolerance` of ``max(1, |number|)``, all of the same container, shape and dtype, and none
    answered by scikit-learn.

    Parameters
    ----------
    without : tuple of str
        Methods that the graph does not offer.

    Returns
    -------
    OnnxEstimator
    """
    estimator = sklort.convert(model, X, fallback="error")
    methods = [method for method in METHODS if hasattr(model, method) and method not in without]
    assert methods
    sample = plain_sample(frames.take_rows(X, np.arange(min(frames.height(X), 2000))))
    methods = [method for method in methods if attempt(model, method, sample) is not None]  # of "lsqr" no transform
    taken = Acceptance((False,)) if len(X.shape) == 1 else probe(model, methods[0], sample)
    made = adversarial_rows(model, methods[0], sample, taken)
    for origin, group in [("given", X), ("one row", X[:1]), *(("other", one) for one in others), *made]:
        for method in methods:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                want = getattr(model, method)(group)
                if origin != "missing category":  # None among words is left to scikit-learn
                    warnings.simplefilter("error", ScikitLearnAnswered)
                got = getattr(estimator, method)(group)
            _alike(got, want, tolerance, f"{method}, rows: {origin}")
    return estimator


def _alike(got: Any, want: Any, tolerance: float, where: str) -> None:
    assert type(got) is type(want), where
    if isinstance(want, list):
        assert len(got) == len(want), where
        for one, other in zip(got, want, strict=True):
            _alike(one, other, tolerance, where)
        return
    if hasattr(want, "toarray"):
        got, want = got.toarray(), want.toarray()
    assert (got.shape, got.dtype.kind, got.dtype.itemsize) == (want.shape, want.dtype.kind, want.dtype.itemsize), where
    if want.dtype.kind != "f":
        np.testing.assert_array_equal(got, want, err_msg=where)
    else:
        np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance, err_msg=where)
