"""Frames that come again are read natively, with the answers, the refusals and the warnings of the slow lane."""

from __future__ import annotations

import gc
import sys
import warnings
import weakref
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression

import sklort
from tests.estimator.reading import N, frames_of, is_native, mixed_model, refused_or_answered, refuses, same

pd = pytest.importorskip("pandas")

RNG = np.random.default_rng(0)
NUMBERS = ["n0", "n1", "n2"]


@pytest.fixture(scope="module")
def numbers():
    frame = pd.DataFrame(RNG.normal(size=(N, 3)), columns=NUMBERS)
    model = LogisticRegression().fit(frame, frame.n0 > frame.n1)
    return frame, model


@pytest.fixture(scope="module")
def mixed():
    return mixed_model()


LIKE_PANDAS = {
    "as it is": (lambda f: f, True),
    "one row by a list": (lambda f: f.iloc[[7]], True),
    "one row by a slice": (lambda f: f.iloc[7:8], True),
    "some rows": (lambda f: f.iloc[3:90:7], True),
    "many rows": (lambda f: pd.concat([f] * 5, ignore_index=True), True),
    "from records": (lambda f: pd.DataFrame(f.iloc[2:4].to_dict("records")), True),
    "from lists": (lambda f: pd.DataFrame(f.iloc[2:4].to_dict("list")), True),
    "column by column": (lambda f: pd.concat([f[[name]] for name in f.columns], axis=1), True),
    "inserted": (lambda f: _inserted(f), True),
    "other index": (lambda f: f.set_axis(range(5, 5 + len(f))), True),
    "copied": (lambda f: f.copy(), True),
    "float32 columns": (lambda f: f.astype({f.columns[0]: np.float32}), True),
    "a named axis": (lambda f: f.rename_axis(columns="names"), True),
    "nullable": (lambda f: f.convert_dtypes(), False),
    "objects": (lambda f: f.astype(object), False),
    "big-endian": (lambda f: f.astype({f.columns[0]: ">f8"}), False),
}


def _inserted(frame):
    out = frame[frame.columns[1:]].copy()
    out.insert(0, frame.columns[0], frame[frame.columns[0]])
    return out


@pytest.mark.parametrize("name", LIKE_PANDAS)
def test_frames_of_numbers(numbers, name) -> None:
    frame, model = numbers
    estimator = sklort.convert(model, frame)
    make, native = LIKE_PANDAS[name]
    Z = make(frame)
    same(estimator, model, Z)
    same(estimator, model, Z)
    assert is_native(estimator, Z) == native
    same(estimator, model, frame)


@pytest.mark.parametrize("name", LIKE_PANDAS)
def test_mixed_frames(mixed, name) -> None:
    frame, model = mixed
    estimator = sklort.convert(model, frame)
    make, native = LIKE_PANDAS[name]
    Z = make(frame)
    same(estimator, model, Z)
    same(estimator, model, Z)
    assert is_native(estimator, Z) == native
    same(estimator, model, frame)


@pytest.mark.parametrize(
    "make",
    [
        lambda f: f[f.columns[::-1]],
        lambda f: f[["kind", "unused", "age", "city", "rooms"]],
        lambda f: f.assign(more="x", other=1.0),
        lambda f: f.assign(when=pd.Timestamp("2020-01-01"), group=pd.Categorical(["g"] * len(f))),
        lambda f: f.astype({"rooms": np.int8}),
        lambda f: f.astype({"city": object, "kind": object}),
        lambda f: f.astype({"city": "string"}),
        lambda f: f.astype({"rooms": np.uint64}),
        lambda f: f.drop(columns="unused") if False else f,
    ],
)
def test_orders_extra_columns_and_dtypes(mixed, make) -> None:
    frame, model = mixed
    estimator = sklort.convert(model, frame)
    Z = make(frame)
    assert is_native(estimator, Z)
    for part in (Z, Z.iloc[[5]], Z.iloc[9:10], Z.iloc[5:60:3]):
        same(estimator, model, part)
    same(estimator, model, frame)


