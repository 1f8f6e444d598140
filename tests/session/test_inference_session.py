"""onnxruntime's face: what is asked of it, on models that skl2onnx writes and on small ones in ONNX text."""

from __future__ import annotations

import copy
import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklort.exceptions import InvalidArgument, InvalidGraph, SessionError
from sklort.session.inference_session import InferenceSession
from sklort.session.options import GraphOptimizationLevel, SessionOptions

X = np.array([[1, -2], [3, 4]], np.float32)


def session_of(
    body: str, inputs: str = "float[N, 2] X", outputs: str = "float Y", opset: int = 17, **arguments
) -> InferenceSession:
    text = f'<ir_version: 10, opset_import: ["": {opset}, "ai.onnx.ml": 3]> g ({inputs}) => ({outputs}) {{ {body} }}'
    return InferenceSession(onnx.parser.parse_model(text), **arguments)


@pytest.fixture(scope="module")
def iris():
    features, target = load_iris(return_X_y=True)
    return features.astype(np.float32), target


MODELS = {
    "logistic": LogisticRegression(max_iter=500),
    "pipeline": make_pipeline(StandardScaler(), LogisticRegression()),
    "forest": RandomForestClassifier(6, max_depth=4, random_state=0),
    "boosting": GradientBoostingRegressor(n_estimators=10, random_state=0),
    "neighbours": KNeighborsClassifier(3),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("providers", [None, ["ReferenceExecutionProvider"]], ids=["default", "reference"])
def test_converted_models_answer_as_scikit_learn_does(name, providers, iris):
    skl2onnx = pytest.importorskip("skl2onnx")
    features, target = iris
    model = MODELS[name].fit(features, target)
    classifier = hasattr(model, "classes_")
    rows = features[::4]
    proto = skl2onnx.to_onnx(model, rows[:1], options={"zipmap": False} if classifier else None)
    session = InferenceSession(proto, providers=providers)
    batches = [rows, rows[:1], np.asfortranarray(rows), rows[::-1]]
    if name in ("forest", "boosting") and not providers:
        batches.append(rows[:0])
    for batch in batches:
        results = session.run(None, {"X": batch})
        if classifier and len(batch):
            np.testing.assert_array_equal(results[0], model.predict(batch))
            np.testing.assert_allclose(results[1], model.predict_proba(batch), atol=1e-5)
        elif len(batch):
            np.testing.assert_allclose(results[0][:, 0], model.predict(batch), rtol=1e-5)
        assert all(len(result) == len(batch) for result in results)


def test_a_declared_double_is_honoured_where_the_operator_gives_float(iris):
    skl2onnx = pytest.importorskip("skl2onnx")
    features, target = iris
    model = GradientBoostingRegressor(n_estimators=3).fit(features, target)
    proto = skl2onnx.to_onnx(model, features[:1].astype(np.float64))
    found = InferenceSession(proto).run(None, {"X": features.astype(np.float64)})[0]
    assert found.dtype == np.float64
    np.testing.assert_allclose(found[:, 0], model.predict(features), rtol=1e-5)


def test_output_names():
    session = session_of("Y = Abs(X) Z = Neg(X)", outputs="float Y, float Z")
    for every in (None, [], ()):
        y, z = session.run(every, {"X": X})
        np.testing.assert_array_equal(y, -z * np.sign(X))
    z, y, again = session.run(["Z", "Y", "Z"], {"X": X})
    np.testing.assert_array_equal(z, -X)
    np.testing.assert_array_equal(y, abs(X))
    np.testing.assert_array_equal(again, z)
    assert not np.shares_memory(z, again)
    with pytest.raises(InvalidArgument, match="no output 'y'; it has 'Y', 'Z'"):
        session.run(["y"], {"X": X})
    for wrong in ("Y", [1], {"Y"}):
        with pytest.raises(TypeError, match="output_names"):
            session.run(wrong, {"X": X})


def test_what_the_outputs_do_not_need_is_not_computed():
    session = session_of("Y = Abs(X) Z = Reshape(X, s) s = Constant<value_ints = [7]>()", outputs="float Y, float Z")
    np.testing.assert_array_equal(session.run(["Y"], {"X": X})[0], abs(X))
    with pytest.raises(SessionError, match="Reshape"):
        session.run(None, {"X": X})
    np.testing.assert_array_equal(session.run(["Y"], {"X": X})[0], abs(X))


def test_a_bad_feed_names_the_input_and_leaves_the_session_usable():
    session = session_of("Y = Identity(X)")
    for feed, error in [
        ({}, ValueError),
        ({"x": X}, ValueError),
        ({"X": X, "Q": X}, InvalidArgument),
        ({"X": X.astype(np.float64)}, InvalidArgument),
        ({"X": X[0]}, InvalidArgument),
        ({"X": None}, ValueError),
        (None, TypeError),
    ]:
        with pytest.raises(error, match="'X'|input_feed|'Q'"):
            session.run(None, feed)
    np.testing.assert_array_equal(session.run(None, {"X": X})[0], X)


@pytest.mark.parametrize(
    "change", [np.asfortranarray, lambda a: a[::-1], lambda a: a.astype(">f4"), lambda a: a.tolist(), lambda a: a[:0]]
)
def test_layouts(change):
    given = change(X)
    found = session_of("Y = Identity(X)").run(None, {"X": given})[0]
    np.testing.assert_array_equal(found, np.asarray(given))
    assert found.flags.c_contiguous
    assert found.flags.writeable


def test_outputs_never_share_memory_with_inputs():
    given = X.copy()
    for found in session_of("Y = Identity(X) Z = Flatten(X)", outputs="float Y, float Z").run(None, {"X": given}):
        assert not np.shares_memory(found, given)


def test_introspection():
    session = session_of("Y = Abs(X)", inputs='float["rows", 2] X'.replace('"', ""), outputs="float[N] Y")
    (given,), (made,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.type, given.shape) == ("X", "tensor(float)", ["rows", 2])
    assert (made.name, made.type, made.shape) == ("Y", "tensor(float)", ["N"])
    assert str(given) == "NodeArg(name='X', type='tensor(float)', shape=['rows', 2])"
    assert session.get_inputs() is session.get_inputs()
    assert session.get_overridable_initializers() == []
    assert session.get_modelmeta().graph_name == "g"


def test_types_are_spelled_as_in_onnxruntime():
    session = session_of(
        "Y = Identity(X)", inputs="seq(map(int64, float)) X, optional(float16[2]) O, string[N, ?] S", outputs="seq(map(int64, float)) Y",
        providers=["ReferenceExecutionProvider"],
    )  # fmt: skip
    assert [arg.type for arg in session.get_inputs()] == [
        "seq(map(int64,tensor(float)))",
        "optional(tensor(float16))",
        "tensor(string)",
    ]
    assert [arg.shape for arg in session.get_inputs()] == [[], [], ["N", None]]


def overridable() -> InferenceSession:
    return InferenceSession(
        onnx.parser.parse_model(
            '<ir_version: 10, opset_import: ["": 17]> g (float[N, 2] X, float[1] c = {2}, float[1] d = {0}) => (float Y) '
            "{ e = Neg(c) f = Mul(X, e) Y = Add(f, d) }"
        )
    )


def test_overridable_initializers():
    session = overridable()
    assert [(arg.name, arg.type, arg.shape) for arg in session.get_overridable_initializers()] == [
        ("c", "tensor(float)", [1]),
        ("d", "tensor(float)", [1]),
    ]
    np.testing.assert_array_equal(session.run(None, {"X": X})[0], -2 * X)
    np.testing.assert_array_equal(session.run(["Y"], {"X": X, "c": np.array([5], np.float32)})[0], -5 * X)
    np.testing.assert_array_equal(session.run(None, {"d": np.array([1], np.float32), "X": X})[0], 1 - 2 * X)
    np.testing.assert_array_equal(session.run(None, {"X": X})[0], -2 * X)
    with pytest.raises(InvalidArgument, match="'c' has dtype float64"):
        session.run(None, {"X": X, "c": np.array([5.0])})
    with pytest.raises(ValueError, match="'X' are missing"):
        session.run(None, {"c": np.array([5], np.float32)})


def test_compiled_programs():
    session = session_of("Y = Identity(X) Z = Flatten(X)", outputs="float Y, float Z")
    program = session.compiled(["Z"])
    assert program is session.compiled(["Z"])
    assert program is not session.compiled()
    np.testing.assert_array_equal(program.run([X])[0], X)
    np.testing.assert_array_equal(program.fast(X), X)
    assert program.fast(X.astype(np.float64)) is None
    y, z = session.compiled(None).fast(X)
    np.testing.assert_array_equal(y, z)


def test_explain():
    session = session_of("a = Identity(X) b = Flatten(a) Y = Det(b)")
    text = str(session.explain())
    assert repr(session.explain()) == text
    lines = text.splitlines()
    assert lines[0].split() == ["node", "provider", "why"]
    assert lines[2].split()[:4] == ["Flatten", "->", "b", "CPUExecutionProvider"]
    assert "Det -> Y" in lines[3]
    assert "ReferenceExecutionProvider" in lines[3]
    assert "CPUExecutionProvider: there is no native kernel for Det" in lines[3]


def test_explain_tells_why_passes_did_not_fire():
    explanation = session_of("Y = Identity(X)").explain()
    assert explanation.kept == (
        "drop_identities: Identity -> Y: the output 'Y' must not share memory with 'X', an input or constant",
    )
    assert explanation.kept[0] in str(explanation)


@pytest.mark.parametrize("remake", [lambda s: pickle.loads(pickle.dumps(s)), copy.deepcopy])
def test_a_session_travels(remake):
    options = SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = GraphOptimizationLevel.ORT_DISABLE_ALL
    text = '<ir_version: 10, opset_import: ["": 17]> g (float[N, 2] X, float[1] c = {2}) => (float Y) { a = Identity(X) Y = Mul(a, c) }'
    session = InferenceSession(
        onnx.parser.parse_model(text), options, ["ReferenceExecutionProvider"], disabled_optimizers=["drop_identities"]
    )
    other = remake(session)
    np.testing.assert_array_equal(other.run(None, {"X": X})[0], 2 * X)
    assert other.get_providers() == session.get_providers()
    assert other.get_session_options().intra_op_num_threads == 1
    assert str(other.explain()) == str(session.explain())
    assert [arg.name for arg in other.get_overridable_initializers()] == ["c"]


def test_threads_share_a_session(iris):
    skl2onnx = pytest.importorskip("skl2onnx")
    features, target = iris
    model = MODELS["forest"].fit(features, target)
    session = InferenceSession(skl2onnx.to_onnx(model, features[:1], options={"zipmap": False}))
    expected = session.run(None, {"X": features})[1]

    def work(i: int) -> bool:
        names = [None, ["probabilities"], ["label", "probabilities"], ["probabilities", "label"]][i % 4]
        found = session.run(names, {"X": features})
        position = names.index("probabilities") if names else 1
        return np.array_equal(found[position], expected)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(100)))


