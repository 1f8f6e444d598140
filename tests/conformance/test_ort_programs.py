"""Programs that scikit-learn's users write for onnxruntime, run on both modules: one text, the same ends.

They are our own words for what its documentation shows - load and predict, train and convert, pipelines, what goes wrong,
profiles, metadata; the module is called `ort` in each. Values, bindings and backends are in test_ort_programs_binding.py.
"""

from __future__ import annotations

import importlib
import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import helper
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.feature_extraction import DictVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.conformance.malformed import FLOAT, INT64, ML, STRING, ml_node, model, node, tensor

skl2onnx = pytest.importorskip("skl2onnx")
TARGET = {"": 17, ML: 3}


def errors(ort: Any) -> Any:
    """Where programs import the classes of errors from."""
    return importlib.import_module(f"{ort.__name__}.capi.onnxruntime_pybind11_state")


# --- load and predict --------------------------------------------------------------------------------------------------------


def scaled() -> onnx.ModelProto:
    """A model with an input x of shape (3, 2): x times a table of numbers."""
    table = tensor("W", [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    return model([node("Mul", "x", "W", out=["y"])], {"x": (FLOAT, [3, 2])}, {"y": (FLOAT, [3, 2])}, [table])


def test_load_a_file_look_at_it_and_predict(ort, tmp_path):
    path = tmp_path / "scaled.onnx"
    path.write_bytes(scaled().SerializeToString())
    session = ort.InferenceSession(str(path), providers=ort.get_available_providers())
    given, made = session.get_inputs()[0], session.get_outputs()[0]
    assert (given.name, given.shape, given.type) == ("x", [3, 2], "tensor(float)")
    assert (made.name, made.shape, made.type) == ("y", [3, 2], "tensor(float)")
    rows = np.random.default_rng(0).random((3, 2)).astype(np.float32)
    found = session.run([made.name], {given.name: rows})
    assert isinstance(found, list)
    np.testing.assert_array_equal(found[0], rows * np.float32([[1, 2], [3, 4], [5, 6]]))
    assert session.get_providers()[-1] == "CPUExecutionProvider"


def test_predict_from_many_threads(ort):
    session = ort.InferenceSession(scaled().SerializeToString(), providers=["CPUExecutionProvider"])
    results: dict[int, Any] = {}

    def work(i: int) -> None:
        results[i] = session.run(None, {"x": np.full((3, 2), i, np.float32)})[0]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(8):
        np.testing.assert_array_equal(results[i], i * np.float32([[1, 2], [3, 4], [5, 6]]))


def test_predict_in_the_background(ort):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 2
    session = ort.InferenceSession(scaled().SerializeToString(), options, providers=["CPUExecutionProvider"])
    done, told = threading.Event(), []

    def callback(results: list[Any], data: Any, error: str) -> None:
        told.append((results, data, error))
        done.set()

    session.run_async(["y"], {"x": np.ones((3, 2), np.float32)}, callback, {"batch": 1})
    assert done.wait(60)
    ((results, data, error),) = told
    np.testing.assert_array_equal(results[0], [[1, 2], [3, 4], [5, 6]])
    assert (data, error) == ({"batch": 1}, "")


# --- train, convert, predict -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def irises() -> tuple[np.ndarray, ...]:
    X, y = load_iris(return_X_y=True)
    return tuple(train_test_split(X.astype(np.float32), y, random_state=0))


@pytest.mark.parametrize("fitted", [LogisticRegression(max_iter=500), RandomForestClassifier(20, random_state=0)])
def test_train_convert_and_predict(ort, irises, fitted, tmp_path):
    X_train, X_test, y_train, _ = irises
    fitted.fit(X_train, y_train)
    kinds = [("float_input", skl2onnx.common.data_types.FloatTensorType([None, 4]))]
    proto = skl2onnx.convert_sklearn(fitted, initial_types=kinds, target_opset=TARGET)
    path = tmp_path / "iris.onnx"
    path.write_bytes(proto.SerializeToString())

    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: X_test}
    label_name, probability_name = (each.name for each in session.get_outputs())
    labels = session.run([label_name], feed)[0]
    np.testing.assert_array_equal(labels, fitted.predict(X_test))

    probabilities = session.run([probability_name], feed)[0]
    expected = fitted.predict_proba(X_test)
    assert isinstance(probabilities, list)
    assert [list(row) for row in probabilities] == [[0, 1, 2]] * len(X_test)
    np.testing.assert_allclose([list(row.values()) for row in probabilities], expected, atol=1e-6)

    one_by_one = [session.run([label_name], {"float_input": row[None, :]})[0][0] for row in X_test[:20]]
    assert one_by_one == labels[:20].tolist()


@pytest.mark.parametrize("fitted", [Ridge(), GradientBoostingRegressor(n_estimators=20, random_state=0)])
def test_a_regressor(ort, fitted):
    X, y = load_diabetes(return_X_y=True)
    X = X.astype(np.float32)
    proto = skl2onnx.to_onnx(fitted.fit(X, y), X[:1], target_opset=TARGET)
    session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    found = session.run(None, {"X": X})[0]
    assert found.shape == (len(X), 1)
    np.testing.assert_allclose(found[:, 0], fitted.predict(X), rtol=1e-4)


# --- pipelines ---------------------------------------------------------------------------------------------------------------


def test_dictionaries_through_a_vectorizer(ort):
    numbers = [{"city=Kiel": 1.0, "rooms": 3.0}, {"city=Bonn": 1.0, "rooms": 2.0}, {"rooms": 5.0}, {"city=Ulm": 1.0}]
    pipeline = make_pipeline(DictVectorizer(sparse=False), Ridge()).fit(numbers, [1.0, 2.0, 3.0, 4.0])
    kinds = skl2onnx.common.data_types
    initial = [("row", kinds.DictionaryType(kinds.StringTensorType([1]), kinds.FloatTensorType([])))]
    proto = skl2onnx.convert_sklearn(pipeline, initial_types=initial, target_opset=TARGET)
    session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].type == "map(string,tensor(float))"
    for row in numbers:
        found = session.run(None, {"row": row})[0]
        np.testing.assert_allclose(found.ravel(), pipeline.predict([row]), rtol=1e-5)


