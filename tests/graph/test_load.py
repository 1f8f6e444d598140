"""Every form of a model that converters write is read; what is no model says so."""

from __future__ import annotations

import io
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from sklort.exceptions import Fail, InvalidArgument, InvalidGraph, InvalidProtobuf, NoSuchFile
from sklort.graph.ir import AttributeKind
from sklort.graph.load import load
from sklort.graph.text import parse
from sklort.graph.types import DType, MapType, SequenceType, TensorType

FLOAT = TensorProto.FLOAT


def model_of(
    nodes, inputs=("X",), outputs=("Y",), initializers=(), opsets=(("", 17),), ir=10, functions=(), kind=FLOAT
):
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(name, kind, ["N", 2]) for name in inputs],
        [helper.make_tensor_value_info(name, kind, None) for name in outputs],
        list(initializers),
    )
    imports = [helper.make_opsetid(domain, version) for domain, version in opsets]
    return helper.make_model(graph, opset_imports=imports, ir_version=ir, functions=list(functions))


@pytest.fixture
def proto():
    return model_of([helper.make_node("Abs", ["X"], ["Y"], name="a")])


def test_every_kind_of_source_gives_the_same_model(proto, tmp_path):
    data = proto.SerializeToString()
    path = tmp_path / "m.onnx"
    path.write_bytes(data)
    with path.open("rb") as file:
        sources = [proto, data, bytearray(data), memoryview(data), io.BytesIO(data), str(path), path, file]
        for source in sources:
            model = load(source)
            assert [node.op_type for node in model.graph.nodes] == ["Abs"]
            assert model.graph.inputs[0].type == TensorType(DType.FLOAT, ("N", 2))


@pytest.mark.parametrize("source", [None, 3, ["m.onnx"]])
def test_other_objects_are_refused_by_type(source):
    with pytest.raises(TypeError, match=type(source).__name__):
        load(source)


def test_a_text_file_object_is_refused():
    with pytest.raises(TypeError, match="'rb'"):
        load(io.StringIO("text"))


def test_missing_file_names_the_nearest(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"x")
    with pytest.raises(NoSuchFile, match=r"did you mean .*model\.onnx") as caught:
        load(tmp_path / "modle.onnx")
    assert isinstance(caught.value, FileNotFoundError)


def test_directory_names_the_models_inside(tmp_path):
    (tmp_path / "inside.onnx").write_bytes(b"x")
    with pytest.raises(InvalidProtobuf, match=r"directory .*inside\.onnx"):
        load(tmp_path)


@pytest.mark.parametrize("empty", [b"", bytearray(), io.BytesIO(b""), ""])
def test_empty_sources(empty):
    with pytest.raises(InvalidArgument):
        load(empty)


def test_empty_file(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"")
    with pytest.raises(InvalidArgument, match="empty"):
        load(tmp_path / "m.onnx")


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        (b"models/iris.onnx", "pass it as str"),
        (b"PK\x03\x04rest", "zip"),
        (b"\x80\x05\x95rest", "pickle"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"....ORTM....", r"\.ort"),
        (b"<html>no</html>", "text"),
        (b"\xff\xfe\xfd\x00", "damaged"),
    ],
)
def test_bytes_that_are_no_model_say_what_they_seem_to_be(data, hint):
    with pytest.raises(InvalidProtobuf, match=hint):
        load(data)


def test_truncated_model(proto):
    with pytest.raises(InvalidProtobuf, match="damaged or cut short"):
        load(proto.SerializeToString()[:-3])


def test_ort_file_is_refused_by_name(proto, tmp_path):
    (tmp_path / "m.ort").write_bytes(proto.SerializeToString())
    with pytest.raises(Fail, match=r"\.ort"):
        load(tmp_path / "m.ort")


def test_a_model_without_a_graph():
    with pytest.raises(InvalidArgument, match="no graph"):
        load(onnx.ModelProto(ir_version=8))


def test_domain_imported_twice_takes_the_highest(proto):
    proto.opset_import.add(domain="ai.onnx", version=13)
    proto.opset_import.add(domain="", version=19)
    assert load(proto).opsets == {"": 19}


