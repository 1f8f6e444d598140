"""Arrays on the pretended device as other libraries hand them over: by one protocol alone."""

from __future__ import annotations

from typing import Any

from tests.cuda import emulated_cupy


class WithInterface:
    """Has ``__cuda_array_interface__`` and nothing else, as numba's arrays and cuDF's columns."""

    def __init__(self, values: Any) -> None:
        self.array = emulated_cupy.asarray(values)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        interface: dict[str, Any] = self.array.__cuda_array_interface__
        return interface


class WithDlpack:
    """Has DLPack and nothing else."""

    def __init__(self, values: Any) -> None:
        self.array = emulated_cupy.asarray(values)

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, 0

    def __dlpack__(self, **_: Any) -> Any:
        return self.array


class DataFrame:
    """What is used of a frame of cuDF."""

    def __init__(self, values: Any, columns: list[str]) -> None:
        self.array, self.columns = emulated_cupy.asarray(values), columns

    def __getitem__(self, rows: slice) -> DataFrame:
        return DataFrame(self.array._array[rows], self.columns)

    def to_cupy(self) -> Any:
        return self.array

    def to_pandas(self) -> Any:
        import pandas as pd

        return pd.DataFrame(self.array.get(), columns=self.columns)


DataFrame.__module__ = "cudf.core.dataframe"
