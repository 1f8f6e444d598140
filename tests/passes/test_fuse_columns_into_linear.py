from __future__ import annotations

import warnings
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, OneHotEncoder, RobustScaler, StandardScaler

import sklort
from sklort import InferenceSession
from sklort.conversion.convert import convert_model
from sklort.exceptions import Fail
from sklort.graph.ir import Graph
from sklort.passes.fuse_columns_into_linear import RULE
from sklort.plan.build import compile_plan, make_plan
from sklort.providers.cpu import CpuProvider
from tests.passes.rewriting import fires_once, graph_of, keeps, kinds, ops, plain

RANDOM = np.random.default_rng(5)
ROWS = 300
CONSTANTS = """{T}[4, 3] W = {{1, -2, 0.5, 0.25, 3, -1, 2, 2, 2, -1, 0.5, 7}}, {T}[3] b = {{0.5, -1, 0}}, {T}[2] m = {{1.5, -2}},
    {T}[2] s = {{3, 0.7}}, {T} low = {{-1}}, {T} high = {{1}}, int64[2] first = {{0, 1}}, int64[2] last = {{-1, 2}}, int64[1] c2 = {{2}},
    int64[1] c3 = {{3}}, int64[2] flat = {{-1, 2}}, int64[2] kept = {{1, 0}}, int64[1] one = {{1}}, {T}[4, 2] m4 = {{0, 0, 0, 0, 0, 0, 0, 0}},
    double[1, 2] cats = {{1, 2}}, double cat0 = {{1.5}}, bool[1, 2] nans = {{0, 0}}, int64[1, 2] ranks = {{1, 2}}, {T}[2] bad = {{1, inf}}"""
HOT = "ai.onnx.ml.OneHotEncoder<cats_int64s = [1, 2], zeros = {zeros}>"
STRICT, ANY = HOT.format(zeros=0), HOT.format(zeros=1)


def graph(body: str, outputs: str = "{T} Y", inputs: str = "{T}[N, 4] X", dtype: str = "float") -> Graph:
    return graph_of(*(part.format(T=dtype) for part in (inputs, outputs)), body.replace("FLOAT", "1" if dtype == "float" else "11"),
                    CONSTANTS.format(T=dtype))  # fmt: skip


def run(of: Graph, feeds: list[np.ndarray]) -> list[Any]:
    providers = [CpuProvider()]
    return compile_plan(make_plan(of, providers, passes=()), providers).run(feeds)


def rows(dtype: Any) -> np.ndarray:
    x = RANDOM.normal(size=(ROWS, 4)).astype(dtype) * 3
    x[:, 2:] = RANDOM.choice([0, 1, 2, 1.5, -1, np.nan, 1e20], (ROWS, 2))
    x[5:40, 0] = RANDOM.choice([np.nan, np.inf, -np.inf, 0.0], 35)
    return x


def fires(before: Graph, feeds: list[np.ndarray], *, exactly: bool = False) -> Graph:
    after = fires_once(RULE, before)
    for size in (ROWS, 1, 2, 17, 0):
        part = [np.ascontiguousarray(feed[:size]) for feed in feeds]
        for old, new in zip(run(before, part), run(after, part), strict=True):
            assert (old.dtype, old.shape) == (new.dtype, new.shape)
            if exactly or old.dtype.kind != "f":
                np.testing.assert_array_equal(new, old)
            else:
                rtol = 1e-5 if old.dtype == np.float32 else 1e-13
                np.testing.assert_allclose(new, old, rtol=rtol, atol=10 * rtol)
    return after


NUMBERS = "n = Gather<axis = 1>(X, first) "
TAIL = " p = MatMul(M, W) Y = Add(p, b)"
WHOLE = "a = Gather<axis = 1>(X, c2) "