@pytest.mark.parametrize(
    ("attributes", "version"),
    [
        ({"classes_strings": ["a", "b"]}, 1),
        ({"keys_strings": ["a"], "values_int64s": [1]}, 5),
    ],
)
def test_ml_nodes_without_import_take_the_newest_version_that_fits(attributes, version):
    node = helper.make_node("LabelEncoder", ["X"], ["Y"], domain="ai.onnx.ml", **attributes)
    model = load(model_of([node], kind=TensorProto.STRING))
    assert model.graph.nodes[0].version == version
    assert model.opsets["ai.onnx.ml"] == version


def test_ir_14_and_older_than_4_are_read_and_15_is_not(proto):
    for version in (0, 2, 3, 14):
        proto.ir_version = version
        assert load(proto).ir_version == version
    proto.ir_version = 15
    with pytest.raises(Fail, match="15"):
        load(proto)


def test_no_opset_import(proto):
    del proto.opset_import[:]
    with pytest.raises(Fail, match="opset_import"):
        load(proto)


def test_unsorted_nodes_are_sorted_and_legal_order_is_kept():
    nodes = [
        helper.make_node("Neg", ["b"], ["Y"]),
        helper.make_node("Abs", ["X"], ["a"]),
        helper.make_node("Exp", ["a"], ["b"]),
    ]
    assert [node.op_type for node in load(model_of(nodes)).graph.nodes] == ["Abs", "Exp", "Neg"]
    assert [node.op_type for node in load(model_of(nodes[1:] + nodes[:1])).graph.nodes] == ["Abs", "Exp", "Neg"]


def test_constant_nodes_of_every_kind_become_constants():
    sparse = helper.make_sparse_tensor(
        numpy_helper.from_array(np.array([5.0], np.float32), "v"), numpy_helper.from_array(np.array([[1]])), [3]
    )
    given = {
        "value": numpy_helper.from_array(np.arange(3)),
        "value_float": 1.5,
        "value_floats": [1.5, 2.5],
        "value_int": 7,
        "value_ints": [7, 8],
        "value_string": "é",
        "value_strings": ["a", "b"],
        "sparse_value": sparse,
    }
    nodes = [helper.make_node("Constant", [], [key], **{key: value}) for key, value in given.items()]
    constants = load(model_of(nodes, outputs=given)).graph.constants
    assert {name: (array.dtype, array.shape) for name, array in constants.items()} == {
        "value": (np.int64, (3,)),
        "value_float": (np.float32, ()),
        "value_floats": (np.float32, (2,)),
        "value_int": (np.int64, ()),
        "value_ints": (np.int64, (2,)),
        "value_string": (object, ()),
        "value_strings": (object, (2,)),
        "sparse_value": (np.float32, (3,)),
    }
    assert constants["value_string"].item() == "é"
    assert constants["sparse_value"].tolist() == [0, 5, 0]


@pytest.mark.parametrize(
    "name", ["FLOAT16", "BFLOAT16", "FLOAT8E4M3FN", "INT4", "UINT4", "FLOAT4E2M1", "COMPLEX64", "UINT32", "BOOL"]
)
@pytest.mark.parametrize("raw", [True, False])
def test_initializers_of_rare_types(name, raw):
    dtype = DType[name]
    values = np.array([0, 1, 1, 0, 1]).astype(dtype.numpy)
    tensor = numpy_helper.from_array(values, "c")
    if not raw:
        tensor = helper.make_tensor(
            "c", int(dtype), [5], values.astype(np.complex64 if name == "COMPLEX64" else np.float32).tolist()
        )
    model = load(model_of([helper.make_node("Identity", ["c"], ["Y"])], initializers=[tensor]))
    assert model.graph.constants["c"].dtype == dtype.numpy
    assert model.graph.constants["c"].tolist() == values.tolist()


