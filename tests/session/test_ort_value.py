"""OrtValues: what they say of every dtype and layout, whose memory they share, and who can read it."""

from __future__ import annotations

import copy
import gc
import weakref

import ml_dtypes
import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklort.exceptions import InvalidUse
from sklort.graph.types import DType
from sklort.session.device import (
    OrtAllocatorType,
    OrtDevice,
    OrtDeviceMemoryType,
    OrtDeviceVendorId,
    OrtMemoryInfo,
    OrtMemoryInfoDeviceType,
    OrtMemType,
)
from sklort.session.ort_value import OrtValue, copy_tensors

NUMBERS = [
    np.float32, np.float64, np.float16, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64,
    np.bool_, np.complex64, np.complex128,
]  # fmt: skip
PLAIN = [each for each in NUMBERS if np.dtype(each).kind != "c"]


class Owner(np.ndarray):
    """An array of a class of its own."""


class Memory(bytearray):
    """Bytes whose end can be seen."""


def layouts(array):
    """The same elements, laid out in every way NumPy has."""
    wide = np.repeat(array, 2, axis=-1)[..., ::2]
    aside = np.frombuffer(b"\0" + array.tobytes(), np.uint8)[1:].view(array.dtype).reshape(array.shape)
    return {
        "plain": array,
        "fortran": np.asfortranarray(array),
        "strided": wide,
        "reversed": array[::-1].copy()[::-1],
        "unaligned": aside,
        "swapped": array.astype(array.dtype.newbyteorder(">")),
        "subclass": array.view(Owner),
        "unmasked": np.ma.masked_array(array),
    }


@pytest.mark.parametrize("dtype", NUMBERS)
def test_a_value_of_every_dtype_and_layout(dtype):
    rng = np.random.default_rng(0)
    array = rng.integers(0, 2 if dtype is np.bool_ else 100, (3, 4)).astype(dtype)
    for name, laid in layouts(array).items():
        value = OrtValue.ortvalue_from_numpy(laid)
        found = value.numpy()
        assert type(found) is np.ndarray
        assert found.dtype == np.dtype(dtype)
        assert found.flags.c_contiguous
        assert found.flags.aligned
        np.testing.assert_array_equal(found, array)
        readable = laid.flags.c_contiguous and laid.flags.aligned and laid.dtype.isnative
        assert np.shares_memory(found, laid) == readable, name
        number = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        assert value.element_type() == number
        assert value.data_type() == f"tensor({DType(number).label})"
        assert value.shape() == [3, 4]
        assert value.tensor_size_in_bytes() == array.nbytes
        assert value.data_ptr() == found.ctypes.data
        assert value.device_name() == "cpu"
        assert value.has_value()
        assert value.is_tensor()
        assert not value.is_tensor_sequence()
        assert not value.is_sparse_tensor()


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3)])
def test_zeros_of_every_type_and_shape(dtype, shape):
    number = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    for kind in (dtype, np.dtype(dtype), np.dtype(dtype).name, int(number)):
        value = OrtValue.ortvalue_from_shape_and_type(list(shape), kind)
        np.testing.assert_array_equal(value.numpy(), np.zeros(shape, dtype))
        assert value.numpy().dtype == np.dtype(dtype)
        assert value.shape() == list(shape)


def test_types_that_numpy_lacks():
    value = OrtValue.ortvalue_from_shape_and_type([2], onnx.TensorProto.BFLOAT16)
    assert (value.element_type(), value.data_type(), value.tensor_size_in_bytes()) == (16, "tensor(bfloat16)", 4)
    assert value.numpy().dtype == ml_dtypes.bfloat16
    bits = np.array([0x3F80, 0xC000], np.uint16)
    value = OrtValue.ortvalue_from_numpy_with_onnx_type(bits, onnx.TensorProto.BFLOAT16)
    assert value.numpy().astype(np.float32).tolist() == [1.0, -2.0]
    assert value.data_ptr() == bits.ctypes.data
    bits[0] = 0xC000
    assert value.numpy()[0] == -2
    with pytest.raises((BufferError, RuntimeError)):
        np.from_dlpack(value)