def test_layouts_do_not_answer_for_each_other(mixed) -> None:
    frame, model = mixed
    estimator = sklort.convert(model, frame)
    backwards = frame[frame.columns[::-1]]
    floats = frame.astype({"rooms": float})
    swapped = frame.rename(columns={"city": "kind", "kind": "city"})
    for _ in range(3):
        for Z in (frame, backwards, floats, swapped):
            same(estimator, model, Z)
            same(estimator, model, Z.iloc[[11]])


def test_categoricals_take_the_slow_lane(mixed) -> None:
    frame, model = mixed
    estimator = sklort.convert(model, frame)
    Z = frame.astype({"city": "category", "kind": "category"})
    for _ in range(2):
        same(estimator, model, Z)
    assert not is_native(estimator, Z)


@pytest.mark.parametrize(
    "make",
    [
        lambda f: f[NUMBERS[::-1]],
        lambda f: f.rename(columns={"n0": "z"}),
        lambda f: f.drop(columns="n1"),
        lambda f: f.assign(more=1.0),
        lambda f: f.iloc[:0],
        lambda f: f.assign(n0=np.nan),
        lambda f: f.assign(n2=np.inf),
        lambda f: f.assign(n2=-np.inf).iloc[[3]],
        lambda f: f.assign(n0="word"),
    ],
)
def test_refusals_are_scikit_learns_own(numbers, make) -> None:
    frame, model = numbers
    estimator = sklort.convert(model, frame)
    assert is_native(estimator, frame)
    refuses(estimator, model, make(frame))
    same(estimator, model, frame)


@pytest.mark.parametrize(
    "make",
    [
        lambda f: f.drop(columns="city"),
        lambda f: f.rename(columns={"city": "town"}),
        lambda f: f.assign(age=np.inf),
        lambda f: f.assign(rooms=np.inf),
        lambda f: f.assign(age="old"),
        lambda f: f.iloc[:0],
    ],
)
def test_refusals_of_mixed_frames(mixed, make) -> None:
    frame, model = mixed
    estimator = sklort.convert(model, frame)
    assert is_native(estimator, frame)
    refuses(estimator, model, make(frame))
    refuses(estimator, model, make(frame.iloc[[4]]))
    same(estimator, model, frame)


def test_objects_that_are_no_strings_go_to_scikit_learn(mixed) -> None:
    frame, model = mixed
    estimator = sklort.convert(model, frame)
    Z = frame.astype({"kind": object})
    assert is_native(estimator, Z)
    Z = Z.copy()
    Z.loc[3, "kind"] = 5
    refused_or_answered(estimator, model, Z)
    same(estimator, model, frame)


def test_whole_numbers_that_a_double_cannot_hold() -> None:
    frame = pd.DataFrame({"a": np.arange(N), "b": RNG.normal(size=N)})
    model = LinearRegression().fit(frame, frame.b)
    estimator = sklort.convert(model, frame)
    assert is_native(estimator, frame)
    Z = frame.assign(a=np.int64(2**53 + 1))
    np.testing.assert_allclose(estimator.predict(Z), model.predict(Z), rtol=1e-12)
    assert frames_of(lambda: estimator.predict(Z))
    Z = frame.assign(a=-(2**53))
    assert not frames_of(lambda: estimator.predict(Z))


def test_float32_frames_have_a_graph_of_their_own() -> None:
    frame = pd.DataFrame(RNG.normal(size=(N, 3)), columns=NUMBERS)
    model = LinearRegression().fit(frame, frame.n0)
    estimator = sklort.convert(model, frame)
    short = frame.astype(np.float32)
    for Z in (frame, short, frame.astype({"n0": np.float32}), short.assign(n1=1)):
        assert is_native(estimator, Z)
        expected = model.predict(Z)
        assert estimator.predict(Z).dtype == expected.dtype
        np.testing.assert_allclose(
            estimator.predict(Z), expected, rtol=1e-12 if expected.dtype == np.float64 else 1e-4, atol=1e-5
        )


