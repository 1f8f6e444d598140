"""Rows made from a model reach its marks behind whatever stands in front, and find what is wrong there."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import sklort
import sklort.conversion
from sklort.estimator import frames
from sklort.estimator.acceptance import probe
from sklort.estimator.adversarial import adversarial_rows
from sklort.estimator.marks import marks, string_categories, thresholds
from sklort.exceptions import ParityError

pd = pytest.importorskip("pandas")

rng = np.random.default_rng(0)
X = rng.normal(size=(200, 4))
y = (X.sum(axis=1) > 0).astype(int)
FRAME = pd.DataFrame(X, columns=list("abcd")).assign(
    city=rng.choice(["Oslo", "Rome", "Bergen"], 200), rooms=rng.integers(0, 5, 200), short=X[:, 0].astype(np.float32)
)
FRAME.loc[::7, "a"] = np.nan


def tree() -> DecisionTreeClassifier:
    return DecisionTreeClassifier(max_depth=3, random_state=0)


def columns() -> ColumnTransformer:
    return ColumnTransformer(
        [
            ("n", make_pipeline(SimpleImputer(), StandardScaler()), ["a", "b"]),
            ("w", OneHotEncoder(handle_unknown="ignore"), ["city"]),
            ("m", MinMaxScaler(), ["c", "short"]),
            ("p", "passthrough", ["rooms", "d"]),
        ]
    )


def groups_of(model, rows) -> dict[str, object]:
    method = "predict" if hasattr(model, "predict") else "transform"
    return dict(adversarial_rows(model, method, rows, probe(model, method, rows)))


def gap(values, cuts) -> float:
    """How far the values nearest to each cut are from it, at most, relatively; both sides must have one."""
    worst = 0.0
    for cut in cuts:
        below, above = values[values <= cut], values[values >= cut]
        assert len(below), cut
        assert len(above), cut
        worst = max(worst, (cut - below.max()) / max(1, abs(cut)), (above.min() - cut) / max(1, abs(cut)))
    return worst


@pytest.mark.parametrize(
    ("model", "rows"),
    [
        (make_pipeline(StandardScaler(), tree()), X),
        (make_pipeline(StandardScaler(), MinMaxScaler((-3, 5)), tree()), X),
        (make_pipeline(StandardScaler(), SelectKBest(k=3), tree()), X),
        (make_pipeline(SimpleImputer(), StandardScaler(), tree()), X),
        (make_pipeline(make_pipeline(StandardScaler()), "passthrough", tree()), X),
        (make_pipeline(columns(), tree()), FRAME),
        (make_pipeline(columns(), StandardScaler(), tree()), FRAME),
    ],
)
def test_thresholds_are_reached_behind_other_steps(model, rows) -> None:
    model.fit(rows, y)
    laid = groups_of(model, rows)["thresholds"]
    assert type(laid) is type(rows)
    before = frames.dense(model[:-1].transform(laid))
    features, cuts = thresholds(model[-1])
    reachable = [
        (feature, cut)
        for feature, cut in zip(features, cuts, strict=True)
        if len(np.unique(before[:, feature])) > 8  # a one-hot column has no values between
    ]
    assert len(reachable) > 2
    for feature, cut in reachable:
        assert gap(before[:, feature], [cut]) < 1e-6


def test_behind_a_matrix_product_rows_lie_aside() -> None:
    model = make_pipeline(StandardScaler(), PCA(4), tree()).fit(X, y)
    laid = groups_of(model, X)["thresholds"]
    before = model[:-1].transform(laid)
    for feature, cut in zip(*thresholds(model[-1]), strict=True):
        assert np.abs(before[:, feature] - cut).min() > 1e-8
        assert gap(before[:, feature], [cut]) < 1e-4
    assert sklort.convert(model, X).parity_report_.ok


def test_parts_of_ensembles_and_unions() -> None:
    voting = VotingClassifier([("a", tree()), ("b", make_pipeline(StandardScaler(), tree()))]).fit(X, y)
    inner = voting.estimators_[1]
    words = [word for word, _ in adversarial_rows(voting, "predict", X, probe(voting, "predict", X))]
    assert words.count("thresholds") == 2
    before = np.concatenate(
        [
            inner[:-1].transform(rows)
            for word, rows in adversarial_rows(voting, "predict", X, probe(voting, "predict", X))
            if word == "thresholds"
        ]
    )
    for feature, cut in zip(*thresholds(inner[-1]), strict=True):
        assert gap(before[:, feature], [cut]) < 1e-7
    union = FeatureUnion([("bins", KBinsDiscretizer(3, encode="ordinal")), ("same", StandardScaler())]).fit(X)
    edges = union.transformer_list[0][1].bin_edges_
    for i, cuts in enumerate(edges):
        assert set(cuts) <= set(groups_of(union, X)["edges"][:, i])


@pytest.mark.parametrize(
    ("model", "word", "count"),
    [
        (KBinsDiscretizer(4), "edges", 4 * 5),
        (QuantileTransformer(n_quantiles=10), "edges", 4 * 10),
        (SplineTransformer(n_knots=4), "edges", 4 * 10),
        (Binarizer(threshold=0.25), "edges", 4),
        (MinMaxScaler(clip=True), "edges", 8),
        (GradientBoostingRegressor(n_estimators=3), "thresholds", None),
        (OrdinalEncoder(), "categories", None),
    ],
)
def test_marks(model, word, count) -> None:
    model.fit(np.rint(X) if isinstance(model, OrdinalEncoder) else X, y)
    found = dict(marks(model))
    assert list(found) == [word]
    assert count is None or len(found[word][0]) == count
    assert set(found[word][0]) == {0, 1, 2, 3}


def test_histogram_boosting_counts_categorical_columns_first() -> None:
    Z = X.copy()
    Z[:, 2] = rng.integers(0, 4, 200)
    target = (Z[:, 2] % 2 + (Z[:, 0] > 0.5)).astype(int)
    model = HistGradientBoostingClassifier(max_iter=3, categorical_features=[2]).fit(Z, target)
    features, cuts = thresholds(model)
    assert 2 not in features
    assert np.all(np.abs(cuts) < 4)
    columns_with_marks = dict(marks(model))["categories"]
    assert set(columns_with_marks[0]) == {2}
    assert {-1.0, 0.0, 1.0, 2.0, 3.0, 4.0} == set(columns_with_marks[1])


def test_every_known_category_is_tried_and_ones_that_are_not() -> None:
    model = make_pipeline(columns(), RandomForestClassifier(3, random_state=0)).fit(FRAME, y)
    groups = groups_of(model, FRAME)
    assert set(groups["known category"].city) == {"Oslo", "Rome", "Bergen"}
    assert set(groups["unseen category"].city) == {"a category never seen"}
    assert string_categories(OrdinalEncoder().fit(FRAME[["rooms", "city"]])) == [(1, ["Bergen", "Oslo", "Rome"])]


# -- a fault planted behind an encoder is found ----------------------------------------------------------------------


def damage_threshold(model) -> None:
    tree = model[-1].tree_
    state = tree.__getstate__()
    inner = np.flatnonzero(state["nodes"]["feature"] >= 0)[0]
    cut = np.float32(state["nodes"]["threshold"][inner])
    state["nodes"]["threshold"][inner] = np.nextafter(cut, np.float32(np.inf)) + np.float32(1e-6)
    tree.__setstate__(state)


def damage_category(model) -> None:
    encoder = model[0].named_transformers_["w"]
    encoder.categories_[0] = np.array(["Bergen", "Oslo", "Roma"], dtype=object)


def damage_scale(model) -> None:
    model[0].named_transformers_["m"].scale_ *= 1 + 1e-4


@pytest.mark.parametrize(
    ("last", "damage"),
    [
        (DecisionTreeRegressor(max_depth=4, random_state=0), damage_threshold),
        (DecisionTreeClassifier(max_depth=4, random_state=0), damage_threshold),
        (LogisticRegression(), damage_category),
        (LogisticRegression(), damage_scale),
        (RandomForestClassifier(5, random_state=0), damage_scale),
    ],
    ids=lambda one: getattr(one, "__name__", type(one).__name__),
)
def test_a_fault_behind_encoders_is_found(monkeypatch, last, damage) -> None:
    right = sklort.conversion.convert_model

    def wrong(model, rows, **how):
        from copy import deepcopy

        other = deepcopy(model)
        damage(other)
        return right(other, rows, **how)

    target = X[:, 1] ** 2 if isinstance(last, DecisionTreeRegressor) else y
    model = make_pipeline(columns(), last).fit(FRAME, target)
    few = FRAME.iloc[:5]  # too few to find it among the rows given
    assert sklort.convert(model, few).parity_report_.ok
    monkeypatch.setattr(sklort.conversion, "convert_model", wrong)
    with pytest.raises(ParityError, match="DIFFERS"):
        sklort.convert(model, few)


def test_the_same_rows_every_time() -> None:
    model = make_pipeline(columns(), tree()).fit(FRAME, y)
    one, other = (adversarial_rows(model, "predict", FRAME, probe(model, "predict", FRAME)) for _ in range(2))
    assert [word for word, _ in one] == [word for word, _ in other]
    for (_, ours), (_, theirs) in zip(one, other, strict=True):
        pd.testing.assert_frame_equal(ours, theirs)


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_other_frames(library) -> None:
    pytest.importorskip(library)
    plain = FRAME[["b", "c", "city", "rooms"]]
    if library == "polars":
        import polars

        rows = polars.from_pandas(plain)
    else:
        import pyarrow

        rows = pyarrow.Table.from_pandas(plain)
    choose = ColumnTransformer([("n", StandardScaler(), ["b", "c"]), ("w", OneHotEncoder(), ["city"])])
    model = make_pipeline(choose, tree()).fit(plain, y)
    groups = groups_of(model, rows)
    assert type(groups["thresholds"]) is type(rows)
    assert frames.height(groups["thresholds"]) > 50
    assert frames.height(groups["known category"]) == 3
