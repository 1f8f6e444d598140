"""Batches in every container, good ones and bad ones."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import sklort
from sklort.estimator.methods import METHODS
from sklort.exceptions import DamagedModel, ScoringError
from sklort.scoring import source
from sklort.scoring.scorer import Scorer
from tests.scoring.tables import NAMES

pa = pytest.importorskip("pyarrow")

BOTH = ["predict", "predict_proba"]


def expected(model: Any, rows: pd.DataFrame) -> pd.DataFrame:
    """What a loaded estimator says of these rows, as the columns of a result."""
    answers = pd.DataFrame({"prediction": model.predict(rows[NAMES])})
    probabilities = model.predict_proba(rows[NAMES])
    for i, label in enumerate(model.classes_):
        answers[f"probability_{label}"] = probabilities[:, i]
    return answers


def test_every_container_comes_back_with_the_same_answers(forest: Path, rows: pd.DataFrame) -> None:
    scorer = Scorer(forest, method=BOTH, keep=["id"])
    want = expected(sklort.load(forest), rows)
    table = pa.Table.from_pandas(rows, preserve_index=False)

    frame = scorer(rows)
    assert list(frame.columns) == ["id", "prediction", "probability_high", "probability_low", "probability_none"]
    assert frame.id.equals(rows.id)
    for name in want:
        assert frame[name].tolist() == want[name].tolist()
    arrow = scorer(table)
    assert isinstance(arrow, pa.Table)
    assert arrow.to_pydict() == frame.to_dict("list")
    (batch,) = table.combine_chunks().to_batches()
    assert scorer(batch) == arrow.combine_chunks().to_batches()[0]
    polars = scorer(pl.from_arrow(table))
    assert isinstance(polars, pl.DataFrame)
    assert polars.to_dict(as_series=False) == arrow.to_pydict()
    arrays = scorer({name: rows[name].to_numpy() for name in rows})
    assert {name: array.tolist() for name, array in arrays.items()} == arrow.to_pydict()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_several_methods_at_once_answer_as_each_alone(rows: pd.DataFrame, dtype: Any) -> None:
    small = rows[NAMES].astype(dtype)
    target = np.where(rows.x0 > 0.5, 2, np.where(rows.x1 > 0, 1, 0))
    for model in (RandomForestClassifier(8, random_state=0), LogisticRegression()):
        fast = sklort.convert(model.fit(small, target), small)
        methods = [name for name in METHODS if hasattr(model, name)]
        together = Scorer(fast, method=methods[::-1])(small)
        alone = pd.concat([Scorer(fast, method=name)(small) for name in methods[::-1]], axis=1)
        pd.testing.assert_frame_equal(together, alone, check_exact=True)


def test_what_is_refused_together_is_refused_as_alone(linear: Path, rows: pd.DataFrame) -> None:
    told = []
    for method in ("predict", BOTH):
        with pytest.raises(ScoringError) as raised:
            Scorer(linear, method=method)(rows.assign(x3=np.where(rows.id == 40, np.inf, rows.x3)))
        told.append(str(raised.value))
    assert (
        told[0] == told[1] == "row 40, column 'x3': an infinity, which the model refuses: fill it, or leave the row out"
    )


def test_too_wide_an_answer_is_refused() -> None:
    words = [f"word{i} word{i + 1}" for i in range(12_000)]
    model = CountVectorizer().fit(words)
    with pytest.raises(ScoringError, match="transform answers with 12,001 columns, more than 10,000"):
        Scorer(sklort.convert(model, words[:50]), columns=["text"])


def test_the_index_of_a_frame_stays(forest: Path, rows: pd.DataFrame) -> None:
    some = rows.iloc[[7, 3, 3, 9]].set_axis(["a", "b", "b", "c"])
    found = Scorer(forest, keep="all")(some)
    assert found.index.tolist() == ["a", "b", "b", "c"]
    assert found.drop(columns="prediction").equals(some)


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
def test_no_rows_have_the_columns_and_types_of_some(forest: Path, rows: pd.DataFrame, method: str) -> None:
    scorer = Scorer(forest, method=method, keep=["id"])
    table = pa.Table.from_pandas(rows, preserve_index=False)
    assert scorer(rows[:0]).dtypes.equals(scorer(rows[:3]).dtypes)
    assert scorer(table.slice(0, 0)).schema == scorer(table).schema
    assert scorer(table.slice(0, 0)).num_rows == 0
    assert scorer(table.to_batches()[0].slice(0, 0)).schema == scorer(table).schema
    assert scorer(pl.from_arrow(table).head(0)).schema == scorer(pl.from_arrow(table)).schema


def test_a_scorer_is_small_and_works_after_its_travels(forest: Path, rows: pd.DataFrame) -> None:
    scorer = Scorer(forest, method=BOTH, keep=["id"])
    sent = pickle.dumps(scorer)
    assert len(sent) < 1000
    assert pickle.loads(sent)(rows).equals(scorer(rows))
    held = Scorer(forest.read_bytes(), method=BOTH, keep=["id"])
    assert pickle.loads(pickle.dumps(held))(rows).equals(scorer(rows))
    assert pickle.loads(sent).__dask_tokenize__() == held.__dask_tokenize__()


def test_a_process_opens_a_model_once(linear: Path, rows: pd.DataFrame) -> None:
    Scorer(linear)
    before = source.times_opened()
    for scorer in (Scorer(linear), Scorer(linear.read_bytes()), pickle.loads(pickle.dumps(Scorer(linear)))):
        scorer(rows)
        scorer(rows)
    assert source.times_opened() == before


def test_a_file_that_was_replaced_is_not_used(forest: Path, linear: Path, rows: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(forest.read_bytes())
    scorer = Scorer(path)
    path.write_bytes(linear.read_bytes())
    source._open.cache_clear()  # as in a worker that has not opened it yet
    with pytest.raises(ScoringError, match=r"model\.onnx is not the model that the scorer was made with"):
        scorer(rows)


def test_an_estimator_is_a_model(rows: pd.DataFrame) -> None:
    fast = sklort.convert(LinearRegression().fit(rows[NAMES], rows.x1), rows[NAMES])
    assert np.array_equal(Scorer(fast)(rows).prediction, fast.predict(rows[NAMES]))


# -- columns ----------------------------------------------------------------------------------------------------------


def test_columns_are_found_by_name_in_any_order(forest: Path, rows: pd.DataFrame) -> None:
    scorer = Scorer(forest)
    turned = rows[[*reversed(NAMES), "id"]]
    assert scorer(turned).equals(scorer(rows))
    assert scorer(pa.Table.from_pandas(turned)).to_pydict() == scorer(pa.Table.from_pandas(rows)).to_pydict()


def test_columns_of_other_names_are_named(forest: Path, rows: pd.DataFrame) -> None:
    other = rows.rename(columns={name: name.upper() for name in NAMES})
    assert Scorer(forest, columns=[name.upper() for name in NAMES])(other).equals(Scorer(forest)(rows))


def test_a_model_without_names_takes_its_columns_and_no_others(rows: pd.DataFrame) -> None:
    X = rows[NAMES].to_numpy()
    fast = sklort.convert(RandomForestClassifier(5, random_state=0).fit(X, rows.x0 > 0), X)
    assert Scorer(fast)(rows[NAMES]).prediction.tolist() == fast.predict(X).tolist()
    assert Scorer(fast, columns=NAMES, keep=["id"])(rows).prediction.tolist() == fast.predict(X).tolist()
    with pytest.raises(ScoringError, match=r"knows no names and reads 6 columns, the table has 7: name those that it"):
        Scorer(fast)(rows)


def test_types_are_read_as_the_model_reads_them(rows: pd.DataFrame) -> None:
    frame = pd.DataFrame({"a": rows.x0, "b": rows.id % 7, "c": np.where(rows.x1 > 0, "u", "v"), "d": rows.x2 > 0})
    steps = ColumnTransformer([("n", StandardScaler(), ["a", "b"]), ("c", OneHotEncoder(), ["c", "d"])])
    model = make_pipeline(steps, Ridge()).fit(frame, rows.x3)
    scorer = Scorer(sklort.convert(model, frame))
    want = scorer(frame)
    assert np.allclose(want.prediction, model.predict(frame), rtol=1e-12)
    table = pa.Table.from_pandas(frame)
    for name, type_ in (("b", pa.int8()), ("b", pa.uint64()), ("c", pa.large_string()), ("c", pa.string_view())):
        changed = table.set_column(table.column_names.index(name), name, table[name].cast(type_))
        assert scorer(changed).column("prediction").to_pylist() == want.prediction.tolist()
    assert scorer(frame.astype({"c": "category"})).equals(want)


def test_missing_numbers_are_nan(forest: Path, rows: pd.DataFrame) -> None:
    holes = rows[:50].copy()
    holes.loc[::3, "x1"] = np.nan
    holes["x2"] = holes.x2.round()
    nulls = pa.Table.from_pandas(holes)
    nulls = nulls.set_column(nulls.column_names.index("x2"), "x2", nulls["x2"].cast(pa.int32()))
    assert nulls["x1"].null_count
    want = sklort.load(forest).predict_proba(holes[NAMES])
    found = Scorer(forest, method="predict_proba")
    assert np.array_equal(np.column_stack(list(found(nulls).to_pydict().values())), want)
    assert np.array_equal(found(holes).to_numpy(), want)
    only_nulls = nulls.set_column(nulls.column_names.index("x3"), "x3", pa.nulls(50))
    want = sklort.load(forest).predict_proba(holes.assign(x3=np.nan)[NAMES])
    assert np.array_equal(np.column_stack(list(found(only_nulls).to_pydict().values())), want)


def test_float32_models_read_rounded_numbers(rows: pd.DataFrame) -> None:
    small = rows[NAMES].astype(np.float32)
    model = LogisticRegression().fit(small, rows.x0 > 0)
    scorer = Scorer(sklort.convert(model, small), method="predict_proba")
    assert scorer.rounds(pa.Table.from_pandas(rows).schema) == NAMES
    assert scorer.rounds(pa.Table.from_pandas(small).schema) == []
    assert scorer(rows).equals(scorer(small))
    assert scorer(small).dtypes.tolist() == [np.float32, np.float32]
    assert np.allclose(scorer(small).to_numpy(), model.predict_proba(small), atol=1e-5)


def test_texts_of_one_column(tmp_path: Path) -> None:
    texts = ["red apple", "green apple", "red car", "blue car"] * 5
    model = make_pipeline(CountVectorizer(), LogisticRegression()).fit(texts, ["fruit", "fruit", "car", "car"] * 5)
    scorer = Scorer(sklort.convert(model, texts), columns=["text"], keep=["n"])
    found = scorer(pd.DataFrame({"n": range(20), "text": texts}))
    assert found.prediction.tolist() == model.predict(texts).tolist()


# -- other ONNX models --------------------------------------------------------------------------------------------------


def test_a_plain_model_answers_with_its_outputs(rows: pd.DataFrame) -> None:
    skl2onnx = pytest.importorskip("skl2onnx")
    small = rows[NAMES].to_numpy(np.float32)
    model = LogisticRegression().fit(small, np.where(small[:, 0] > 0, "up", "down"))
    for zipmap in (False, True):
        plain = skl2onnx.to_onnx(model, small[:1], options={"zipmap": zipmap}).SerializeToString()
        session = sklort.InferenceSession(plain)
        first, second = (one.name for one in session.get_outputs())
        found = Scorer(plain)(rows[NAMES])
        label, probability = session.run(None, {session.get_inputs()[0].name: small})
        ends = ["down", "up"] if zipmap else [0, 1]
        assert list(found.columns) == [first, *(f"{second}_{end}" for end in ends)]
        assert found[first].tolist() == list(label)
        assert np.array_equal(found.iloc[:, 1:].to_numpy(), pd.DataFrame(probability).to_numpy(np.float32))
        assert list(Scorer(plain, method=first)(rows[NAMES]).columns) == [first]
    with pytest.raises(ScoringError, match=r"no output 'predict': it has"):
        Scorer(plain, method="predict")


def test_a_plain_model_of_named_columns(rows: pd.DataFrame) -> None:
    skl2onnx = pytest.importorskip("skl2onnx")
    types = skl2onnx.common.data_types
    frame = pd.DataFrame({"a": rows.x0.astype(np.float32), "c": np.where(rows.x1 > 0, "u", "v")})
    steps = ColumnTransformer([("n", StandardScaler(), ["a"]), ("c", OneHotEncoder(), ["c"])])
    model = make_pipeline(steps, Ridge()).fit(frame, rows.x3)
    kinds = [("a", types.FloatTensorType([None, 1])), ("c", types.StringTensorType([None, 1]))]
    plain = skl2onnx.to_onnx(model, initial_types=kinds).SerializeToString()
    found = Scorer(plain, keep=["id"])(frame.assign(id=rows.id))
    assert np.allclose(found.iloc[:, 1], model.predict(frame), atol=1e-5)


# -- what is refused --------------------------------------------------------------------------------------------------


def test_a_bad_value_is_named(linear: Path, rows: pd.DataFrame) -> None:
    scorer = Scorer(linear, columns=["id", *NAMES[1:]])
    table = pa.Table.from_pandas(rows[:1000])
    for value, words in ((None, "a missing value"), (np.nan, "NaN"), (np.inf, "an infinity"), (-np.inf, "an infinity")):
        column = pa.array([*rows.x4[:613], value, *rows.x4[614:1000]])
        bad = table.set_column(table.column_names.index("x4"), "x4", column)
        with pytest.raises(ScoringError) as raised:
            scorer(bad)
        assert (
            str(raised.value)
            == f"row 613, column 'x4': {words}, which the model refuses: fill it, or leave the row out"
        )
    assert scorer(table).num_rows == 1000  # as usable as before


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("x1", pa.array(["1", "2"]), "column 'x1': holds string where the model reads numbers: cast it to float64"),
        ("x1", pa.array([1, 2], pa.timestamp("s")), "holds timestamp[s] where the model reads numbers"),
        ("x1", pa.array([1, 2]).cast(pa.decimal128(22, 2)), "holds decimal128(22, 2) where the model reads numbers"),
        ("x1", pa.array([[1.0], [2.0]]), "where the model reads numbers"),
        ("x1", pa.array([1, 2**60 + 1]), "column 'x1': Integer value 1152921504606846977 not in range"),
        ("id", None, "column 'id': is to be kept and is missing: the table has 'x0'"),
        ("x5", None, "column 'x5': is missing: the table has 'id', 'x0', 'x1', 'x2', 'x3', 'x4'"),
    ],
)
def test_a_bad_column_is_named(forest: Path, rows: pd.DataFrame, column: str, values: Any, words: str) -> None:
    table = pa.Table.from_pandas(rows[:2], preserve_index=False)
    at = table.column_names.index(column)
    bad = table.drop_columns([column]) if values is None else table.set_column(at, column, values)
    with pytest.raises(ScoringError) as raised:
        Scorer(forest, keep=["id"])(bad)
    assert words in str(raised.value)


def test_whole_numbers_are_not_made_of_others(rows: pd.DataFrame) -> None:
    frame = pd.DataFrame({"a": rows.x0, "b": rows.id % 7})
    steps = ColumnTransformer([("n", StandardScaler(), ["a"]), ("c", OneHotEncoder(), ["b"])])
    scorer = Scorer(sklort.convert(make_pipeline(steps, Ridge()).fit(frame, rows.x3), frame))
    with pytest.raises(ScoringError, match=r"column 'b': holds double where the model reads whole numbers: cast it to"):
        scorer(frame.assign(b=0.5))
    with pytest.raises(ScoringError, match=r"row 1, column 'b': a missing value"):
        scorer(pa.table({"a": [1.0, 2.0], "b": pa.array([3, None])}))
    with pytest.raises(ScoringError, match="row 2"):  # a category never seen
        scorer(pa.table({"a": [1.0, 2.0, 3.0], "b": [3, 4, 99]}))


def test_mixed_columns_of_a_frame_are_refused(forest: Path, rows: pd.DataFrame) -> None:
    with pytest.raises(ScoringError, match=r"no table of columns of one type each: .*column x0"):
        Scorer(forest)(rows[:2].assign(x0=[1.0, "a"]))
    with pytest.raises(ScoringError, match="no table of columns"):
        Scorer(forest)({"x0": np.zeros((2, 2)), "x1": np.zeros(2)})


def test_two_columns_of_one_name_are_refused(forest: Path, rows: pd.DataFrame) -> None:
    twice = rows.assign(prediction=0)
    with pytest.raises(ScoringError, match=r"'prediction': two columns of the result .* give a prefix"):
        Scorer(forest, keep="all")(twice)
    assert Scorer(forest, keep="all", prefix="my_")(twice).columns[-1] == "my_prediction"
    doubled = pa.table([[1.0]] * 7, names=[*NAMES, "x0"])
    with pytest.raises(ScoringError, match="'x0': comes twice"):
        Scorer(forest)(doubled)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"method": "transform"}, ScoringError, "the model has no method 'transform': it has predict, predict_proba"),
        ({"columns": ["a"]}, ScoringError, "the model reads 6 columns, 1 are named"),
        ({"columns": "a"}, TypeError, "columns and keep are lists of names"),
        ({"keep": "id"}, TypeError, "columns and keep are lists of names, or keep is 'all'"),
    ],
)
def test_a_wrong_scorer_is_refused(forest: Path, arguments: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Scorer(forest, **arguments)


def test_what_is_no_model_is_refused(forest: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Scorer(tmp_path / "none.onnx")
    with pytest.raises(TypeError, match=r"the path or the bytes of an ONNX file, or an OnnxEstimator .*, not int"):
        Scorer(5)
    with pytest.raises(DamagedModel):
        Scorer(forest.read_bytes()[:-3])
    with pytest.raises(TypeError, match="a batch is a pandas or polars DataFrame"):
        Scorer(forest)([1, 2])