def passengers() -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": rng.integers(1, 80, 300).astype(np.float32),
            "fare": rng.gamma(2, 20, 300).astype(np.float32),
            "port": rng.choice(["Southampton", "Cherbourg", "Queenstown"], 300).astype(object),
            "title": rng.choice(["Mr", "Mrs", "Miss"], 300).astype(object),
        }
    )
    frame.loc[rng.random(300) < 0.2, "age"] = np.nan
    return frame, np.where(frame["title"].eq("Mr") ^ (frame["fare"] > 60), "no", "yes")


def test_a_frame_of_mixed_columns(ort):
    frame, target = passengers()
    numbers = Pipeline([("fill", SimpleImputer()), ("scale", StandardScaler())])
    columns = ColumnTransformer(
        [("n", numbers, ["age", "fare"]), ("c", OneHotEncoder(handle_unknown="ignore"), ["port", "title"])]
    )
    fitted = Pipeline([("columns", columns), ("model", LogisticRegression(max_iter=1000))]).fit(frame, target)
    kinds = skl2onnx.common.data_types
    texts = {"port", "title"}
    initial = [
        (name, (kinds.StringTensorType if name in texts else kinds.FloatTensorType)([None, 1])) for name in frame
    ]
    proto = skl2onnx.convert_sklearn(
        fitted, initial_types=initial, options={id(fitted): {"zipmap": False}}, target_opset=TARGET
    )
    session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    assert {each.name: each.type for each in session.get_inputs()} == {
        name: f"tensor({'string' if name in texts else 'float'})" for name in frame
    }
    frame.loc[0, "port"] = "Atlantis"
    feed = {name: frame[name].to_numpy().reshape(-1, 1) for name in frame}
    labels, probabilities = session.run(None, feed)
    np.testing.assert_array_equal(labels, fitted.predict(frame))
    np.testing.assert_allclose(probabilities, fitted.predict_proba(frame), atol=1e-5)


# --- what goes wrong ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def iris_session(ort, irises) -> Any:
    X_train, _, y_train, _ = irises
    proto = skl2onnx.to_onnx(LogisticRegression(max_iter=500).fit(X_train, y_train), X_train[:1], target_opset=TARGET)
    return ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])