@pytest.mark.filterwarnings("ignore:divide by zero encountered in log:RuntimeWarning")
def test_every_method_and_labels_of_strings(mixed) -> None:
    frame, _ = mixed
    X, target = frame[["age", "rooms"]].fillna(1.0), frame.city
    model = RandomForestClassifier(5, random_state=0).fit(X, target)
    estimator = sklort.convert(model, X)
    for Z in (X, X.iloc[[2]], X, X.iloc[4:5]):
        assert np.array_equal(estimator.predict(Z), model.predict(Z))
        assert estimator.predict(Z).dtype == model.predict(Z).dtype
        np.testing.assert_allclose(estimator.predict_proba(Z), model.predict_proba(Z), rtol=1e-12)
        np.testing.assert_allclose(estimator.predict_log_proba(Z), model.predict_log_proba(Z), rtol=1e-12)


def test_models_without_names_warn_each_time(numbers) -> None:
    frame, _ = numbers
    bare = LogisticRegression().fit(frame.to_numpy(), frame.n0 > 0)
    estimator = sklort.convert(bare, frame.to_numpy())
    for _ in range(3):
        with pytest.warns(UserWarning, match="X has feature names, but LogisticRegression was fitted without"):
            got = estimator.predict(frame)
        assert np.array_equal(got, bare.predict(frame.to_numpy()))
    numbered = pd.DataFrame(frame.to_numpy())
    assert is_native(estimator, numbered)
    assert is_native(estimator, pd.DataFrame(frame.to_numpy()))
    assert np.array_equal(estimator.predict(numbered), bare.predict(numbered))


def test_arrays_for_a_model_with_names_warn_where_the_caller_stands(numbers) -> None:
    frame, model = numbers
    estimator = sklort.convert(model, frame)
    array = frame.to_numpy()
    for Z in (array, array[:1], np.asfortranarray(array), array.tolist()):
        with pytest.warns(UserWarning, match="does not have valid feature names") as caught:
            got = estimator.predict(Z)
        assert [one.filename for one in caught] == [__file__]
        with pytest.warns(UserWarning, match="does not have valid feature names"):
            assert np.array_equal(got, model.predict(Z))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="does not have valid feature names"):
            estimator.predict(array)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert frames_of(lambda: estimator.predict(array)) == []
        np.testing.assert_allclose(estimator.predict_proba(array), model.predict_proba(frame), rtol=1e-12)


def test_subclasses_of_frames_take_the_slow_lane(numbers) -> None:
    frame, model = numbers

    class Frame(pd.DataFrame):
        @property
        def _constructor(self):
            return Frame

    estimator = sklort.convert(model, frame)
    assert is_native(estimator, frame)
    Z = Frame(frame)
    assert not is_native(estimator, Z) or np.array_equal(estimator.predict(Z), model.predict(frame))
    assert np.array_equal(estimator.predict(Z), model.predict(frame))


def test_frames_that_change_between_calls(numbers) -> None:
    frame, model = numbers
    estimator = sklort.convert(model, frame)
    Z = frame.copy()
    first = estimator.predict_proba(Z)
    kept = first.copy()
    Z["n0"] = Z["n0"] * -3
    same(estimator, model, Z)
    Z.columns = ["n0", "n2", "n1"]
    refuses(estimator, model, Z)
    Z.columns = NUMBERS
    Z["more"] = 1.0
    refuses(estimator, model, Z)
    del Z["more"]
    same(estimator, model, Z)
    assert np.array_equal(first, kept)


def test_without_the_blocks_pandas_is_read_the_long_way(numbers, monkeypatch) -> None:
    """A pandas that keeps its columns in another way: nothing is believed, everything is answered."""
    frame, model = numbers
    estimator = sklort.convert(model, frame)
    assert is_native(estimator, frame)

    manager = SimpleNamespace(axes=[frame.columns, frame.index], blocks=())
    # An attribute of the class comes before one of the instance only when it is data: a property.
    monkeypatch.setattr(pd.DataFrame, "_mgr", property(lambda self: manager), raising=False)
    lane = estimator._lanes._tables
    (reader,) = [one for one in lane._readers.values() if one is not None]
    assert reader.arrays(frame) is None
    monkeypatch.undo()
    assert reader.arrays(frame) is not None
    same(estimator, model, frame)


