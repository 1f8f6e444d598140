"""A model that scores batches of a table, wherever they are held and in whichever process."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import pyarrow as pa

from sklort.exceptions import DeviceReset, ScoringError, SessionError
from sklort.scoring.intake import Refused, first_refused, mismatch, rounded, taken
from sklort.scoring.models import Model
from sklort.scoring.source import Source, opened


class Scorer:
    """A callable that turns a batch of rows into their predictions.

    It takes pandas and polars frames, Arrow tables and record batches, and dicts of arrays, and returns what it was
    given: the columns of `keep`, then the answers. It is small when it is pickled, and a process that calls it opens
    the model once. So it is what Dask's ``map_partitions``, Ray's ``map_batches`` and the like want; `map_batches` of
    this package calls them.

    Parameters
    ----------
    model : path, bytes or fitted OnnxEstimator
        What `OnnxEstimator.save` wrote, or any ONNX model. A path is read again by every process, which refuses another
        file than the one seen here; bytes travel with the scorer.
    method : str or sequence of str, optional
        Methods of a saved estimator, by default ``predict`` (``transform`` of a transformer); outputs of another
        model, by default all.
    columns : sequence of str, optional
        The columns that the model reads, in the order in which it was fitted. By default those it was fitted with, by
        name; a model without names takes tables that hold its columns and no others.
    keep : sequence of str or "all"
        Columns to hand through.
    prefix : str
        In front of the names of the answers.

    Raises
    ------
    ScoringError
        The model has no such method, or is one that does not score rows of a table.

    Notes
    -----
    The answers are columns named ``prediction``, ``probability_<class>``, ``log_probability_<class>``,
    ``decision`` or ``decision_<class>``, ``score``, ``transformed_<number>``, or as the output of the model.

    A null among numbers is NaN, as in pandas. Where the model reads float32, numbers are rounded to it.

    Examples
    --------
    >>> import pandas as pd, sklort
    >>> from sklearn.linear_model import LinearRegression
    >>> X = pd.DataFrame({"id": [7, 8, 9], "x": [0.0, 1.0, 2.0]})
    >>> fast = sklort.convert(LinearRegression().fit(X[["x"]], [1.0, 3.0, 5.0]), X[["x"]])
    >>> sklort.Scorer(fast, keep=["id"])(X).round(6)
       id  prediction
    0   7         1.0
    1   8         3.0
    2   9         5.0
    """

    def __init__(
        self,
        model: Any,
        *,
        method: str | Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
        keep: Sequence[str] | Literal["all"] = (),
        prefix: str = "",
    ) -> None:
        if isinstance(columns, str) or (isinstance(keep, str) and keep != "all"):
            raise TypeError("columns and keep are lists of names, or keep is 'all'")
        self.source = Source(model)
        opened_ = self.model
        chosen = (method,) if isinstance(method, str) else tuple(method or opened_.usual)
        unknown = [one for one in chosen if one not in opened_.methods]
        if unknown:
            raise ScoringError(f"the model has no {opened_.kind} {unknown[0]!r}: it has {', '.join(opened_.methods)}")
        self.methods = tuple(dict.fromkeys(chosen))
        self.columns = None if columns is None else tuple(columns)
        if self.columns is not None and len(self.columns) != len(opened_.columns):
            raise ScoringError(f"the model reads {len(opened_.columns)} columns, {len(self.columns)} are named")
        self.keep: tuple[str, ...] | None = None if keep == "all" else tuple(dict.fromkeys(keep))
        self.prefix = prefix
        _ = self.answers  # or the reason why there are none

    @property
    def model(self) -> Model:
        """The model, opened once in a process."""
        return opened(self.source)

    @property
    def answers(self) -> Any:
        """The schema of the answers."""
        described = [self.model.answer(method) for method in self.methods]
        return pa.schema([(self.prefix + name, one.type) for one in described for name in one.names])

    def reads(self, names: Sequence[str]) -> list[str]:
        """Which columns of a table go into the model, in its order.

        Raises
        ------
        Refused
            One is missing, comes twice, or cannot be told.
        """
        wanted = self.model.columns
        if self.columns is not None:
            found = list(self.columns)
        elif all(one.name is not None for one in wanted):
            found = [str(one.name) for one in wanted]
        elif len(names) == len(wanted):
            found = list(names)
        else:
            raise Refused(
                f"the model knows no names and reads {len(wanted)} columns, the table has {len(names)}",
                "name those that it reads, in the order in which it was fitted (columns=[...], --columns)",
            )
        for name in found:
            if names.count(name) != 1:
                what = "comes twice" if name in names else "is missing"
                raise Refused(what, f"the table has {_listed(names)}; columns=[...] (--columns) names others", name)
        return found

    def kept(self, names: Sequence[str]) -> list[str]:
        """Which columns of a table are handed through."""
        if self.keep is None:
            return list(names)
        for name in self.keep:
            if names.count(name) != 1:
                what = "comes twice" if name in names else "is to be kept and is missing"
                raise Refused(what, f"the table has {_listed(names)}", name)
        return list(self.keep)

    def schema(self, given: Any) -> Any:
        """The Arrow schema of what comes out for tables of this schema, all of it checked.

        Raises
        ------
        Refused
            A column is missing or of a type that the model does not read, or two columns would have one name.
        """
        for name, want in zip(self.reads(given.names), self.model.columns, strict=True):
            wrong = mismatch(given.field(name).type, want)
            if wrong is not None:
                raise Refused(*wrong, name)
        kept = [given.field(name) for name in self.kept(given.names)]
        names = [field.name for field in kept] + self.answers.names
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise Refused("two columns of the result would have this name", "give a prefix (prefix=, --prefix)", twice)
        return pa.schema([*kept, *self.answers])

    def rounds(self, given: Any) -> list[str]:
        """The columns of a schema whose numbers are rounded to what the model reads."""
        pairs = zip(self.reads(given.names), self.model.columns, strict=True)
        return [name for name, want in pairs if rounded(given.field(name).type, want)]

    def score(self, table: Any) -> Any:
        """The answers to an Arrow table, as one."""
        model = self.model
        names = self.reads(table.column_names)
        if not table.num_rows:
            return self.answers.empty_table()
        ready = taken(table.select(names), model.columns)
        try:
            found = model.run(ready, self.methods)
        except DeviceReset:  # after a fork: not a matter of the rows
            raise
        except (ValueError, TypeError, OverflowError, SessionError) as error:
            refused = first_refused(lambda rows: model.run(rows, self.methods), ready, error)
            if refused.column is not None:  # by the name it has in the table
                refused = Refused(
                    refused.what, refused.remedy, names[ready.column_names.index(refused.column)], refused.row
                )
            raise refused from error
        answers = self.answers
        columns = [column for part in found for column in part]
        if len(columns) != len(answers) or any(len(column) != table.num_rows for column in columns):
            raise ScoringError(
                f"the model answers {table.num_rows} rows with {len(columns)} columns of {len(columns[0])} rows where "
                f"{len(answers)} columns are expected: it does not score one row after the other"
            )
        arrays = [pa.array(column, kind) for column, kind in zip(columns, answers.types, strict=True)]
        return pa.table(arrays, schema=answers)

    def __call__(self, batch: Any) -> Any:
        """The kept columns and the answers of a batch, in the container that the batch came in."""
        kind = type(batch).__module__.partition(".")[0]
        if isinstance(batch, pa.Table):
            return self._table(batch)
        if isinstance(batch, pa.RecordBatch):
            found = self._table(pa.Table.from_batches([batch])).combine_chunks()
            return found.to_batches()[0] if found.num_rows else pa.RecordBatch.from_pylist([], schema=found.schema)
        if isinstance(batch, dict):
            found = self._table(_as_table(pa.table, batch))
            return {name: found.column(name).to_numpy() for name in found.column_names}
        if kind == "pandas" and hasattr(batch, "columns"):
            return self._pandas(batch)
        if kind == "polars" and hasattr(batch, "collect_schema") and hasattr(batch, "to_arrow"):
            polars = sys.modules["polars"]
            return polars.from_arrow(self._table(batch.to_arrow()))
        raise TypeError(
            f"a batch is a pandas or polars DataFrame, an Arrow table or a dict of arrays, not {type(batch).__name__}"
        )

    def iterate(self, batches: Iterable[Any]) -> Iterator[Any]:
        """The results of batches, one after the other: what Spark's ``mapInPandas`` wants."""
        for batch in batches:
            yield self(batch)

    def _table(self, table: Any) -> Any:
        self.schema(table.schema)
        kept = table.select(self.kept(table.column_names))
        found = self.score(table)
        return pa.table([*kept.columns, *found.columns], schema=pa.schema([*kept.schema, *found.schema]))

    def _pandas(self, frame: Any) -> Any:
        pandas = sys.modules["pandas"]
        names = frame.columns.tolist()
        kept = self.kept(names)
        read = frame[self.reads(names)]
        table = _as_table(lambda rows: pa.Table.from_pandas(rows, preserve_index=False), read)
        self.schema(pa.schema([*table.schema, *(pa.field(name, pa.null()) for name in kept if name not in read)]))
        found = self.score(table).to_pandas()
        found.index = frame.index
        return pandas.concat([frame[kept], found], axis=1) if kept else found

    def __repr__(self) -> str:
        return f"Scorer({self.source!r}, method={list(self.methods)})"

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return "sklort.Scorer", self.source.digest, self.methods, self.columns, self.keep, self.prefix


def _as_table(make: Any, data: Any) -> Any:
    try:
        return make(data)
    except (pa.ArrowException, TypeError, ValueError) as error:
        words = " ".join(str(one) for one in error.args)
        raise ScoringError(f"the batch is no table of columns of one type each: {words}") from error


def _listed(names: Sequence[str]) -> str:
    few = ", ".join(repr(name) for name in names[:8])
    return few + (f" and {len(names) - 8} more" if len(names) > 8 else "") if names else "none"
