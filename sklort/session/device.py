"""Where memory lies, in onnxruntime's terms: in main memory, or on a GPU where CuPy finds one."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from sklort.exceptions import InvalidArgument, InvalidUse
from sklort.session.nearest import did_you_mean


class OrtMemType(IntEnum):
    """Which memory, seen from a provider."""

    CPU_INPUT = -2
    CPU_OUTPUT = -1
    CPU = -1
    DEFAULT = 0


class OrtAllocatorType(IntEnum):
    """How memory is allocated."""

    INVALID = -1
    ORT_DEVICE_ALLOCATOR = 0
    ORT_ARENA_ALLOCATOR = 1


class OrtDeviceMemoryType(IntEnum):
    """Which memory of a device."""

    DEFAULT = 0
    HOST_ACCESSIBLE = 5


class OrtMemoryInfoDeviceType(IntEnum):
    """What kind of device memory belongs to."""

    CPU = 0
    GPU = 1
    FPGA = 2
    NPU = 3


class OrtDeviceVendorId(IntEnum):
    """PCI vendor numbers."""

    NONE = 0
    AMD = 0x1002
    NVIDIA = 0x10DE
    ARM = 0x13B5
    MICROSOFT = 0x1414
    HUAWEI = 0x19E5
    QUALCOMM = 0x5143
    INTEL = 0x8086


_CPU, _GPU, _NPU = 0, 1, 3

_NAMES = {
    "cpu": (_CPU, OrtDeviceVendorId.NONE),
    "cuda": (_GPU, OrtDeviceVendorId.NVIDIA),
    "gpu": (_GPU, OrtDeviceVendorId.NONE),
    "npu": (_NPU, OrtDeviceVendorId.NONE),
    "dml": (_GPU, OrtDeviceVendorId.MICROSOFT),
    "cann": (_NPU, OrtDeviceVendorId.HUAWEI),
    "webgpu": (_GPU, OrtDeviceVendorId.NONE),
}
"""What a user may call a device, with its kind and who makes it."""


class OrtDevice:
    """A device. Made by `OrtDevice.make`."""

    __slots__ = ("_id", "_name", "_type", "_vendor")

    def __init__(self, name: str, kind: int, vendor: int, device_id: int) -> None:
        self._name, self._type, self._vendor, self._id = name, kind, vendor, device_id

    @staticmethod
    def make(ort_device_name: str, device_id: int, vendor_id: int = -1) -> OrtDevice:
        """The device of this name and number.

        Parameters
        ----------
        ort_device_name : {"cpu", "cuda", "gpu", "npu", "dml", "cann", "webgpu"}
        device_id : int
        vendor_id : int
            A PCI number; -1 for the one the name implies.

        Raises
        ------
        InvalidArgument
            There is no such device.
        """
        known = _NAMES.get(ort_device_name) if isinstance(ort_device_name, str) else None
        if known is None:
            raise InvalidArgument(
                f"there is no device {ort_device_name!r}; the names are {', '.join(map(repr, _NAMES))}"
                f"{did_you_mean(ort_device_name, _NAMES)}"
            )
        if isinstance(device_id, bool) or not isinstance(device_id, int):
            raise TypeError(f"device_id must be an int, got {device_id!r}")
        kind, vendor = known
        return OrtDevice(ort_device_name, kind, int(vendor if vendor_id < 0 else vendor_id), device_id)

    def device_id(self) -> int:
        """The number among devices of its kind."""
        return self._id

    def device_type(self) -> int:
        """0 for a CPU, 1 for a GPU, 3 for an NPU."""
        return self._type

    def device_vendor_id(self) -> int:
        """The PCI number of its vendor."""
        return self._vendor

    def device_mem_type(self) -> int:
        """0: the device's own memory."""
        return 0

    def _key(self) -> tuple[int, int, int]:
        return self._type, self._vendor, self._id

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, OrtDevice) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"OrtDevice({self._name}:{self._id})"


def gpu_of(device_type: Any, device_id: Any = 0, vendor_id: int = -1) -> int | None:
    """The number of the GPU of this name, None for the CPU.

    Raises
    ------
    InvalidUse
        Another kind of device.
    """
    device = OrtDevice.make(device_type, device_id, vendor_id)
    if device.device_type() == _CPU:
        return None
    if device_type in ("cuda", "gpu") and device.device_vendor_id() in (
        OrtDeviceVendorId.NONE,
        OrtDeviceVendorId.NVIDIA,
    ):
        return device.device_id()
    raise InvalidUse(f"values lie on 'cpu' or 'cuda', not on {device_type!r}")


class OrtMemoryInfo:
    """What is known of a piece of memory.

    Parameters
    ----------
    name : str
        ``Cpu`` for main memory.
    allocator_type : OrtAllocatorType
    device_id : int
    mem_type : OrtMemType
    """

    __slots__ = ("allocator_type", "device_id", "device_mem_type", "device_vendor_id", "mem_type", "name")

    def __init__(
        self, name: str, allocator_type: OrtAllocatorType, device_id: int = 0, mem_type: OrtMemType = OrtMemType.DEFAULT
    ) -> None:
        self.name = name
        self.allocator_type = OrtAllocatorType(allocator_type)
        self.device_id = int(device_id)
        self.mem_type = OrtMemType(mem_type)
        self.device_mem_type = OrtDeviceMemoryType.DEFAULT
        self.device_vendor_id = 0

    @staticmethod
    def create_v2(
        name: str,
        device_type: OrtMemoryInfoDeviceType,
        vendor_id: int,
        device_id: int,
        device_mem_type: OrtDeviceMemoryType,
        alignment: int,
        allocator_type: OrtAllocatorType,
    ) -> OrtMemoryInfo:
        """The same with the vendor and the kind of memory; `device_type` and `alignment` are not kept."""
        OrtMemoryInfoDeviceType(device_type)
        made = OrtMemoryInfo(name, allocator_type, device_id)
        made.device_vendor_id = int(vendor_id)
        made.device_mem_type = OrtDeviceMemoryType(device_mem_type)
        return made

    def _key(self) -> tuple[Any, ...]:
        return tuple(getattr(self, each) for each in self.__slots__)

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, OrtMemoryInfo) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"OrtMemoryInfo({self.name!r}, {self.allocator_type.name}, {self.device_id}, {self.mem_type.name})"


def cpu_memory() -> OrtMemoryInfo:
    """Main memory, as onnxruntime describes it."""
    return OrtMemoryInfo("Cpu", OrtAllocatorType.ORT_ARENA_ALLOCATOR)
