"""The other engines, each where it is installed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from benchmarks.store import Fitted
    from sklort.timing.race import Runner


def use_threads(model: Any, threads: int) -> None:
    """Set `n_jobs` wherever the model, or a step of it, has one."""
    model.set_params(**{name: threads for name in model.get_params() if name.split("__")[-1] == "n_jobs"})


def use_fastest_threads(model: Any, X: Any, cores: int) -> None:
    """Give scikit-learn the `n_jobs` it is faster with on this X: threads cost a small batch more than they save."""
    if cores == 1 or not any(name.split("__")[-1] == "n_jobs" for name in model.get_params()):
        return
    best = dict.fromkeys((1, cores), float("inf"))
    for _ in range(1 if len(X) > 10_000 else 3):
        for threads in best:
            use_threads(model, threads)
            begin = perf_counter()
            model.predict_proba(X)
            best[threads] = min(best[threads], perf_counter() - begin)
    use_threads(model, min(best, key=lambda threads: best[threads]))


class OnnxRuntime:
    """onnxruntime on an ONNX model with one array input or one input for each column.

    Making its feed from a data frame is a part of the time: whoever calls it must do it.
    """

    def __init__(self, model: bytes) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.inputs = [one.name for one in self.session.get_inputs()]
        self.probabilities = next(one.name for one in self.session.get_outputs() if "prob" in one.name)

    def predict_proba(self, X: Any) -> Any:
        if isinstance(X, pd.DataFrame):
            feed = {}
            for name in self.inputs:
                column = X[name].to_numpy()
                feed[name] = (column if column.dtype.kind in "fiu" else column.astype(object)).reshape(-1, 1)
        else:
            feed = {self.inputs[0]: np.ascontiguousarray(X)}
        return self.session.run([self.probabilities], feed)[0]


def onnxruntime_of(model: bytes) -> OnnxRuntime | None:
    """onnxruntime on this model, where it is installed."""
    return None if find_spec("onnxruntime") is None else OnnxRuntime(model)


class Unsuitable(Exception):
    """Why a rival that is installed cannot run a model."""


MOST_LEAVES_IN_PYTHON = 200_000
"""ydf builds a forest of objects in Python first."""
MOST_LEAVES_IN_C = 30_000
"""A C compiler takes many minutes for more, and for much more it gives up."""

Make = Callable[["Fitted"], "Callable[[Any], Runner] | None"]
"""A rival: from a fitted family an engine, see `engines`; None for a kind of model it was not made for."""


def own_booster(fitted: Fitted) -> Callable[[Any], Runner] | None:
    """LightGBM's or XGBoost's own `predict`, without the methods made for scikit-learn around it."""
    if fitted.family.library == "LightGBM":
        predict = fitted.model.booster_.predict
        return lambda rows: partial(_both, partial(predict, rows, num_threads=1))
    if fitted.family.library == "XGBoost":
        booster = fitted.model.get_booster()
        booster.set_param({"nthread": 1})
        return lambda rows: partial(_both, partial(booster.inplace_predict, rows))
    return None


def lleaves(fitted: Fitted) -> Callable[[Any], Runner] | None:
    """LightGBM's trees compiled by LLVM."""
    if find_spec("lleaves") is None or fitted.family.library != "LightGBM":
        return None
    import lleaves

    text, library = fitted.folder / "lightgbm.txt", fitted.folder / "lleaves.bin"
    fitted.model.booster_.save_model(text)
    model = lleaves.Model(model_file=str(text))
    model.compile(cache=str(library))
    return lambda rows: partial(_both, partial(model.predict, rows, n_jobs=1))


def daal4py(fitted: Fitted) -> Callable[[Any], Runner] | None:
    """oneDAL through its model builders."""
    if find_spec("daal4py") is None:
        return None
    import daal4py

    daal4py.daalinit(1)
    kind = type(fitted.model).__name__
    if kind in ("LGBMClassifier", "XGBClassifier", "LogisticRegression"):
        source = fitted.model
    elif kind in ("GradientBoostingClassifier", "GradientBoostingRegressor", "HistGradientBoostingClassifier"):
        source = _treelite(fitted)
    else:
        return None
    model = _made(daal4py.mb.convert_model, source)
    return lambda rows: partial(getattr(model, fitted.family.method), rows)


def ydf(fitted: Fitted) -> Callable[[Any], Runner] | None:
    """Yggdrasil Decision Forests."""
    if find_spec("ydf") is None or not _is_forest(fitted.model) or fitted.family.library != "scikit-learn":
        return None
    if fitted.size.leaves > MOST_LEAVES_IN_PYTHON:
        raise Unsuitable(f"{fitted.size.leaves:,} leaves take minutes to convert")
    import ydf

    model = _made(ydf.from_sklearn, fitted.model)
    name = model.input_feature_names()[0].split(".")[0]
    answers = _answers(fitted)
    return lambda rows: lambda: answers(lambda: model.predict({name: rows}, num_threads=1))


def tl2cgen(fitted: Fitted) -> Callable[[Any], Runner] | None:
    """Trees as C, compiled."""
    if find_spec("tl2cgen") is None or find_spec("treelite") is None or not _is_forest(fitted.model):
        return None
    import tl2cgen

    library = fitted.folder / "tl2cgen.so"
    if not library.exists():
        if fitted.size.leaves > MOST_LEAVES_IN_C:
            raise Unsuitable(f"{fitted.size.leaves:,} leaves are too many for a C compiler")
        parameters = {"parallel_comp": 32}  # many small files: compilers take long for a large one
        _made(partial(tl2cgen.export_lib, _treelite(fitted), "gcc", library, params=parameters))
    model = tl2cgen.Predictor(library, nthread=1)
    answers = _answers(fitted)
    return lambda rows: lambda: answers(lambda: model.predict(tl2cgen.DMatrix(rows, dtype="float32")))


RIVALS: Mapping[str, Make] = {
    "the library's booster": own_booster,
    "lleaves": lleaves,
    "daal4py": daal4py,
    "ydf": ydf,
    "tl2cgen": tl2cgen,
}


def _is_forest(model: Any) -> bool:
    return hasattr(model, "n_estimators") or hasattr(model, "max_leaf_nodes")


def _treelite(fitted: Fitted) -> Any:
    import treelite

    if fitted.family.library == "LightGBM":
        return treelite.frontend.from_lightgbm(fitted.model.booster_)
    if fitted.family.library == "XGBoost":
        return treelite.frontend.from_xgboost(fitted.model.get_booster())
    return _made(treelite.sklearn.import_model, fitted.model)


def _made(make: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return make(*arguments)
    except Exception as error:
        raise Unsuitable(f"{type(error).__name__}: {str(error).strip().splitlines()[0]}") from error


def _answers(fitted: Fitted) -> Callable[[Runner], Any]:
    """From what a compiler of trees returns to what was asked of the model."""
    if fitted.family.method == "decision_function":  # theirs grows with the strangeness of a row
        return lambda run: -np.asarray(run()).reshape(-1) - fitted.model.offset_
    return _both if fitted.family.classifies else _flat


def _both(run: Runner) -> Any:
    """Probabilities of two classes, as scikit-learn returns them, where there is one for each row."""
    found = np.asarray(run())
    found = found.reshape(len(found), -1)
    return np.hstack([1 - found, found]) if found.shape[1] == 1 else found


def _flat(run: Runner) -> Any:
    return np.asarray(run()).reshape(-1)