@pytest.mark.parametrize("dtype", ["float", "double"])
@pytest.mark.parametrize(
    "numbers",
    [
        "n = Gather<axis = 1>(X, first) o = Sub(n, m) q = Div(o, s)",
        "n = Gather<axis = -1>(X, last) o = Mul(s, n) q = Add(m, o)",
        "n = ai.onnx.ml.ArrayFeatureExtractor(X, first) q = ai.onnx.ml.Scaler<offset = [1.0, 2.0], scale = [0.5, 0.3]>(n)",
        "n = ai.onnx.ml.ArrayFeatureExtractor(X, first) q = ai.onnx.ml.Scaler<offset = [1.0], scale = [0.5]>(n)",
        "n = Gather<axis = 1>(X, first) q = ai.onnx.ml.Imputer<imputed_value_floats = [0.5, 0.25], replaced_value_float = nan>(n)",
        "n = Gather<axis = 1>(X, first) q = ai.onnx.ml.Imputer<imputed_value_floats = [0.5], replaced_value_float = 0.0>(n)",
        "n = Gather<axis = 1>(X, first) t = IsNaN(n) o = Where(t, m, n) q = Clip(o, low, high)",
        "n = Gather<axis = 1>(X, first) q = Clip(n, low)",
        "n = Gather<axis = 1>(X, first) q = Identity(n)",
    ],
)
def test_numbers_and_categories(numbers: str, dtype: str) -> None:
    kind = np.float32 if dtype == "float" else np.float64
    codes = f"{WHOLE} i = Cast<to = 7>(a) d = {ANY}(i) e = Reshape(d, flat) f = Cast<to = FLOAT>(e) M = Concat<axis = 1>(q, f)"
    after = fires(graph(f"{numbers} {codes} {TAIL}", dtype=dtype), [rows(kind)])
    assert ops(after) == ["LinearModel"]


@pytest.mark.parametrize(
    "numbers",
    [
        "q = Sub(X, X4) M = Mul(q, S4)",
        "q = Cast<to = 11>(X) M = Cast<to = FLOAT>(q)",
        "q = ai.onnx.ml.Scaler<offset = [1.0, 2.0, 0.1, 0.2], scale = [0.5, 0.3, 7.0, 0.1]>(X) M = Identity(q)",
    ],
)
@pytest.mark.parametrize("dtype", ["float", "double"])
def test_numbers_in_their_order_keep_every_bit(numbers: str, dtype: str) -> None:
    body = numbers.replace("X4", "low").replace("S4", "high")
    kind = np.float32 if dtype == "float" else np.float64
    after = fires(graph(body + TAIL, dtype=dtype), [rows(kind)], exactly=True)
    assert ops(after) == ["LinearModel"]


def test_floats_in_a_double_model_round_as_before() -> None:
    """Sub and Div of floats, then double: the kernel computes in double and rounds."""
    body = "q = Sub(X, m4f) r = Div(q, s4f) t = Mul(r, s4f) u = Add(t, m4f) M = Cast<to = 11>(u) Y = MatMul(M, D)"
    constants = """float[4] m4f = {0.1, -2.3, 1e-30, 7}, float[4] s4f = {0.3, 0.7, 1e20, 3e-5},
        double[4, 2] D = {1, 0.1, 2, -0.2, 3, 0.3, 4, 0.4}"""
    before = graph_of("float[N, 4] X", "double Y", body, constants)
    x = (RANDOM.normal(size=(ROWS, 4)) * 10.0 ** RANDOM.integers(-40, 38, (ROWS, 4))).astype(np.float32)
    with np.errstate(all="ignore"):
        after = fires(before, [x], exactly=True)
    assert ops(after) == ["LinearModel"]


RANK = """v = Cast<to = 11>({x}) w = Equal(v, cats) {nan} k = Cast<to = 7>({w}) l = Mul(k, ranks) r = ReduceSum<keepdims = 1>(l, one)
    d = {hot}(r) e = Reshape(d, flat) f = Cast<to = FLOAT>(e) {numbers} M = Concat<axis = 1>(n, f)"""


