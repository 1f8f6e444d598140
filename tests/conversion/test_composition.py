"""Pipelines, column transformers and unions; DataFrames."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, PowerTransformer, StandardScaler

from sklort.conversion import convert_model
from sklort.exceptions import ConversionError

RNG = np.random.default_rng(0)
ROWS = 90
LABELS = RNG.integers(0, 3, ROWS)
TIGHT = {"rtol": 1e-13, "atol": 1e-13}


def frame() -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "price": RNG.normal(size=ROWS),
            "count": RNG.integers(0, 9, ROWS),
            "city": RNG.choice(["Oslo", "Rome", "Zürich"], ROWS),
            "kind": pd.Categorical(RNG.choice(["u", "v"], ROWS)),
            "open": RNG.random(ROWS) > 0.5,
            "small": RNG.normal(size=ROWS).astype(np.float32),
            "when": pd.Timestamp("2020-01-01"),
        }
    )
    table.loc[::7, "price"] = np.nan
    return table


def by_name(remainder: str = "drop") -> ColumnTransformer:
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    return ColumnTransformer(
        [("n", numbers, ["price", "count"]), ("c", OneHotEncoder(handle_unknown="ignore"), ["city", "kind"])],
        remainder=remainder,
    )


@pytest.mark.parametrize("remainder", ["drop", "passthrough"])
@pytest.mark.parametrize(
    "final",
    [
        LogisticRegression(max_iter=500),
        RandomForestClassifier(4, random_state=0),
        GradientBoostingRegressor(n_estimators=3, random_state=0),
    ],
    ids=lambda m: type(m).__name__,
)
def test_mixed_frame(check, final, remainder):
    table = frame() if remainder == "drop" else frame().drop(columns="when")
    conversion = check(make_pipeline(by_name(remainder), final).fit(table, LABELS), table, **TIGHT)
    assert conversion.layout == "columns"
    dtypes = {i.name: (i.columns, i.dtype) for i in conversion.inputs}
    assert dtypes["price"] == (("price",), np.dtype(np.float64))
    assert dtypes["count"] == (("count",), np.dtype(np.int64))
    assert dtypes["city"] == (("city",), np.dtype(object))
    assert ("open" in dtypes) == (remainder == "passthrough")
    if remainder == "passthrough":
        assert dtypes["open"][1] == np.bool_ and dtypes["small"][1] == np.float32


def test_columns_in_another_order(check):
    table = frame()
    model = make_pipeline(by_name(), LogisticRegression(max_iter=500)).fit(table, LABELS)
    check(model, table[list(reversed(table.columns))], **TIGHT)


def test_unseen_strings(check):
    table = frame()
    model = make_pipeline(by_name(), LogisticRegression(max_iter=500)).fit(table, LABELS)
    strange = table.copy()
    strange.loc[::3, "city"] = "Atlantis"
    check(model, strange, **TIGHT)


def test_column_transformer_alone(check):
    model = ColumnTransformer(
        [
            ("b", OneHotEncoder(drop="first"), ["open", "count"]),
            ("p", "passthrough", ["small"]),
            ("i", SimpleImputer(strategy="most_frequent"), ["count"]),
        ],
        transformer_weights={"p": 0.5},
    )
    check(model.fit(frame()), frame(), methods={"transform"})


@pytest.mark.parametrize("columns", [[0, 2], [-1, 0], slice(1, 3), [True, False, True, False], slice(1, None)], ids=str)
def test_columns_of_an_array(check, columns):
    X = RNG.normal(size=(ROWS, 4))
    model = ColumnTransformer([("s", StandardScaler(), columns)], remainder="passthrough").fit(X)
    conversion = check(model, X)
    assert conversion.layout == "matrix"
    assert conversion.inputs[0].columns is None


def test_columns_by_selector_and_by_slice_of_names(check):
    table = frame().drop(columns="when")
    model = ColumnTransformer(
        [
            ("c", OneHotEncoder(), make_column_selector(dtype_include=["str", "object", "category"])),
            ("n", StandardScaler(), slice("open", "small")),
            ("one", SimpleImputer(), ["price"]),
        ]
    )
    check(model.fit(table), table)


def test_nested_column_transformers(check):
    inner = ColumnTransformer([("s", StandardScaler(), [0])], remainder="passthrough")
    model = make_pipeline(by_name().set_params(sparse_threshold=0), inner, LogisticRegression(max_iter=500))
    check(model.fit(frame(), LABELS), frame(), **TIGHT)


def test_numeric_frame_is_a_matrix(check):
    table = pd.DataFrame(RNG.normal(size=(ROWS, 3)), columns=list("abc"))
    conversion = check(LogisticRegression().fit(table, LABELS), table, **TIGHT)
    assert conversion.layout == "matrix" and conversion.inputs[0].dtype == np.float64
    table["d"] = np.arange(ROWS)
    conversion = check(RandomForestClassifier(3).fit(table, LABELS), table)
    assert conversion.layout == "matrix"


def test_feature_union(check):
    X = RNG.normal(size=(ROWS, 5))
    union = FeatureUnion(
        [("s", StandardScaler()), ("p", "passthrough"), ("d", "drop"), ("k", PCA(2))], transformer_weights={"s": 2.0}
    )
    check(make_pipeline(union, LogisticRegression()).fit(X, LABELS), X, **TIGHT)


def test_steps_that_do_nothing(check):
    X = RNG.normal(size=(ROWS, 5))
    model = Pipeline([("a", "passthrough"), ("b", None), ("c", FunctionTransformer()), ("d", LogisticRegression())])
    check(model.fit(X, LABELS), X, **TIGHT)


def test_search_and_frozen(check):
    X = RNG.normal(size=(ROWS, 5))
    search = GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [1, 2]}, cv=2
    )
    check(search.fit(X, LABELS), X, **TIGHT)
    frozen = pytest.importorskip("sklearn.frozen").FrozenEstimator(StandardScaler().fit(X))
    check(make_pipeline(frozen, LogisticRegression()).fit(X, LABELS), X, **TIGHT)


def test_strings_beside_numbers_are_refused():
    table = frame()
    model = ColumnTransformer([("p", "passthrough", ["city", "price"])]).fit(table)
    with pytest.raises(ConversionError, match="strings and numbers"):
        convert_model(model, table)


def test_absent_and_odd_columns():
    table = frame()
    model = make_pipeline(by_name(), LogisticRegression(max_iter=500)).fit(table, LABELS)
    with pytest.raises(ValueError, match="city"):
        convert_model(model, table.drop(columns="city"))
    dated = ColumnTransformer([("p", "passthrough", ["when"])]).fit(table)
    with pytest.raises(ConversionError, match="'when'"):
        convert_model(dated, table)


def test_column_names_that_are_no_identifiers(check):
    names = ["label", "probabilities", "a b", "a_b", "1x", "é", "scores", "input_0"]
    table = pd.DataFrame(RNG.normal(size=(ROWS, 8)), columns=names)
    table["a b"] = RNG.choice(["u", "v"], ROWS)
    model = ColumnTransformer([("h", OneHotEncoder(), ["a b"])], remainder="passthrough")
    conversion = check(make_pipeline(model, LogisticRegression()).fit(table, LABELS), table, **TIGHT)
    assert {i.name: i.columns for i in conversion.inputs} == {n: (n,) for n in names}
    assert len(set(conversion.outputs.values()) & set(names)) == 0


def test_frame_without_string_names(check):
    table = pd.DataFrame(RNG.normal(size=(ROWS, 3)))
    assert check(LogisticRegression().fit(table, LABELS), table, **TIGHT).layout == "matrix"
    model = ColumnTransformer([("s", StandardScaler(), [0])]).fit(table)
    with pytest.raises(ConversionError, match="must be strings"):
        convert_model(model, table)


def test_booleans_beside_single_numbers(check):
    """Transformed they are float32; passed through, pandas makes objects of them and scikit-learn float64."""
    table = frame()[["open", "small"]]
    check(ColumnTransformer([("s", StandardScaler(), ["open", "small"])]).fit(table), table)
    check(ColumnTransformer([("a", StandardScaler(), ["small"]), ("b", "passthrough", ["open"])]).fit(table), table)
    model = make_pipeline(ColumnTransformer([("p", "passthrough", ["open", "small"])]), StandardScaler())
    check(model.fit(table), table)


def test_inputs_named_as_outputs_of_a_narrowed_graph(check):
    table = pd.DataFrame({"small": RNG.random(ROWS).astype(np.float32), "wide": RNG.random(ROWS)})
    model = ColumnTransformer([("p", PowerTransformer(), ["wide"]), ("s", "passthrough", ["small"])]).fit(table)
    conversion = check(model, table, rtol=1e-5, atol=1e-5)
    assert [i.dtype for i in conversion.inputs] == [np.float32, np.float64]


def test_old_targets_are_refused():
    X = RNG.normal(size=(ROWS, 3))
    with pytest.raises(ConversionError, match="too old"):
        convert_model(StandardScaler().fit(X), X, target_opset=12)