ROW = np.array([[1.0, 2.0, 3.0, 4.0]], np.float32)
MISTAKES = {
    "double": (["output_label"], {"X": ROW.astype(np.float64)}, "InvalidArgument"),
    "integers": (["output_label"], {"X": ROW.astype(np.int64)}, "InvalidArgument"),
    "a misspelt output": (["label"], {"X": ROW}, "InvalidArgument"),
    "a misspelt input": (["output_label"], {"x": ROW}, ValueError),
    "an input too many": (None, {"X": ROW, "Z": ROW}, "InvalidArgument"),
    "a row that is no table": (["output_label"], {"X": ROW[0]}, "InvalidArgument"),
    "too many dimensions": (["output_label"], {"X": ROW[:, :, None]}, "InvalidArgument"),
    "too few columns": (["output_label"], {"X": ROW[:, :3]}, "InvalidArgument"),
    "too many columns": (["output_label"], {"X": np.hstack([ROW, ROW])}, "InvalidArgument"),
    "a frame": (["output_label"], {"X": pd.DataFrame(ROW)}, RuntimeError),
    "a scalar": (["output_label"], {"X": 3.0}, RuntimeError),
    "a ragged list": (["output_label"], {"X": [[1.0, 2.0], [3.0]]}, RuntimeError),
    "output names that are a text": ("output_label", {"X": ROW}, TypeError),
    "options that are none": (None, {"X": ROW}, TypeError),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_in_a_run(ort, iris_session, name, capfd):
    outputs, feed, kind = MISTAKES[name]
    expected = iris_session.run(["output_label"], {"X": ROW})[0]
    with pytest.raises(getattr(errors(ort), kind) if isinstance(kind, str) else kind):
        iris_session.run(outputs, feed, *([{}] if name == "options that are none" else []))
    np.testing.assert_array_equal(iris_session.run(["output_label"], {"X": ROW})[0], expected)


def test_mistakes_in_loading(ort, tmp_path):
    state = errors(ort)
    (tmp_path / "garbage.onnx").write_bytes(b"\x00\xff" * 20)
    (tmp_path / "empty.onnx").write_bytes(b"")
    for source, kind in [
        ("absent.onnx", state.NoSuchFile),
        (str(tmp_path / "garbage.onnx"), state.InvalidProtobuf),
        (str(tmp_path / "empty.onnx"), state.InvalidArgument),
        (model([node("Absolutely", "X")]).SerializeToString(), state.InvalidGraph),
        (None, TypeError),
        (3, TypeError),
    ]:
        with pytest.raises(kind):
            ort.InferenceSession(source, providers=["CPUExecutionProvider"])


def test_an_error_begins_with_its_status(ort, iris_session, tmp_path):
    """Programs look for it in the text."""
    rows = np.zeros((1, 4), np.float32)
    empty = tmp_path / "empty.onnx"
    empty.write_bytes(b"")
    for call, begin in (
        (lambda: ort.InferenceSession("nowhere.onnx"), "[ONNXRuntimeError] : 3 : NO_SUCHFILE : "),
        (lambda: ort.InferenceSession(b"no model"), "[ONNXRuntimeError] : 7 : INVALID_PROTOBUF : "),
        (lambda: ort.InferenceSession(str(empty)), "[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : "),
        (lambda: iris_session.run(["no such"], {"X": rows}), "[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : "),
        (lambda: iris_session.run(None, {"X": rows.astype(float)}), "[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : "),
    ):
        with pytest.raises(Exception, match="ONNXRuntimeError") as caught:
            call()
        assert str(caught.value).startswith(begin)
        assert begin not in str(caught.value)[len(begin) :]


def test_a_node_that_cannot_take_what_it_finds(ort, capfd):
    encoder = ml_node("OneHotEncoder", "X", cats_strings=["a", "b"], zeros=0)
    session = ort.InferenceSession(
        model([encoder], {"X": (STRING, ["N", 1])}).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    with pytest.raises(errors(ort).Fail):
        session.run(None, {"X": np.array([["c"]], object)})
    session = ort.InferenceSession(
        model([node("Cast", "X", to=INT64)], {"X": (STRING, ["N"])}, {"Y": INT64}).SerializeToString(),
        providers=["CPUExecutionProvider"],
    )
    np.testing.assert_array_equal(session.run(None, {"X": np.array(["7"], object)})[0], [7])
    with pytest.raises(errors(ort).RuntimeException):
        session.run(None, {"X": np.array(["seven"], object)})


def test_a_run_that_is_ended_before_it_begins(ort, capfd):
    session = ort.InferenceSession(scaled().SerializeToString(), providers=["CPUExecutionProvider"])
    options = ort.RunOptions()
    options.terminate = True
    with pytest.raises(errors(ort).Fail, match="terminate"):
        session.run(None, {"x": np.ones((3, 2), np.float32)}, options)
    options.terminate = False
    session.run(None, {"x": np.ones((3, 2), np.float32)}, options)


# --- options -----------------------------------------------------------------------------------------------------------------


def test_options_of_a_session(ort, tmp_path):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    options.add_free_dimension_override_by_name("N", 2)
    proto = model([node("Identity", "X", out=["a"]), node("Abs", "a", name="m")])
    session = ort.InferenceSession(proto.SerializeToString(), sess_options=options)
    assert session.get_inputs()[0].shape == [2, 2]
    rows = np.array([[1, -2], [-3, 4]], np.float32)
    np.testing.assert_array_equal(session.run(None, {"X": rows})[0], abs(rows))
    (part,) = session.get_provider_graph_assignment_info()
    assert part.ep_name == "CPUExecutionProvider"
    assert [each.op_type for each in part.get_nodes()] == ["Abs"]
    again = ort.InferenceSession(options.optimized_model_filepath)
    np.testing.assert_array_equal(again.run(None, {"X": rows})[0], abs(rows))
    assert session.get_session_options().get_session_config_entry("session.record_ep_graph_assignment_info") == "1"


# --- profiles ----------------------------------------------------------------------------------------------------------------


def test_a_profile(ort, tmp_path, irises):
    X_train, X_test, y_train, _ = irises
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(X_train, y_train)
    proto = skl2onnx.to_onnx(fitted, X_train[:1], options={"zipmap": False}, target_opset=TARGET)
    options = ort.SessionOptions()
    options.enable_profiling = True
    options.profile_file_prefix = str(tmp_path / "profile")
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    for _ in range(3):
        session.run(None, {"X": X_test})
    assert session.get_profiling_start_time_ns() > 0
    name = session.end_profiling()
    assert Path(name).parent == tmp_path
    assert Path(name).name.startswith("profile_")

    events = json.loads(Path(name).read_text())
    assert {event["ph"] for event in events} == {"X"}
    by_category = pd.DataFrame(events).groupby("cat")["name"].agg(list)
    assert by_category["Session"].count("model_run") == 3
    assert by_category["Session"].count("SequentialExecutor::Execute") == 3
    assert {"model_loading_array", "session_initialization"} <= set(by_category["Session"])
    nodes = [event for event in events if event["cat"] == "Node" and event["name"].endswith("_kernel_time")]
    spent: dict[str, int] = {}
    for event in nodes:
        arguments = event["args"]
        spent[arguments["op_name"]] = spent.get(arguments["op_name"], 0) + event["dur"]
        assert arguments["provider"] == "CPUExecutionProvider"
        assert int(arguments["node_index"]) >= 0
    assert set(spent) == {"Scaler", "LinearClassifier", "Normalizer"}
    assert len(nodes) == 9
    (scaler,) = {json.dumps(e["args"]["input_type_shape"]) for e in nodes if e["args"]["op_name"] == "Scaler"}
    assert json.loads(scaler) == [{"float": [len(X_test), 4]}]
    (classifier,) = {
        json.dumps(e["args"]["output_type_shape"]) for e in nodes if e["args"]["op_name"] == "LinearClassifier"
    }
    assert json.loads(classifier) == [{"int64": [len(X_test)]}, {"float": [len(X_test), 3]}]
    sizes = [int(e["args"]["activation_size"]) for e in nodes if e["args"]["op_name"] == "Scaler"]
    assert sizes == [X_test.nbytes] * 3


# --- metadata ----------------------------------------------------------------------------------------------------------------


def test_metadata(ort):
    proto = scaled()
    proto.producer_name, proto.domain, proto.model_version = "our factory", "org.example", 7
    proto.doc_string, proto.graph.doc_string, proto.graph.name = "what it is", "what is inside", "inner"
    helper.set_model_props(proto, {"trained": "2026-11-21", "rows": "150"})
    meta = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"]).get_modelmeta()
    assert (meta.producer_name, meta.domain, meta.version) == ("our factory", "org.example", 7)
    assert (meta.description, meta.graph_description, meta.graph_name) == ("what it is", "what is inside", "inner")
    assert meta.custom_metadata_map == {"trained": "2026-11-21", "rows": "150"}


def test_a_model_without_metadata(ort):
    proto = scaled()
    proto.graph.name = "g"
    meta = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"]).get_modelmeta()
    assert (meta.producer_name, meta.domain, meta.description) == ("", "", "")
    assert meta.custom_metadata_map == {}