@pytest.mark.parametrize("dtype", ["float", "double"])
def test_numbers_as_categories(dtype: str) -> None:
    body = WHOLE + RANK.format(x="a", nan="", w="w", hot=ANY, numbers=NUMBERS) + TAIL
    assert ops(fires(graph(body, dtype=dtype), [rows(np.float32 if dtype == "float" else np.float64)])) == [
        "LinearModel"
    ]


@pytest.mark.parametrize("categories", ["{1, nan}", "{nan, 2}"])
def test_a_missing_value_as_a_category(categories: str) -> None:
    nan = "t = IsNaN(v) u = And(t, nans) o = Or(w, u)"
    body = WHOLE + RANK.format(x="a", nan=nan, w="o", hot=ANY, numbers=NUMBERS) + TAIL
    right = graph(body)
    values = np.array([float(value) for value in categories.strip("{}").split(",")]).reshape(1, -1)
    right.constants["cats"], right.constants["nans"] = values, np.isnan(values)
    assert ops(fires(right, [rows(np.float32)])) == ["LinearModel"]
    wrong = graph(body)
    wrong.constants["cats"], wrong.constants["nans"] = values, ~np.isnan(values)
    assert RULE.run(wrong) == (wrong, ())


def test_strings_and_integers() -> None:
    body = """d = ai.onnx.ml.OneHotEncoder<cats_strings = ["a", "b"]>(T) e = ai.onnx.ml.OneHotEncoder<cats_int64s = [3, -1], zeros = 0>(I)
        f = Concat<axis = -1>(d, e) g = Gather<axis = 2>(f, pick) h = Reshape(g, flat3) M = Concat<axis = 1>(X, h) Y = MatMul(M, V)"""
    constants = "int64[3] pick = {3, 0, 2}, int64[2] flat3 = {-1, 3}, float[4, 1] V = {1, 2, 3, 4}"
    before = graph_of("float[N, 1] X, string[N, 1] T, int64[N, 1] I", "float Y", body, constants)
    feeds = [RANDOM.normal(size=(ROWS, 1)).astype(np.float32), RANDOM.choice(np.array(["a", "b", "c", ""], object), (ROWS, 1)),
             RANDOM.choice([3, -1], (ROWS, 1))]  # fmt: skip
    after = fires(before, feeds)
    assert ops(after) == ["LinearModel"]
    feeds[2][7] = 4
    for either in (before, after):
        with pytest.raises(Fail, match="OneHotEncoder -> e: element 7 is no category: '4'"):
            run(either, feeds)


@pytest.mark.parametrize(
    ("body", "outputs", "sentence"),
    [
        (f"M = Sub(X, low) {TAIL}", "{T} Y, {T} M", "'M' is needed besides"),
        (f"M = Sub(X, low) Z = Abs(M) {TAIL}", "{T} Y, {T} Z", "'M' is needed besides"),
        ((f"{WHOLE} d = {STRICT}(a) e = Reshape(d, flat) c = Gather<axis = 1>(X, c3) g = {ANY}(c) h = Reshape(g, flat) i = Concat<axis = 1>(e, h)"
         f" j = Gather<axis = 1>(i, last) {NUMBERS} M = Concat<axis = 1>(n, j) {TAIL}"), "{T} Y",
         "an encoder that may raise is not among the columns"),
        (f"{WHOLE} d = {ANY}(a) e = Reshape(d, flat) M = Concat<axis = 1>(e, e) {TAIL}", "{T} Y", "a category is there twice"),
        ("q = Cast<to = 11>(X) r = Sub(q, cat0) M = Cast<to = 1>(r)" + TAIL, "{T} Y", "'X' is scaled in a dtype that float32 does not hold"),
    ],
)  # fmt: skip
def test_it_keeps_still(body: str, outputs: str, sentence: str) -> None:
    before = graph(body, outputs)
    assert keeps(RULE, before) == sentence


