"""Models made of models: what they are made of, what each part sees of X, and the same model made of other parts.

A part can only be replaced where its owner looks it up at every call; the tables below say where scikit-learn's own
owners do. A model that is in none of them is one piece.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from typing import Any, NamedTuple


class Anatomy(NamedTuple):
    """How one class of models is made.

    Attributes
    ----------
    parts : callable
        ``parts(model) -> [(name, fitted part), ...]``
    rows : callable
        ``rows(model, X) -> [X of the first part, ...]``
    rebuilt : callable
        ``rebuilt(model, [part, ...]) -> model`` of these parts; the model given stays as it is.
    """

    parts: Callable[[Any], list[tuple[str, Any]]]
    rows: Callable[[Any, Any], list[Any]]
    rebuilt: Callable[[Any, list[Any]], Any]


def anatomy_of(model: Any) -> Anatomy | None:
    """The entry for the class of `model`; None where it is one piece, or not fitted."""
    kind = type(model)
    if not kind.__module__.startswith("sklearn."):
        return None
    found = _ANATOMY.get(kind.__name__)
    if found is None:
        return None
    try:
        return found if found.parts(model) else None
    except AttributeError:  # not fitted, or fitted without the part: refit=False
        return None


def leaves(model: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The parts at the bottom, each with the names that lead to it, joined by "__"."""
    anatomy = anatomy_of(model)
    if anatomy is None:
        yield path or type(model).__name__.lower(), model
        return
    for name, part in anatomy.parts(model):
        yield from leaves(part, f"{path}__{name}" if path else name)


def is_step(part: Any) -> bool:
    """Whether a step does anything: "passthrough" and "drop" do not."""
    return part is not None and not isinstance(part, str)


def _copied(model: Any, **attributes: Any) -> Any:
    other = copy(model)
    other.__dict__.update(attributes)
    return other


def _seen_by_all(model: Any, X: Any) -> list[Any]:
    return [X] * len(_ANATOMY[type(model).__name__].parts(model))


# -- pipelines, unions, column transformers --------------------------------------------------------------------------


def _pipeline_parts(model: Any) -> list[tuple[str, Any]]:
    return [(name, step) for name, step in model.steps if is_step(step)]


def _pipeline_rows(model: Any, X: Any) -> list[Any]:
    steps = _pipeline_parts(model)
    rows = [X]
    for _, step in steps[:-1]:
        rows.append(step.transform(rows[-1]))
    return rows


def _pipeline_rebuilt(model: Any, parts: list[Any]) -> Any:
    left = iter(parts)
    return _copied(model, steps=[(name, next(left) if is_step(step) else step) for name, step in model.steps])


def _union_parts(model: Any) -> list[tuple[str, Any]]:
    return [(name, step) for name, step in model.transformer_list if is_step(step)]


def _union_rebuilt(model: Any, parts: list[Any]) -> Any:
    left = iter(parts)
    steps = [(name, next(left) if is_step(step) else step) for name, step in model.transformer_list]
    return _copied(model, transformer_list=steps)


def _column_parts(model: Any) -> list[tuple[str, Any]]:
    return [(name, step) for name, step, columns in model.transformers_ if is_step(step) and _some(columns)]


def _some(columns: Any) -> bool:
    return not hasattr(columns, "__len__") or len(columns) > 0


def _column_rows(model: Any, X: Any) -> list[Any]:
    from sklearn.utils import _safe_indexing

    chosen = [columns for _, step, columns in model.transformers_ if is_step(step) and _some(columns)]
    return [_safe_indexing(X, columns, axis=1) for columns in chosen]


def _column_rebuilt(model: Any, parts: list[Any]) -> Any:
    left = iter(parts)
    return _copied(
        model,
        transformers_=[
            (name, next(left) if is_step(step) and _some(columns) else step, columns)
            for name, step, columns in model.transformers_
        ],
    )


# -- estimators around others ----------------------------------------------------------------------------------------


def _around(attribute: str) -> Anatomy:
    """An estimator that hands X on to the one in `attribute`."""
    return Anatomy(
        lambda model: [(attribute.rstrip("_"), getattr(model, attribute))],
        _seen_by_all,
        lambda model, parts: _copied(model, **{attribute: parts[0]}),
    )


def _several(model: Any) -> list[tuple[str, Any]]:
    given = getattr(model, "estimators", None)
    names = [name for name, one in given if is_step(one)] if given else map(str, range(len(model.estimators_)))
    return list(zip(names, model.estimators_, strict=True))


def _stacked(model: Any) -> list[tuple[str, Any]]:
    return [*_several(model), ("final_estimator", model.final_estimator_)]


def _stacked_rows(model: Any, X: Any) -> list[Any]:
    return [*[X] * len(model.estimators_), model.transform(X)]


def _stacked_rebuilt(model: Any, parts: list[Any]) -> Any:
    return _copied(model, estimators_=parts[:-1], final_estimator_=parts[-1])


def _calibrated(model: Any) -> list[tuple[str, Any]]:
    return [(str(i), one.estimator) for i, one in enumerate(model.calibrated_classifiers_)]


def _calibrated_rebuilt(model: Any, parts: list[Any]) -> Any:
    pairs = zip(model.calibrated_classifiers_, parts, strict=True)
    return _copied(model, calibrated_classifiers_=[_copied(one, estimator=part) for one, part in pairs])


_STACK = Anatomy(_stacked, _stacked_rows, _stacked_rebuilt)
_MANY = Anatomy(_several, _seen_by_all, lambda model, parts: _copied(model, estimators_=parts))

_ANATOMY: dict[str, Anatomy] = {
    "Pipeline": Anatomy(_pipeline_parts, _pipeline_rows, _pipeline_rebuilt),
    "FeatureUnion": Anatomy(_union_parts, _seen_by_all, _union_rebuilt),
    "ColumnTransformer": Anatomy(_column_parts, _column_rows, _column_rebuilt),
    "CalibratedClassifierCV": Anatomy(_calibrated, _seen_by_all, _calibrated_rebuilt),
    **dict.fromkeys(
        ("GridSearchCV", "RandomizedSearchCV", "HalvingGridSearchCV", "HalvingRandomSearchCV"),
        _around("best_estimator_"),
    ),
    "FrozenEstimator": _around("estimator"),
    "StackingClassifier": _STACK,
    "StackingRegressor": _STACK,
    "TransformedTargetRegressor": _around("regressor_"),
    **dict.fromkeys(
        ("FixedThresholdClassifier", "SelfTrainingClassifier", "TunedThresholdClassifierCV"), _around("estimator_")
    ),
    **dict.fromkeys(
        (
            "MultiOutputClassifier",
            "MultiOutputRegressor",
            "OneVsRestClassifier",
            "VotingClassifier",
            "VotingRegressor",
        ),
        _MANY,
    ),
}