@pytest.mark.parametrize(
    "texts", [np.array(["a", "bé", ""]), np.array([["x"], ["y"]], object), np.char.encode(["ü", "longer"], "utf-8")]
)
def test_strings_are_copied(texts):
    value = OrtValue.ortvalue_from_numpy(texts)
    expected = np.char.decode(texts, "utf-8") if texts.dtype.kind == "S" else texts
    np.testing.assert_array_equal(value.numpy(), expected.astype(object))
    assert value.data_type() == "tensor(string)"
    value.numpy()[...] = "changed"
    texts[...] = b"changed" if texts.dtype.kind == "S" else "changed"
    assert "changed" not in value.numpy().reshape(-1).tolist()
    value.update_inplace(np.full(texts.shape, "new"))
    assert set(value.numpy().reshape(-1)) == {"new"}
    assert np.array(value).tolist() == value.numpy().tolist()
    with pytest.raises(ValueError, match="without a copy"):
        value.__array__(copy=False)


def test_other_objects_become_text_as_in_a_feed():
    value = OrtValue.ortvalue_from_numpy(np.array([None, 3, b"y", float("nan")], object))
    assert value.numpy().tolist() == ["None", "3", "b'y'", "nan"]


def test_views_and_the_array_share_memory_both_ways():
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    value = OrtValue.ortvalue_from_numpy(array)
    view = value.numpy()
    view[0, 0] = 9
    assert array[0, 0] == 9
    value.update_inplace(np.full((3, 2), 4, np.float32))
    assert (array == 4).all()
    array.shape = (6,)
    assert value.shape() == [2, 3]
    view.shape = (6,)
    assert value.shape() == [2, 3]


def test_memory_lives_as_long_as_a_view_and_no_longer():
    memory = Memory(np.arange(4.0).tobytes())
    gone = weakref.ref(memory)
    value = OrtValue.ortvalue_from_numpy(np.frombuffer(memory))
    view = np.from_dlpack(value)
    del memory, value
    gc.collect()
    assert gone() is not None
    assert view.tolist() == [0, 1, 2, 3]
    del view
    gc.collect()
    assert gone() is None


def test_the_array_protocol():
    array = np.arange(4, dtype=np.float32)
    value = OrtValue.ortvalue_from_numpy(array)
    assert np.shares_memory(np.asarray(value), array)
    assert not np.shares_memory(np.array(value), array)
    assert np.asarray(value, dtype=np.float64).dtype == np.float64
    assert np.shares_memory(value.__array__(copy=False), array)
    assert not np.shares_memory(value.__array__(copy=True), array)
    np.testing.assert_array_equal(np.add(value, 1), array + 1)
    if np.lib.NumpyVersion(np.__version__) >= "2.0.0":
        with pytest.raises(ValueError):
            np.array(value, dtype=np.float64, copy=False)


@pytest.mark.parametrize("dtype", PLAIN)
def test_dlpack_both_ways(dtype):
    array = np.array([[0, 1, 2], [3, 4, 5]]).astype(dtype)
    value = OrtValue.ortvalue_from_numpy(array)
    assert value.__dlpack_device__() == (1, 0)
    for taken in (np.from_dlpack(value), OrtValue.from_dlpack(array).numpy(), OrtValue.from_dlpack(value).numpy()):
        np.testing.assert_array_equal(taken, array)
        assert taken.dtype == array.dtype
        assert np.shares_memory(taken, array)
    bare = OrtValue.from_dlpack(array.__dlpack__())
    assert np.shares_memory(bare.numpy(), array)


@pytest.mark.parametrize("dtype", PLAIN)
def test_dlpack_with_onnxruntime(dtype):
    onnxruntime = pytest.importorskip("onnxruntime")
    array = np.array([[0, 1, 2], [3, 4, 5]]).astype(dtype)
    if dtype is not np.bool_:  # onnxruntime reads no bool but of its own values
        theirs = onnxruntime.OrtValue.from_dlpack(OrtValue.ortvalue_from_numpy(array))
        np.testing.assert_array_equal(theirs.numpy(), array)
        assert theirs.data_ptr() == array.ctypes.data
    ours = OrtValue.from_dlpack(onnxruntime.OrtValue.ortvalue_from_numpy(array))
    np.testing.assert_array_equal(ours.numpy(), array)


def test_dlpack_of_arrow():
    pyarrow = pytest.importorskip("pyarrow")
    value = OrtValue.from_dlpack(pyarrow.array([1.0, 2.0, 3.0]))
    assert value.numpy().tolist() == [1, 2, 3]
    with pytest.raises(InvalidUse, match="read-only"):
        value.update_inplace(np.zeros(3))


