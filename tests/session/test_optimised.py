"""The optimised model, saved for other runtimes."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingRegressor, IsolationForest, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklort.exceptions import Fail, InvalidArgument
from sklort.exceptions import NotImplemented as NotImplementedHere
from sklort.session.inference_session import InferenceSession
from sklort.session.options import SessionOptions
from tests.session.test_options import SCALED, X, graph

MODELS = {
    "pipeline": make_pipeline(StandardScaler(), LogisticRegression()),
    "columns": make_pipeline(
        ColumnTransformer([("n", StandardScaler(), [0, 1]), ("c", OneHotEncoder(handle_unknown="ignore"), [2, 3])]),
        LogisticRegression(max_iter=500),
    ),
    "forest": RandomForestClassifier(6, max_depth=4, random_state=0),
    "boosting": GradientBoostingRegressor(n_estimators=10, random_state=0),
    "neighbours": KNeighborsClassifier(3),
    "one against the rest": OneVsRestClassifier(LogisticRegression()),
    "isolation": IsolationForest(n_estimators=5, random_state=0),
    "network": MLPClassifier((5,), max_iter=30, random_state=0),
}


def save(proto: onnx.ModelProto, path: object, level: int = 99) -> InferenceSession:
    options = SessionOptions()
    options.optimized_model_filepath, options.graph_optimization_level = path, level
    return InferenceSession(proto, options)


@pytest.mark.parametrize("name", MODELS)
def test_onnxruntime_loads_it_and_gives_the_same_answers(name, tmp_path):
    skl2onnx = pytest.importorskip("skl2onnx")
    ort = pytest.importorskip("onnxruntime")
    features, target = load_iris(return_X_y=True)
    rows = np.round(features).astype(np.float32)
    model = MODELS[name].fit(rows, target)
    options = {"zipmap": False} if hasattr(model, "classes_") else None
    proto = skl2onnx.to_onnx(model, rows[:1], options=options, target_opset={"": 18, "ai.onnx.ml": 3})
    bare = ort.SessionOptions()
    bare.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    bare.log_severity_level = 3
    expected = ort.InferenceSession(proto.SerializeToString(), bare).run(None, {"X": rows})
    sizes = {}
    for level in (0, 1, 2, 3, 99):
        path = tmp_path / f"{level}.onnx"
        session = save(proto, path, level)
        saved = onnx.load(path)
        onnx.checker.check_model(saved)
        assert {node.domain for node in saved.graph.node} <= {"", "ai.onnx.ml"}
        assert [value.name for value in saved.graph.output] == [value.name for value in proto.graph.output]
        sizes[level] = len(saved.graph.node)
        for found, wanted in zip(ort.InferenceSession(str(path), bare).run(None, {"X": rows}), expected):
            np.testing.assert_array_equal(found, wanted)
        own = session.run(None, {"X": rows})
        for found, again in zip(own, InferenceSession(path).run(None, {"X": rows})):
            np.testing.assert_allclose(found, again, rtol=1e-5)
    assert len(proto.graph.node) >= sizes[0] >= sizes[1] == sizes[2] == sizes[3] == sizes[99] > 0


def test_what_it_leaves_out(tmp_path):
    body = (
        "a = Identity(X) b = Cast<to = 1>(a) n = Exp(X) d = Constant<value_floats = [2.0]>() e = Neg(d) Y = Mul(b, e)"
    )
    save(graph(body), tmp_path / "m.onnx")
    saved = onnx.load(tmp_path / "m.onnx")
    assert [node.op_type for node in saved.graph.node] == ["Mul"]
    assert [onnx.numpy_helper.to_array(each).tolist() for each in saved.graph.initializer] == [[-2.0]]
    save(graph(body), tmp_path / "m.onnx", 0)
    assert [node.op_type for node in onnx.load(tmp_path / "m.onnx").graph.node] == ["Identity", "Cast", "Neg", "Mul"]


def test_initialisers_that_may_be_fed_stay(tmp_path):
    proto = onnx.parser.parse_model(
        '<ir_version: 10, opset_import: ["": 17]> g (float[N, 2] X, float[1] c = {2}) => (float[N, 2] Y) '
        "{ e = Neg(c) Y = Mul(X, e) }"
    )
    save(proto, tmp_path / "m.onnx")
    session = InferenceSession(tmp_path / "m.onnx")
    assert [arg.name for arg in session.get_overridable_initializers()] == ["c"]
    assert [arg.name for arg in session.get_inputs()] == ["X"]
    np.testing.assert_array_equal(session.run(None, {"X": X})[0], -2 * X)
    np.testing.assert_array_equal(session.run(None, {"X": X, "c": np.array([5], np.float32)})[0], -5 * X)


def test_who_wrote_it_and_what_they_wrote(tmp_path):
    proto = graph(SCALED)
    proto.producer_name, proto.model_version, proto.doc_string = "me", 3, "mine"
    proto.metadata_props.add(key="k", value="v")
    before = save(proto, tmp_path / "m.onnx").get_modelmeta()
    assert InferenceSession(tmp_path / "m.onnx").get_modelmeta() == before


def test_where_it_cannot_be_saved(tmp_path):
    with pytest.raises(
        InvalidArgument, match=r"cannot save the optimised model as .*m\.onnx': there is no directory '.*/a'"
    ):
        save(graph(SCALED), tmp_path / "a" / "m.onnx")
    with pytest.raises(Fail, match=r"cannot save the optimised model as .*: Is a directory"):
        save(graph(SCALED), tmp_path)
    with pytest.raises(NotImplementedHere, match=r"private \.ort format"):
        save(graph(SCALED), tmp_path / "m.ort")
    assert list(tmp_path.iterdir()) == []


def test_a_session_that_travels_saves_nothing_again(tmp_path):
    import pickle

    session = save(graph(SCALED), tmp_path / "m.onnx")
    (tmp_path / "m.onnx").unlink()
    other = pickle.loads(pickle.dumps(session))
    np.testing.assert_array_equal(other.run(None, {"X": X})[0], X * np.float32([2, 3]))
    assert list(tmp_path.iterdir()) == []
