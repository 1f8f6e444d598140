"""Rows made from a model to find where its conversion could go wrong.

A tree errs at its thresholds, so rows are laid exactly on them and one unit in the last place to either side, in
float32 (what scikit-learn's trees compare) and in float64; likewise on the edges of bins and on every category. What
stands in front of an estimator is undone, step by step, to find the X that comes to lie there. The other rows are what
real data holds and test data lacks: missing values, infinities, signed zeros, denormals, categories never seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from sklort.estimator import frames
from sklort.estimator.acceptance import Acceptance, attempt
from sklort.estimator.anatomy import anatomy_of, is_step, leaves
from sklort.estimator.marks import Marks, has_trees, marks, string_categories

Array = npt.NDArray[Any]
Groups = list[tuple[str, Any]]

MOST_LAID_ROWS = 1500
MOST_ROWS = 6000
MOST_CATEGORIES = 100
MOST_COLUMNS = 64
MOST_SUMMED = 16
UNSEEN = "a category never seen"
ODD_TEXTS: tuple[str, ...] = (
    *("", " ", "a", "a b c", "UPPER lower", "word-word word_word", "don't", "3.14 42", "tab\tnew\nline", "..."),
    *("Straße ÉCOLE école", "İstanbul ﬁne", "日本語 テキスト", "a\u0301 á", "\u200b", "😀 x", "word " * 300),
)
ASIDE = 1e-6
"""How far from a mark rows are laid, relatively, where sums stand in between: their rounding is nobody's promise."""


class Laid(NamedTuple):
    """Rows that come to lie on marks.

    Attributes
    ----------
    sharp : bool
        Their neighbours in the last place must come out right too.
    undone : bool
        A step in front was undone, and with it the neighbours in float32, the dtype that trees compare.
    """

    word: str
    rows: Any
    sharp: bool = True
    undone: bool = False


def adversarial_rows(model: Any, method: str, rows: Any, acceptance: Acceptance) -> Groups:
    """Rows made from `model` and from real `rows`, each group with a word on where it comes from.

    Parameters
    ----------
    model : fitted estimator
    method : str
        Called to learn whether the model takes a group at all; a group it refuses is left out.
    rows : array or frame of shape (n_samples, n_features)
    acceptance : Acceptance

    Returns
    -------
    list of (str, rows)
        Each group in the container of `rows`. The same model and rows give the same groups.
    """
    with np.errstate(all="ignore"):
        groups = _text_rows(rows) if len(rows.shape) == 1 else _groups(model, rows, acceptance)
    return [(origin, group) for origin, group in groups if attempt(model, method, group) is not None]