@given(
    st.lists(st.integers(0, 4), max_size=4),
    st.sampled_from(PLAIN),
    st.randoms(use_true_random=False),
)
def test_any_slice_of_any_array(shape, dtype, random):
    array = np.arange(int(np.prod(shape)), dtype=np.int64).reshape(shape).astype(dtype)
    axes = random.sample(range(array.ndim), array.ndim)
    cut = array.transpose(axes)[(..., *(slice(None, None, random.choice((1, 2, -1))) for _ in axes))]
    value = OrtValue.ortvalue_from_numpy(cut)
    np.testing.assert_array_equal(value.numpy(), cut)
    np.testing.assert_array_equal(OrtValue.from_dlpack(cut).numpy(), cut)
    other = OrtValue.ortvalue_from_shape_and_type(value.shape(), value.element_type())
    copy_tensors([value], [other])
    np.testing.assert_array_equal(other.numpy(), cut)


def test_repr_and_copy():
    value = OrtValue.ortvalue_from_numpy(np.zeros((2, 3), np.float32))
    assert repr(value) == "OrtValue(tensor(float), shape=[2, 3])"
    assert repr(OrtValue(None)) == "OrtValue(no value)"
    assert repr(OrtValue([{"a": 1.0}], "seq(map(string,tensor(float)))")) == "OrtValue(seq(map(string,tensor(float))))"
    assert np.shares_memory(copy.copy(value).numpy(), value.numpy())
    assert not np.shares_memory(copy.deepcopy(value).numpy(), value.numpy())


def test_devices():
    assert OrtDevice.make("cpu", 0) == OrtDevice.make("cpu", 0) != OrtDevice.make("cuda", 0)
    assert len({OrtDevice.make("cpu", 0), OrtDevice.make("cpu", 0)}) == 1
    cuda = OrtDevice.make("cuda", 1)
    assert (cuda.device_id(), cuda.device_type(), cuda.device_vendor_id(), cuda.device_mem_type()) == (1, 1, 0x10DE, 0)
    assert OrtDevice.make("gpu", 0, OrtDeviceVendorId.AMD).device_vendor_id() == 0x1002
    assert repr(cuda) == "OrtDevice(cuda:1)"
    with pytest.raises(TypeError, match="device_id"):
        OrtDevice.make("cpu", "0")


def test_memory_information():
    info = OrtMemoryInfo("Cpu", OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, OrtMemType.DEFAULT)
    assert info == OrtMemoryInfo("Cpu", 1)
    assert info != OrtMemoryInfo("Cpu", 0)
    second = OrtMemoryInfo.create_v2(
        "Cuda", OrtMemoryInfoDeviceType.GPU, OrtDeviceVendorId.NVIDIA, 1, OrtDeviceMemoryType.HOST_ACCESSIBLE, 64, 0
    )
    assert (second.device_id, second.device_vendor_id) == (1, 0x10DE)
    assert second.device_mem_type is OrtDeviceMemoryType.HOST_ACCESSIBLE
    assert second.allocator_type is OrtAllocatorType.ORT_DEVICE_ALLOCATOR


@pytest.mark.parametrize("name", ["cpu", "cuda", "gpu", "npu", "dml", "cann", "webgpu"])
def test_devices_are_numbered_as_in_onnxruntime(name):
    onnxruntime = pytest.importorskip("onnxruntime")
    ours, theirs = OrtDevice.make(name, 3), onnxruntime.OrtDevice.make(name, 3)
    for method in ("device_id", "device_type", "device_vendor_id", "device_mem_type"):
        assert getattr(ours, method)() == getattr(theirs, method)()


@pytest.mark.parametrize(
    "ours", [OrtMemType, OrtAllocatorType, OrtDeviceMemoryType, OrtMemoryInfoDeviceType, OrtDeviceVendorId]
)
def test_enumerations_have_onnxruntimes_values(ours):
    onnxruntime = pytest.importorskip("onnxruntime")
    theirs = getattr(onnxruntime, ours.__name__)
    assert {name: int(member) for name, member in ours.__members__.items()} == {
        name: int(member) for name, member in theirs.__members__.items()
    }