def test_string_and_sparse_initializers():
    text = helper.make_tensor("t", TensorProto.STRING, [2, 1], ["ä".encode(), b"b"])
    model = model_of(
        [helper.make_node("Identity", ["t"], ["Y"]), helper.make_node("Identity", ["s"], ["Z"])],
        outputs=["Y", "Z"],
        initializers=[text],
    )
    values = numpy_helper.from_array(np.array([1.0, 2.0], np.float32), "s")
    indices = numpy_helper.from_array(np.array([[0, 1], [1, 0]], np.int64))
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [2, 2]))
    constants = load(model).graph.constants
    assert constants["t"].tolist() == [["ä"], ["b"]]
    assert constants["s"].tolist() == [[0, 1], [2, 0]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.dims.__setitem__(0, 4), "needs 16 bytes"),
        (lambda t: t.dims.__setitem__(0, -3), "negative"),
        (lambda t: setattr(t, "data_type", 0), "undefined"),
        (lambda t: setattr(t, "data_type", 99), "undefined or unknown"),
        (lambda t: t.ClearField("raw_data"), "needs 3 elements"),
    ],
)
def test_damaged_initializers(change, words):
    tensor = numpy_helper.from_array(np.ones(3, np.float32), "c")
    change(tensor)
    with pytest.raises(Fail, match=f"'c'.*{words}"):
        load(model_of([helper.make_node("Add", ["X", "c"], ["Y"])], initializers=[tensor]))


def external(tmp_path: Path, location: str, **more: str) -> Path:
    tensor = TensorProto(name="c", data_type=FLOAT, dims=[2], data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, **more}.items():
        tensor.external_data.add(key=key, value=value)
    folder = tmp_path / "models"
    folder.mkdir(exist_ok=True)
    (folder / "m.onnx").write_bytes(
        model_of([helper.make_node("Add", ["X", "c"], ["Y"])], initializers=[tensor]).SerializeToString()
    )
    return folder


def test_external_data_is_read_beside_the_model(tmp_path):
    folder = external(tmp_path, "weights.bin", offset="4", length="8")
    (folder / "weights.bin").write_bytes(np.array([9, 1, 2], np.float32).tobytes())
    assert load(folder / "m.onnx").graph.constants["c"].tolist() == [1, 2]
    with (folder / "m.onnx").open("rb") as file:
        assert load(file).graph.constants["c"].tolist() == [1, 2]


@pytest.mark.parametrize("location", ["../secret.bin", "sub/../../secret.bin", "ABSOLUTE", "link.bin", ""])
def test_external_data_outside_the_directory_is_refused(tmp_path, location):
    secret = tmp_path / "secret.bin"
    secret.write_bytes(bytes(8))
    folder = external(tmp_path, str(secret) if location == "ABSOLUTE" else location)
    (folder / "link.bin").symlink_to(secret)
    with pytest.raises(Fail, match="inside that directory only"):
        load(folder / "m.onnx")


def test_external_data_that_is_missing_or_short(tmp_path):
    folder = external(tmp_path, "weights.bin", length="8")
    with pytest.raises(Fail, match="cannot read its external data"):
        load(folder / "m.onnx")
    (folder / "weights.bin").write_bytes(bytes(5))
    with pytest.raises(Fail, match="expected 8 bytes"):
        load(folder / "m.onnx")


def test_declared_types(proto):
    del proto.graph.output[:]
    proto.graph.output.extend(
        [
            helper.make_value_info(
                "Y",
                helper.make_sequence_type_proto(
                    helper.make_map_type_proto(TensorProto.STRING, helper.make_tensor_type_proto(FLOAT, None))
                ),
            ),
        ]
    )
    kind = load(proto).graph.outputs[0].type
    assert kind == SequenceType(MapType(DType.STRING, TensorType(DType.FLOAT)))
    assert str(kind) == "seq(map(string,tensor(float)))"


def test_overridable_initializers_exist_since_ir_4():
    tensor = numpy_helper.from_array(np.ones(2, np.float32), "c")
    proto = model_of([helper.make_node("Add", ["X", "c"], ["Y"])], inputs=["X", "c"], initializers=[tensor])
    model = load(proto)
    assert [value.name for value in model.graph.inputs] == ["X"]
    assert [value.name for value in model.overridable] == ["c"]
    proto.ir_version = 3
    assert load(proto).overridable == ()