def test_polars_and_arrow(mixed) -> None:
    pl, pa = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    frame, model = mixed
    estimator = sklort.convert(model, frame)
    whole = frame.dropna()
    for make in (pl.from_pandas, pa.Table.from_pandas):
        Z = make(whole.reset_index(drop=True))
        assert is_native(estimator, Z), make
        for part, rows in ((Z, whole), (Z[5:6], whole.iloc[5:6]), (Z[7:40], whole.iloc[7:40])):
            same(estimator, model, rows)
            np.testing.assert_allclose(estimator.predict_proba(part), model.predict_proba(rows), rtol=1e-9)
        missing = make(frame)  # nulls: the slow lane knows what they are
        np.testing.assert_allclose(estimator.predict_proba(missing), model.predict_proba(frame), rtol=1e-9)
    backwards = pl.from_pandas(whole).select(list(whole.columns)[::-1])
    assert is_native(estimator, backwards)
    np.testing.assert_allclose(estimator.predict_proba(backwards), model.predict_proba(whole), rtol=1e-9)
    with pytest.raises(Exception) as theirs:
        model.predict(backwards.drop("city"))
    with pytest.raises(type(theirs.value)):
        estimator.predict(backwards.drop("city"))


def test_polars_matrices(numbers) -> None:
    pl = pytest.importorskip("polars")
    frame, model = numbers
    estimator = sklort.convert(model, frame)
    Z = pl.from_pandas(frame)
    mixed_kinds = Z.with_columns(pl.col("n0").cast(pl.Float32), (pl.col("n1") > 0).alias("n1"), pl.lit(2).alias("n2"))
    for one in (Z, Z[3:4], mixed_kinds, mixed_kinds[9:10], Z.with_columns(pl.lit(None, pl.Float64).alias("n0"))):
        for _ in range(2):
            try:
                expected = model.predict_proba(one)
            except ValueError:
                refuses(estimator, model, one)
            else:
                np.testing.assert_allclose(estimator.predict_proba(one), expected, rtol=1e-12)
    assert is_native(estimator, Z)
    assert is_native(estimator, pl.concat([Z, Z], rechunk=True))
    np.testing.assert_allclose(
        estimator.predict_proba(pl.concat([Z, Z], rechunk=False)), model.predict_proba(pl.concat([Z, Z])), rtol=1e-12
    )


def test_frames_of_float32_are_computed_in_float32_as_scikit_learn_does(numbers) -> None:
    pl, pa = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    frame, _ = numbers
    small = frame.astype(np.float32)
    model = LogisticRegression().fit(small, frame.iloc[:, 0] > 0)
    estimator = sklort.convert(model, small)
    for Z in (pl.from_pandas(small), pa.Table.from_pandas(small, preserve_index=False)):
        found, expected = estimator.predict_proba(Z), model.predict_proba(Z)
        assert found.dtype == expected.dtype == np.float32
        np.testing.assert_array_equal(found, estimator.predict_proba(small))
        assert is_native(estimator, Z)


def test_threads_and_frames(mixed) -> None:
    frame, model = mixed
    estimator = sklort.convert(model, frame)
    expected = model.predict_proba(frame)
    layouts = [frame, frame[frame.columns[::-1]], frame.astype({"rooms": np.int16}), frame.astype({"city": object})]

    def work(i: int) -> bool:
        row = i % N
        return np.allclose(estimator.predict_proba(layouts[i % 4].iloc[[row]]), expected[[row]], rtol=1e-9)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(600)))


def test_nothing_is_kept_alive(numbers) -> None:
    frame, model = numbers
    estimator = sklort.convert(model, frame)
    assert is_native(estimator, frame)
    Z = frame.copy()
    count = sys.getrefcount(Z)
    for _ in range(50):
        estimator.predict(Z)
    assert sys.getrefcount(Z) == count
    gone = weakref.ref(estimator._lanes)
    del estimator
    gc.collect()
    assert gone() is None