def ops(session: InferenceSession) -> list[str]:
    return [node.node.split()[0] for node in session.explain().nodes]


def test_optimisation_levels_and_single_passes():
    body = "a = Identity(X) b = Cast<to = 1>(a) unused = Exp(X) Y = Abs(b)"
    assert ops(session_of(body)) == ["Abs"]
    options = SessionOptions()
    options.graph_optimization_level = 0
    assert ops(session_of(body, sess_options=options)) == ["Identity", "Cast", "Abs"]
    options.graph_optimization_level = GraphOptimizationLevel.ORT_ENABLE_BASIC
    assert ops(session_of(body, sess_options=options)) == ["Abs"]
    assert ops(session_of(body, disabled_optimizers=["drop_noop_casts"])) == ["Cast", "Abs"]


def test_options_are_copied():
    options = SessionOptions()
    session = session_of("Y = Abs(X)", sess_options=options)
    options.intra_op_num_threads = 3
    assert session.get_session_options().intra_op_num_threads == 0
    with pytest.raises(TypeError, match="int"):
        options.intra_op_num_threads = 1.5
    with pytest.raises(ValueError, match="7"):
        options.graph_optimization_level = 7


@pytest.mark.parametrize("falsy", [None, {}, ()])
def test_falsy_options_are_the_defaults(falsy):
    session_of("Y = Abs(X)", sess_options=falsy)