def test_weights_that_are_not_finite_stay_in_a_product() -> None:
    body = f"{WHOLE} d = {ANY}(a) e = Reshape(d, flat) {NUMBERS} M = Concat<axis = 1>(n, e) {TAIL}"
    before = graph(body)
    before.constants["W"] = before.constants["W"].copy()
    before.constants["W"][3, 1] = np.inf
    assert keeps(RULE, before) == "a weight of a category is not finite"
    before.constants["W"][3, 1], before.constants["W"][0, 1] = 1, np.inf
    assert ops(RULE.run(before)[0]) == ["LinearModel"]


def test_not_above_a_tree() -> None:
    tree = """Y = ai.onnx.ml.TreeEnsembleRegressor<n_targets = 1, nodes_treeids = [0], nodes_nodeids = [0],
        nodes_featureids = [0], nodes_modes = ["LEAF"], nodes_values = [0.0], nodes_truenodeids = [0],
        nodes_falsenodeids = [0], target_treeids = [0], target_nodeids = [0], target_ids = [0],
        target_weights = [1.0]>(P)"""
    assert "compares what is computed" in keeps(RULE, graph(f"M = Sub(X, low) P = MatMul(M, W) {tree}"))


@pytest.mark.parametrize(
    "body",
    [
        "Y = MatMul(X, W)",
        "M = Sub(low, X) Y = MatMul(M, W)",
        "M = Div(low, X) Y = MatMul(M, W)",
        "M = Sub(X, X) Y = MatMul(M, W)",
        "M = Exp(X) Y = MatMul(M, W)",
        "i = Cast<to = 7>(X) M = Cast<to = FLOAT>(i) Y = MatMul(M, W)",
        "q = Abs(X) t = IsNaN(q) M = Where(t, low, X) Y = MatMul(M, W)",
        f"{WHOLE} q = Sub(a, low) d = {ANY}(q) e = Reshape(d, flat) {NUMBERS} M = Concat<axis = 1>(n, e) Y = MatMul(M, W)",
        "q = Gather<axis = 0>(X, first) M = Concat<axis = 1>(q, q) Y = MatMul(M, W)",
    ],
)
def test_what_it_does_not_follow(body: str) -> None:
    before = graph(body)
    assert RULE.run(before) == (before, ())


def test_a_width_that_is_not_declared() -> None:
    before = graph("M = Sub(X, low) Y = MatMul(M, W)", inputs="{T}[N, K] X")
    assert RULE.run(before) == (before, ())


# --- pipelines ------------------------------------------------------------------------------------------------------


def table(dtype: Any) -> np.ndarray:
    x = (RANDOM.normal(size=(ROWS, 6)) * 5 + 3).astype(dtype)
    x[:, 3:] = RANDOM.integers(0, 5, (ROWS, 3))
    return x


SCALERS = [StandardScaler(), MinMaxScaler(), MinMaxScaler(clip=True), MaxAbsScaler(), RobustScaler(), "passthrough",
           StandardScaler(with_mean=False), make_pipeline(SimpleImputer(strategy="median"), StandardScaler())]  # fmt: skip
ENCODERS = [OneHotEncoder(handle_unknown="ignore"), OneHotEncoder(drop="first"),
            OneHotEncoder(drop="if_binary", handle_unknown="ignore"), OneHotEncoder(min_frequency=70, handle_unknown="ignore"),
            OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=3)]  # fmt: skip


PIPELINES = [
    *((scaler, ENCODERS[0], "drop", LogisticRegression(max_iter=500)) for scaler in SCALERS),
    *((SCALERS[0], encoder, "passthrough", Ridge()) for encoder in ENCODERS),
    *((SCALERS[-1], encoder, "passthrough", LogisticRegression(max_iter=500)) for encoder in ENCODERS[1:3]),
]