def test_attribute_kinds_and_a_million_entries_in_no_time():
    n = 500_000
    node = helper.make_node("TreeEnsembleRegressor", ["X"], ["Y"], domain="ai.onnx.ml", n_targets=1)
    chain = np.arange(n)
    for name, values in {
        "nodes_treeids": np.zeros(n, np.int64),
        "nodes_nodeids": chain,
        "nodes_featureids": np.zeros(n, np.int64),
        "nodes_truenodeids": np.minimum(chain + 1, n - 1),
        "nodes_falsenodeids": np.full(n, n - 1),
    }.items():
        node.attribute.add(name=name, type=onnx.AttributeProto.INTS).ints.extend(values.tolist())
    node.attribute.add(name="nodes_values", type=onnx.AttributeProto.FLOATS).floats.extend([0.5] * n)
    node.attribute.add(name="nodes_modes", type=onnx.AttributeProto.STRINGS).strings.extend(
        [b"BRANCH_LEQ"] * (n - 1) + [b"LEAF"]
    )
    for name in ("target_treeids", "target_ids"):
        node.attribute.add(name=name, type=onnx.AttributeProto.INTS).ints.append(0)
    node.attribute.add(name="target_nodeids", type=onnx.AttributeProto.INTS).ints.append(n - 1)
    node.attribute.add(name="target_weights", type=onnx.AttributeProto.FLOATS).floats.append(1.0)
    proto = model_of([node], opsets=(("", 17), ("ai.onnx.ml", 3)))
    begin = time.process_time()
    attributes = load(proto).graph.nodes[0].attributes
    assert time.process_time() - begin < 3
    assert attributes["nodes_nodeids"].kind is AttributeKind.INTS
    assert attributes["nodes_nodeids"].value.dtype == np.int64
    assert attributes["nodes_values"].value.dtype == np.float32
    assert (
        attributes["nodes_modes"].value[0] is attributes["nodes_modes"].value[1]
    )  # shared, not half a million strings


def test_attributes_of_a_model_too_old_to_name_their_kind(proto):
    node = helper.make_node("Elu", ["X"], ["Y"], alpha=2.0)
    node.attribute[0].ClearField("type")
    model = load(model_of([node]))
    assert model.graph.nodes[0].attributes["alpha"].value == 2.0


def test_duplicate_attribute_and_bad_utf8():
    node = helper.make_node("Elu", ["X"], ["Y"], alpha=2.0)
    node.attribute.append(node.attribute[0])
    with pytest.raises(InvalidGraph, match="'alpha' twice"):
        load(model_of([node]))
    node = helper.make_node("Normalizer", ["X"], ["Y"], domain="ai.onnx.ml", norm=b"\xff")
    with pytest.raises(InvalidGraph, match="UTF-8"):
        load(model_of([node]))


def test_metadata(proto):
    proto.producer_name, proto.producer_version, proto.domain = "p", "1.2", "d"
    proto.model_version, proto.doc_string, proto.graph.doc_string = 5, "doc", "graph doc"
    proto.metadata_props.add(key="k", value="v")
    model = load(proto)
    assert (model.producer_name, model.producer_version, model.domain) == ("p", "1.2", "d")
    assert (model.model_version, model.doc_string, model.graph_doc_string) == (5, "doc", "graph doc")
    assert model.metadata == {"k": "v"}


def test_parse_reads_onnx_text():
    model = parse('<ir_version: 10, opset_import: ["": 17]> g (float[N] X) => (float[N] Y) { Y = Abs(X) }')
    assert model.graph.nodes[0].label == "Abs -> Y"


def test_names_that_are_no_utf8_are_refused(proto):
    data = proto.SerializeToString()
    assert data.count(b"Abs") == 1
    with pytest.raises(InvalidProtobuf, match=r"a name in a node is not UTF-8 text: b'\\xffbs'"):
        load(data.replace(b"Abs", b"\xffbs"))


def test_shapes_and_versions_beyond_reason(proto):
    huge = TensorProto(name="c", data_type=FLOAT, dims=[0, 1 << 60, 1 << 60])
    with pytest.raises(Fail, match="'c': no array can have the shape"):
        load(model_of([helper.make_node("Add", ["X", "c"], ["Y"])], initializers=[huge]))
    proto.opset_import[0].version = 1 << 40
    with pytest.raises(InvalidGraph, match="cannot be meant"):
        load(proto)