def test_wrong_options_say_what_they_are_and_not_what_the_model_is():
    with pytest.raises(TypeError, match="got dict$"):
        session_of("Y = Abs(X)", sess_options={"threads": 1})


def test_unknown_keywords_warn():
    with pytest.warns(UserWarning, match="no option 'provider'.*did you mean 'providers'"):
        session_of("Y = Abs(X)", provider=["CPUExecutionProvider"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        session_of("Y = Abs(X)", enable_fallback=0, read_config_from_model=1)


def test_providers():
    assert session_of("Y = Abs(X)").get_providers() == ["CPUExecutionProvider"]
    session = session_of("Y = Identity(X)", providers=["ReferenceExecutionProvider"])
    assert session.get_providers() == ["ReferenceExecutionProvider", "CPUExecutionProvider"]
    assert {node.provider for node in session.explain().nodes} == {"ReferenceExecutionProvider"}
    session = session_of("Y = Abs(X)", providers=[("CPUExecutionProvider", {"arena": 1})])
    assert session.get_provider_options() == {"CPUExecutionProvider": {"arena": "1"}}
    session = session_of("Y = Abs(X)", providers=["CPUExecutionProvider"], provider_options=[{"a": "b"}])
    assert session.get_provider_options() == {"CPUExecutionProvider": {"a": "b"}}
    assert session_of("Y = Abs(X)", providers="CPUExecutionProvider").get_providers() == ["CPUExecutionProvider"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"providers": ["OtherExecutionProvider"]}, "'OtherExecutionProvider' is not available"),
        ({"providers": ["cpuexecutionprovider"]}, "did you mean 'CPUExecutionProvider'"),
        ({"providers": ["CPUExecutionProvider"] * 2}, "named twice"),
        ({"providers": {1}}, "must be a list"),
        ({"providers": [3]}, r"\(name, options\) tuple, got 3"),
        ({"providers": ["CPUExecutionProvider"], "provider_options": [{}, {}]}, "list of 1 dicts"),
        ({"providers": [("CPUExecutionProvider", 3)]}, "must be a dict, got int"),
    ],
)
def test_mistakes_in_providers_warn_and_leave_the_cpu(arguments, words):
    with pytest.warns(UserWarning, match=words):
        session = session_of("Y = Abs(X)", **arguments)
    assert session.get_providers() == ["CPUExecutionProvider"]


def test_a_with_statement_and_a_broken_model():
    with session_of("Y = Abs(X)") as session:
        session.run(None, {"X": X})
    with pytest.raises(InvalidGraph):
        session_of("Y = Abz(X)")


def test_unsupported_operators_are_told_at_once():
    with pytest.raises(
        SessionError, match=r"nobody can run GlobalLpPool .*CPUExecutionProvider: .*ReferenceExecutionProvider: "
    ):
        session_of("Y = GlobalLpPool(X)", inputs="float[N, 2, 3] X")