@pytest.mark.parametrize(("scaler", "encoder", "remainder", "final"), PIPELINES, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_pipelines(dtype: Any, scaler: Any, encoder: Any, remainder: str, final: Any) -> None:
    x = table(dtype)
    parts = ColumnTransformer([("n", scaler, [0, 2]), ("c", encoder, [3, 4])], remainder=remainder)
    model = make_pipeline(parts, final).fit(x, np.arange(ROWS) % 3)
    new = x.copy()
    if "ignore" in str(encoder) or "exist" in str(encoder):
        new[::5, 3] = 77
    if "Imputer" in str(scaler):
        new[::3, 0] = np.nan
    protos = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = {} if isinstance(final, Ridge) else {id(final): {"zipmap": False}}
        try:
            protos.append(to_onnx(model, x[:1], options=options))
        except (NotImplementedError, RuntimeError):  # a pipeline that skl2onnx does not write
            protos.clear()
    with suppress(sklort.ConversionError):
        protos.append(convert_model(model, x).onnx_model)
    for proto in protos:
        fast, slow = InferenceSession(proto), plain(proto)
        for size in (1, ROWS):
            for got, wanted in zip(fast.run(None, {"X": new[:size]}), slow.run(None, {"X": new[:size]}), strict=True):
                assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape)
                rtol = 1e-5 if got.dtype == np.float32 else 1e-12
                np.testing.assert_allclose(got, wanted, rtol=rtol, atol=rtol)
        if scaler != "passthrough" and "freq" not in str(encoder) and "max_cat" not in str(encoder):
            assert "OneHotEncoder" not in kinds(fast)


def test_the_usual_pipeline_is_one_step() -> None:
    x = table(np.float32)
    parts = ColumnTransformer(
        [("n", StandardScaler(), [0, 1, 2]), ("c", OneHotEncoder(handle_unknown="ignore"), [3, 4, 5])]
    )
    model = make_pipeline(parts, LogisticRegression()).fit(x, np.arange(ROWS) % 3)
    session = InferenceSession(to_onnx(model, x[:1], options={"zipmap": False}))
    assert kinds(session) == ["ai.sklort:LinearModel"]
    assert session.explain().nodes[0].detail == "3 numbers, 3 columns of categories with 15 rows of weights"
    fast = sklort.convert(model, x)
    x[::4, 3] = 9
    np.testing.assert_array_equal(fast.predict(x), model.predict(x))
    np.testing.assert_allclose(fast.predict_proba(x), model.predict_proba(x), rtol=1e-12)


def test_columns_of_several_inputs() -> None:
    x = table(np.float32)
    words = np.array(["red", "green", "blue", "x", "yy"], object)[x[:, 3:4].astype(int)]
    import pandas as pd

    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "word": words[:, 0], "code": x[:, 4].astype(np.int64)})
    parts = ColumnTransformer([("n", StandardScaler(), ["a", "b"]), ("w", OneHotEncoder(handle_unknown="ignore"), ["word"]),
                               ("c", OneHotEncoder(), ["code"])])  # fmt: skip
    model = make_pipeline(parts, LogisticRegression()).fit(frame, np.arange(ROWS) % 2)
    types = [("a", FloatTensorType([None, 1])), ("b", FloatTensorType([None, 1])), ("word", StringTensorType([None, 1])),
             ("code", Int64TensorType([None, 1]))]  # fmt: skip
    proto = to_onnx(model, initial_types=types, options={"zipmap": False})
    session = InferenceSession(proto)
    assert kinds(session) == ["ai.sklort:LinearModel"]
    feed = {"a": x[:, :1], "b": x[:, 1:2], "word": words, "code": x[:, 4:5].astype(np.int64)}
    label, probabilities = session.run(None, feed)
    np.testing.assert_array_equal(label, model.predict(frame))
    np.testing.assert_allclose(probabilities, model.predict_proba(frame), rtol=1e-5)
    with np.errstate(over="ignore"):
        fast = sklort.convert(model, frame)
    np.testing.assert_allclose(fast.predict_proba(frame), model.predict_proba(frame), rtol=1e-12)
    feed["code"][3] = 99
    with pytest.raises(Fail, match="element 3 is no category: '99'"):
        session.run(None, feed)
