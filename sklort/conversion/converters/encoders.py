"""OneHotEncoder, OrdinalEncoder, TargetEncoder: one column at a time, side by side in the end.

Categories are matched exactly, and numbered. A table over the numbers says the rest: what is grouped as infrequent,
what is dropped, what stands for a missing or an unknown category. Source of the rules:
``sklearn/preprocessing/_encoders.py``, ``_target_encoder.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from sklort.conversion.converters.search import count_not_above
from sklort.conversion.tensor import Tensor
from sklort.conversion.writer import BOOL, DOUBLE, FLOAT, INT64, STRING, Answers, Write, Writer
from sklort.exceptions import ConversionError
from sklort.graph.missing import is_missing, word_of

_OUTPUT_DTYPES = {FLOAT, DOUBLE, INT64, BOOL}
_FEW = 16
BEYOND = np.iinfo(np.int32).max
"""A number that no table has: to look it up is an error, as an unknown category is."""


def _numbers(categories: np.ndarray) -> np.ndarray:
    """Categories of a column of Python objects as numbers, where they all are."""
    if categories.dtype.kind == "O" and all(isinstance(v, int | float | np.number | np.bool_) for v in categories):
        return categories.astype(np.float64)
    return categories


def codes(writer: Writer, column: Tensor, categories: np.ndarray, number: int) -> Tensor:
    """Numbers (n,) of the categories of a column (n, 1), and the number of categories for a value that is none."""
    count = len(categories)
    if column.dtype == STRING:
        known = {key: i for i, key in enumerate(map(_word, categories)) if key is not None}
        if len(known) < sum(not is_missing(v) for v in categories):
            raise ConversionError(
                f"column {number} of {writer.where} has numbers among its categories but is fed strings"
            )
        return _looked_up(writer, column, "strings", list(known), list(known.values()), count)
    categories = _numbers(np.asarray(categories))
    if categories.dtype.kind not in "biuf":
        raise ConversionError(
            f"column {number} of {writer.where} has categories of dtype {categories.dtype}, not numbers"
        )
    if column.dtype.kind in "bi":
        whole = {int(v): i for i, v in enumerate(categories) if np.isfinite(v) and v == np.floor(v)}
        return _looked_up(writer, column.astype(INT64), "int64s", list(whole), list(whole.values()), count)
    return _found(writer, column.astype(DOUBLE), categories.astype(np.float64))


def _word(category: Any) -> str | None:
    """How a category stands in a tensor of strings; None where it cannot."""
    return str(category) if isinstance(category, str) else word_of(category)


def _looked_up(writer: Writer, column: Tensor, kind: str, keys: list[Any], places: list[int], count: int) -> Tensor:
    given: dict[str, Any] = {f"keys_{kind}": keys, "values_int64s": places, "default_int64": count}
    if not keys:
        return writer.for_each_row(np.array([count])).flat()
    name = writer.node("LabelEncoder", [column.name], domain="ai.onnx.ml", **given)
    return Tensor(writer, name, INT64).flat()


def _found(writer: Writer, rows: Tensor, categories: np.ndarray) -> Tensor:
    """Numbers of doubles; NaN equals NaN."""
    count = len(categories)
    order = np.argsort(categories, kind="stable")  # NaN last
    known = order[~np.isnan(categories[order])]
    if len(known) <= _FEW:
        marks = rows.equals(categories[known].reshape(1, -1)).astype(INT64)
        found = (marks * (known - count).reshape(1, -1)).sum(keep=False) + count if len(known) else None
    else:
        values = categories[known]
        at = (count_not_above(writer, rows, [values]) - 1).maximum(np.zeros(1, np.int64))
        same = writer.tensor(values).take(at, axis=0).equals(rows)
        found = same.where(writer.tensor(known.astype(np.int64)).take(at, axis=0), np.array(count)).flat()
    if found is None:
        found = writer.for_each_row(np.array([count])).flat()
    missing = np.flatnonzero(np.isnan(categories))
    if len(missing):
        found = rows.flat().is_nan().where(np.array(int(missing[0])), found)
    return found


def _infrequent(model: Any) -> bool:
    mappings = getattr(model, "_default_to_infrequent_mappings", None)
    return mappings is not None and any(m is not None for m in mappings)


def _groups(model: Any, column: int) -> np.ndarray:
    """The number each category has once infrequent ones are grouped; the group's own number is the last."""
    count = len(model.categories_[column])
    if not _infrequent(model) or model._default_to_infrequent_mappings[column] is None:
        return np.arange(count)
    mapping = np.asarray(model._default_to_infrequent_mappings[column], np.int64)
    return np.append(mapping, np.zeros(count - len(mapping), np.int64))  # OrdinalEncoder groups no missing category


def _output_dtype(model: Any) -> np.dtype:
    dtype: np.dtype = np.dtype(model.dtype)
    if dtype not in _OUTPUT_DTYPES:
        raise ConversionError(f"{type(model).__name__}(dtype={dtype}): choose float32, float64, int64 or bool")
    return dtype


