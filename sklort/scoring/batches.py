"""`map_batches`: one function for the data sets of Dask, Ray and Spark, and for any iterator of tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from sklort.scoring.scorer import Scorer


def map_batches(
    data: Any,
    model: Any,
    *,
    method: str | Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    keep: Sequence[str] | Literal["all"] = (),
    prefix: str = "",
    **options: Any,
) -> Any:
    """The answers of a model to a data set cut into batches, where each worker process opens the model once.

    Parameters
    ----------
    data : Dask DataFrame, Ray Dataset, Spark DataFrame, or iterable of batches
        Batches are pandas or polars frames, Arrow tables or record batches, or dicts of arrays.
    model, method, columns, keep, prefix
        As for `Scorer`. A path must lead to the same file on every worker; the bytes of a model, or an estimator,
        travel with the work.
    **options
        For Dask's ``map_partitions`` or Ray's ``map_batches``, e.g. ``concurrency=4``.

    Returns
    -------
    Dask DataFrame, Ray Dataset, Spark DataFrame or iterator
        Lazy, as `data` is: nothing is scored before it is asked for. Its columns and types are known, so that no
        framework has to guess them.

    Raises
    ------
    ScoringError
        The columns do not fit the model, where they are known before the work begins.

    Examples
    --------
    >>> import pandas as pd, sklort
    >>> from sklearn.linear_model import LinearRegression
    >>> X = pd.DataFrame({"x": [0.0, 1.0, 2.0]})
    >>> fast = sklort.convert(LinearRegression().fit(X, [1.0, 3.0, 5.0]), X)
    >>> [len(batch) for batch in sklort.map_batches([X, X[:1]], fast)]
    [3, 1]
    """
    scorer = Scorer(model, method=method, columns=columns, keep=keep, prefix=prefix)
    kind = type(data).__module__.partition(".")[0]
    if kind.startswith("dask") and hasattr(data, "map_partitions"):
        return data.map_partitions(scorer, meta=scorer(data._meta), **options)
    if kind == "ray" and hasattr(data, "map_batches"):
        return data.map_batches(scorer.__call__, **{"batch_format": "pyarrow", "zero_copy_batch": True, **options})
    if options:
        raise TypeError(f"options are for Dask and Ray, not for {type(data).__name__}: {', '.join(options)}")
    if kind == "pyspark" and hasattr(data, "mapInPandas"):
        return data.mapInPandas(scorer.iterate, schema=spark_schema(scorer, data.dtypes))
    if isinstance(data, Iterator) or (isinstance(data, Iterable) and not hasattr(data, "columns")):
        return scorer.iterate(data)
    raise TypeError(
        f"a Dask or Spark DataFrame, a Ray Dataset or an iterable of batches is expected, not {type(data).__name__}: "
        "one frame or table is scored by Scorer(model)(frame)"
    )


_SPARK = {
    "bool": "boolean",
    "int8": "tinyint",
    "int16": "smallint",
    "int32": "int",
    "int64": "bigint",
    "float": "float",
    "double": "double",
    "string": "string",
}


def spark_schema(scorer: Scorer, dtypes: Sequence[tuple[str, str]]) -> str:
    """The schema of the result as Spark's DDL.

    Parameters
    ----------
    scorer : Scorer
    dtypes : sequence of (name, type)
        ``DataFrame.dtypes`` of Spark.
    """
    names = [name for name, _ in dtypes]
    scorer.reads(names)
    types = dict(dtypes)
    fields = [(name, types[name]) for name in scorer.kept(names)]
    fields += [(field.name, _SPARK[str(field.type)]) for field in scorer.answers]
    return ", ".join(f"`{name.replace('`', '``')}` {kind}" for name, kind in fields)