def _groups(model: Any, rows: Any, acceptance: Acceptance) -> Groups:
    groups: Groups = []
    if frames.kind_of(rows) not in ("sparse", "other"):
        few = frames.take_rows(rows, np.arange(min(frames.height(rows), MOST_LAID_ROWS // 5)))
        for laid in _laid_rows(model, few):
            groups += _with_neighbours(laid) if laid.sharp else [(laid.word, laid.rows)]
            if sum(frames.height(group) for _, group in groups) > MOST_ROWS:
                break
    groups += _number_rows(rows, acceptance)
    groups += _large_rows(model, rows, acceptance)
    return groups + _category_rows(rows)


# -- rows laid on marks ----------------------------------------------------------------------------------------------


def _laid_rows(model: Any, rows: Any) -> Iterator[Laid]:
    """Rows like `rows` that come to lie on the marks of `model`, or of a part of it."""
    anatomy = anatomy_of(model)
    if anatomy is None:
        yield from _on_marks(model, rows)
        return
    try:
        seen = anatomy.rows(model, rows)
    except Exception:  # noqa: BLE001 - rows that the model takes otherwise cost only the rows made from them
        return
    for i, ((_, part), inner) in enumerate(zip(anatomy.parts(model), seen, strict=True)):
        for laid in _laid_rows(part, inner):
            found = _undone_to(model, i, laid, rows, sees_all=inner is rows)
            if found is not None:
                yield found


def _undone_to(model: Any, part: int, laid: Laid, rows: Any, *, sees_all: bool) -> Laid | None:
    """Rows like `rows` of which `laid` is what part number `part` of `model` sees; None where there is no way back."""
    back, sharp, undone = laid.rows, laid.sharp, laid.undone
    try:
        if isinstance(model, Pipeline) and part:
            before = Pipeline(model.steps[: _number(model, part)])
            if _sums_columns(before, rows):
                if not sharp or frames.float_kind(rows) != np.float64:
                    return None
                sharp = False
                back = frames.map_floats(back, _aside)
            elif sharp and not undone:
                undone, back = True, frames.stack([frames.map_floats(back, change) for change in _SHORT])
            back = _undone(before, back, rows)
        elif isinstance(model, ColumnTransformer):
            chosen = [columns for _, step, columns in model.transformers_ if is_step(step) and np.size(columns)]
            back = _put(rows, _positions(rows, chosen[part]), back)
        elif not sees_all and not isinstance(model, Pipeline):
            return None  # the answers of other parts
    except Exception:  # noqa: BLE001 - a step that cannot be walked back only costs these rows
        return None
    return None if back is None else Laid(laid.word, back, sharp, undone)


def _aside(values: Array) -> Array:
    """Every other row a little above, the others a little below."""
    sides = np.where(np.arange(len(values)) % 2, ASIDE, -ASIDE).reshape((-1,) + (1,) * (values.ndim - 1))
    moved: Array = values + sides * np.maximum(1.0, np.abs(values))
    return moved


def _sums_columns(step: Any, rows: Any) -> bool:
    """Whether any column that `step` returns depends on two numbers of a row, as a matrix product does."""
    numbers = frames.float_columns(rows)[:MOST_SUMMED]
    two = frames.take_rows(rows, np.asarray([0, -1]) % frames.height(rows))
    one, other = frames.take_rows(two, [0]), frames.take_rows(two, [1])
    tries = [one] + [frames.with_columns(one, [i], [frames.column(other, i)]) for i in numbers]
    answers = frames.dense(step.transform(frames.stack(tries)))
    moved = ~((answers[1:] == answers[0]) | (np.isnan(answers[1:]) & np.isnan(answers[0])))
    return bool((moved.sum(axis=0) > 1).any())


def _number(model: Pipeline, part: int) -> int:
    """Where the step number `part`, "passthrough" not counted, is among all."""
    return [i for i, (_, step) in enumerate(model.steps) if is_step(step)][part]


def _undone(step: Any, points: Any, rows: Any) -> Any:
    """Rows like `rows` that `step` takes to `points`, as nearly as it can be undone; None where it cannot."""
    height = frames.height(points)
    like = frames.take_rows(rows, np.arange(height) % frames.height(rows))
    if isinstance(step, Pipeline):
        steps = [one for _, one in step.steps if is_step(one)]
        seen = [like]
        for one in steps[:-1]:
            seen.append(one.transform(seen[-1]))
        for one, before in zip(reversed(steps), reversed(seen), strict=True):
            points = _undone(one, points, before)
            if points is None:
                return None
        return points
    if isinstance(step, ColumnTransformer):
        return _undone_columns(step, frames.dense(points), like)
    if hasattr(step, "categories_"):
        return None  # each category is tried anyway
    if hasattr(step, "statistics_") or hasattr(step, "initial_imputer_"):  # an imputer leaves what is there
        back = frames.dense(points)
    else:
        back = frames.dense(step.inverse_transform(points))
    return back if back.shape == (height, frames.width(like)) else None


def _undone_columns(model: ColumnTransformer, points: Array, rows: Any) -> Any:
    """What single transformers do is undone; columns of the others stay as they are."""
    found = None
    for name, step, columns in model.transformers_:
        if (isinstance(step, str) and step == "drop") or not np.size(columns):
            continue
        positions = _positions(rows, columns)
        values = points[:, model.output_indices_[name]]
        if is_step(step):
            try:
                values = _undone(step, values, frames.take_columns(rows, positions))
            except Exception:  # noqa: BLE001 - as above
                continue
        if values is not None:
            rows = found = _put(rows, positions, values)
    return found


def _put(rows: Any, positions: list[int], values: Any) -> Any:
    """`rows`, repeated as needed, with `values` in these columns."""
    like = frames.take_rows(rows, np.arange(frames.height(values)) % frames.height(rows))
    return frames.with_columns(like, positions, [frames.column(values, i) for i in range(len(positions))])


def _positions(rows: Any, columns: Any) -> list[int]:
    """The columns that a ColumnTransformer chooses, by number."""
    names = list(frames.column_names(rows) or range(frames.width(rows)))
    if isinstance(columns, slice):
        if isinstance(columns.start, str) or isinstance(columns.stop, str):
            start = 0 if columns.start is None else names.index(columns.start)
            stop = len(names) if columns.stop is None else names.index(columns.stop) + 1
            return list(range(start, stop, columns.step or 1))
        return list(range(len(names)))[columns]
    chosen = np.atleast_1d(np.asarray(columns, dtype=None if not isinstance(columns, str) else object))
    if chosen.dtype == bool:
        return [int(i) for i in np.flatnonzero(chosen)]
    return [names.index(one) if isinstance(one, str) else int(one) for one in chosen.tolist()]


def _on_marks(model: Any, rows: Any) -> Iterator[Laid]:
    """Rows on the marks of one estimator, which sees `rows`."""
    numbers = frames.number_columns(rows) if frames.kind_of(rows) not in ("sparse", "other") else []
    for word, (columns, values) in marks(model):
        kept = np.isin(columns, numbers) & np.isfinite(values)
        if kept.any():
            yield Laid(word, _on(rows, (columns[kept], values[kept])))
    for column, words in string_categories(model):
        if column in frames.string_columns(rows):
            known = words[:MOST_CATEGORIES]
            base = frames.take_rows(rows, np.arange(len(known)) % frames.height(rows))
            laid = frames.with_columns(base, [column], [np.asarray(known, dtype=object)])
            yield Laid("known category", laid, sharp=False)


def _on(rows: Any, where: Marks) -> Any:
    """Rows with values replaced by marks: first one value a row, then every column at once."""
    columns, values = where
    most = MOST_LAID_ROWS // 5
    chosen = np.unique(np.linspace(0, len(values) - 1, min(most // 2, len(values))).astype(np.intp))
    height = min(most, 32 + 4 * len(values) + len(chosen))
    rows = frames.take_rows(rows, np.arange(height) % frames.height(rows))
    random = np.random.default_rng(0)
    touched = np.unique(columns)
    laid = []
    for column in touched:
        own = values[columns == column]
        data = np.array(frames.column(rows, column), dtype=np.float64)
        single = np.flatnonzero(columns[chosen] == column)
        data[single] = values[chosen[single]]
        data[len(chosen) :] = own[random.integers(len(own), size=height - len(chosen))]
        laid.append(data)
    return frames.with_columns(rows, touched.tolist(), laid)


def _with_neighbours(laid: Laid) -> Groups:
    """The points, and each of them one unit in the last place below and above, in float32 and in float64."""
    double = frames.float_kind(laid.rows) == np.float64
    changes = (_DOUBLE if double else _SHORT) if laid.undone or not double else (*_SHORT, *_DOUBLE)
    near = [frames.finite_rows(frames.map_floats(laid.rows, change)) for change in changes]
    near = [one for one in near if frames.height(one)]
    return [(laid.word, frames.stack(near))] if near else []


_SHORT: tuple[Callable[[Array], Array], ...] = (
    lambda v: v.astype(np.float32),
    lambda v: np.nextafter(v.astype(np.float32), np.float32(-np.inf)),
    lambda v: np.nextafter(v.astype(np.float32), np.float32(np.inf)),
)
_DOUBLE: tuple[Callable[[Array], Array], ...] = (
    lambda v: v,
    lambda v: np.nextafter(v, -np.inf),
    lambda v: np.nextafter(v, np.inf),
)


# -- values ------------------------------------------------------------------------------------------------------


def _number_rows(rows: Any, acceptance: Acceptance) -> list[tuple[str, Any]]:
    columns = frames.float_columns(rows)
    if not columns or frames.kind_of(rows) in ("sparse", "other"):
        return []
    short = frames.float_kind(rows) == np.float32
    base = frames.take_rows(rows, np.arange(min(4, frames.height(rows))))
    special: list[tuple[str, float]] = [
        ("zero", 0.0),
        ("minus zero", -0.0),
        ("denormal", 1e-45 if short else 5e-324),
        ("denormal", -1e-45 if short else -5e-324),
    ]
    kinds = [(word, value, columns) for word, value in special]
    missing = [i for i in columns if acceptance.nan[i]]
    kinds += [("NaN", np.nan, missing)] if missing else []
    if acceptance.limit == np.inf:
        kinds += [("infinity", np.inf, columns), ("minus infinity", -np.inf, columns)]
    groups: list[tuple[str, Any]] = []
    for word, value, where in kinds:
        parts = [frames.with_numbers(base, where, value)]
        parts += [frames.with_numbers(base, [i], value) for i in where[:MOST_COLUMNS]]
        groups.append((word, frames.stack(parts)))
    return groups


def _large_rows(model: Any, rows: Any, acceptance: Acceptance) -> list[tuple[str, Any]]:
    """Values of the largest magnitude a model of trees takes: for a sum they would only test rounding."""
    columns = frames.float_columns(rows)
    limit = min(acceptance.limit, float(np.finfo(frames.float_kind(rows)).max))
    if not columns or not any(has_trees(part) for _, part in leaves(model)):
        return []
    base = frames.take_rows(rows, np.arange(min(2, frames.height(rows))))
    parts = [frames.with_numbers(base, [i], sign * limit) for i in columns[:MOST_COLUMNS] for sign in (1, -1)]
    return [("largest", frames.stack(parts))]


def _text_rows(texts: Array) -> Groups:
    """Texts of odd letters, cases and spaces, alone and in the middle of real ones."""
    real = [str(text) for text in texts[: len(ODD_TEXTS)]]
    mixed = [f"{text.upper()} {odd} {text}" for text, odd in zip(real, ODD_TEXTS, strict=False)]
    return [("odd texts", np.asarray([*ODD_TEXTS, *mixed], dtype=object))]


def _category_rows(rows: Any) -> list[tuple[str, Any]]:
    """One row for each column of strings with a category never seen, and two with a missing value."""
    base = frames.take_rows(rows, [0])
    groups: list[tuple[str, Any]] = []
    for column in frames.string_columns(rows)[:MOST_COLUMNS]:
        groups.append(("unseen category", frames.with_value(base, column, UNSEEN)))
        groups += [("missing category", frames.with_value(base, column, missing)) for missing in (None, np.nan)]
    return groups