def _one_hot_places(model: Any, column: int) -> np.ndarray:
    """For each category, and for an unknown one, its column among those of this feature; -1 for none."""
    groups = _groups(model, column)
    grouped = len(groups) and groups.max() + 1
    infrequent = _infrequent(model) and model._default_to_infrequent_mappings[column] is not None
    unknown = int(grouped) - 1 if infrequent and model.handle_unknown in ("infrequent_if_exist", "warn") else -1
    places = np.append(groups, unknown)
    drops = model._drop_idx_after_grouping
    if drops is not None and drops[column] is not None:
        drop = int(drops[column])
        places = np.where(places == drop, -1, places - (places > drop))
    if model.handle_unknown == "error":
        places = places[:-1]
    return places.astype(np.int64)


def _write_one_hot(writer: Writer) -> Answers:
    model = writer.model
    dtype = _output_dtype(model)
    parts = []
    for i, column in enumerate(writer.columns(len(model.categories_))):
        categories, places = np.asarray(model.categories_[i]), _one_hot_places(model, i)
        width = int(model._n_features_outs[i])
        if not width:
            continue
        count = len(categories)
        grouped = not np.array_equal(_groups(model, i), np.arange(count))
        known = None if grouped else _as_known(writer, column, categories)
        if known is not None:
            rows, keys = known
            hot = _marked(writer, rows, keys, count, strict=model.handle_unknown == "error")
            if width < count:
                hot = hot.take(np.flatnonzero(places[:count] >= 0), axis=1)
        else:
            code = codes(writer, column, categories, i)
            place = writer.tensor(places, "places").take(_guarded(code, len(places)), axis=0)
            hot = _marked(writer, place.column(), {"cats_int64s": list(range(width))}, width, strict=False)
        parts.append(hot)
    if not parts:
        raise ConversionError("OneHotEncoder keeps no column: there is nothing to convert")
    return {"transform": writer.beside(parts).astype(dtype)}


def _guarded(code: Tensor, length: int) -> Tensor:
    """Numbers for which the table has no entry, made so large that looking them up is an error everywhere."""
    return (code >= np.array(length)).where(np.array(BEYOND), code)


def _as_known(writer: Writer, column: Tensor, categories: np.ndarray) -> tuple[Tensor, dict[str, Any]] | None:
    """A column, and the attribute with which OneHotEncoder of ai.onnx.ml knows its categories."""
    if column.dtype == STRING:
        words = list(map(_word, categories))
        return None if None in words else (column, {"cats_strings": words})
    numbers = _numbers(categories)
    if numbers.dtype.kind not in "biuf":
        return None
    if column.dtype.kind in "bi" and (numbers.astype(np.int64) == numbers).all():
        return column.astype(INT64), {"cats_int64s": numbers.astype(np.int64).tolist()}
    return _ranked(writer, column, numbers.astype(np.float64)), {"cats_int64s": list(range(1, len(numbers) + 1))}


def _ranked(writer: Writer, column: Tensor, values: np.ndarray) -> Tensor:
    """1 for the first category, 2 for the second, ..., 0 for a value that is none: int64 (n, 1).

    The operator has no categories of floats. A pass knows these nodes: behind it no matrix is made of them.
    """
    rows = column.astype(DOUBLE)
    found = rows.equals(values.reshape(1, -1))
    if np.isnan(values).any():
        found = found | (rows.is_nan() & writer.tensor(np.isnan(values).reshape(1, -1)))
    return (found.astype(INT64) * np.arange(1, len(values) + 1, dtype=np.int64).reshape(1, -1)).sum()


def _marked(writer: Writer, column: Tensor, keys: dict[str, Any], width: int, *, strict: bool) -> Tensor:
    """(n, 1) -> (n, width) of zeros and ones, float32. With `strict` an unknown value is an error."""
    hot = writer.node("OneHotEncoder", [column.name], domain="ai.onnx.ml", zeros=0 if strict else 1, **keys)
    return Tensor(writer, hot, FLOAT).reshape(-1, width)


def _write_ordinal(writer: Writer) -> Answers:
    model = writer.model
    dtype = _output_dtype(model)
    missing = getattr(model, "_missing_indices", {})
    parts = []
    for i, column in enumerate(writer.columns(len(model.categories_))):
        table = _groups(model, i).astype(np.float64)
        if i in missing:
            table[missing[i]] = model.encoded_missing_value
        if model.handle_unknown == "use_encoded_value":
            table = np.append(table, model.unknown_value)
        code = _guarded(codes(writer, column, np.asarray(model.categories_[i]), i), len(table))
        parts.append(writer.tensor(table.astype(dtype), "ranks").take(code, axis=0).column())
    return {"transform": writer.beside(parts)}


def _write_target_encoder(writer: Writer) -> Answers:
    model = writer.model
    each = len(model.classes_) if model.target_type_ == "multiclass" else 1
    means = np.ravel(model.target_mean_)
    parts = []
    for i, column in enumerate(writer.columns(len(model.categories_))):
        encodings = model.encodings_[i * each : (i + 1) * each]
        table = np.column_stack([np.append(e, m) for e, m in zip(encodings, means, strict=True)])
        code = codes(writer, column, np.asarray(model.categories_[i]), i)
        parts.append(writer.tensor(table.astype(np.float64), "encodings").take(code, axis=0))
    return {"transform": writer.beside(parts)}


CONVERTERS: dict[type, Write] = {
    OneHotEncoder: _write_one_hot,
    OrdinalEncoder: _write_ordinal,
    TargetEncoder: _write_target_encoder,
}
