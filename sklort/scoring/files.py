"""Parquet files to be scored: which they are, what their footers say, and whether they are still the same."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sklort.exceptions import ScoringError

_MAGIC = 4
_TAIL = 8
"""The end of a Parquet file: the length of the footer, and the magic."""


@dataclass(frozen=True)
class InputFile:
    """A Parquet file as it was when the run was planned.

    Attributes
    ----------
    path : str
        Absolute.
    size, mtime_ns : int
    footer : str
        SHA-256 of the footer, which holds the schema, the places and the statistics of all columns.
    row_groups : tuple of int
        The rows of each.
    """

    path: str
    size: int
    mtime_ns: int
    footer: str
    row_groups: tuple[int, ...]

    @classmethod
    def look(cls, path: str | os.PathLike[str]) -> tuple[InputFile, Any]:
        """A file and its Arrow schema.

        Raises
        ------
        ScoringError
            It cannot be read as Parquet.
        """
        try:
            with open(path, "rb") as file:
                before = os.fstat(file.fileno())
                parquet = pq.ParquetFile(file)
                metadata, schema = parquet.metadata, parquet.schema_arrow
                file.seek(-_TAIL, os.SEEK_END)
                length = int.from_bytes(file.read(_TAIL - _MAGIC), "little")
                file.seek(-_TAIL - length, os.SEEK_END)
                footer = sha256(file.read(length)).hexdigest()
        except (pa.ArrowException, OSError) as error:
            raise ScoringError(f"{path}: no Parquet file that can be read: {error}") from error
        rows = tuple(metadata.row_group(i).num_rows for i in range(metadata.num_row_groups))
        return cls(os.path.abspath(path), before.st_size, before.st_mtime_ns, footer, rows), schema

    def check_unchanged(self) -> None:
        """Refuse a file that was written to since the run was planned."""
        try:
            now = os.stat(self.path)
        except OSError as error:
            raise ScoringError(f"{self.path}: the file is gone since the run began: {error.strerror}") from error
        if (now.st_size, now.st_mtime_ns) != (self.size, self.mtime_ns):
            raise ScoringError(f"{self.path}: the file has changed since the run began: start again with --restart")


def find(given: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> list[str]:
    """The Parquet files that a file, a folder, a pattern, or a list of these means, in the order of their paths.

    In folders, also inner ones, names that begin with a dot or an underscore are left out, as pyarrow and Spark do.
    """
    if not isinstance(given, str | os.PathLike):
        return [path for one in given for path in find(one)]
    text = os.fspath(given)
    if os.path.isdir(text):
        paths = sorted(str(path) for path in Path(text).rglob("*.parquet") if _is_data(path.relative_to(text)))
        if not paths:
            raise ScoringError(f"{text}: the folder holds no file named *.parquet")
        return paths
    if os.path.exists(text):
        return [text]
    paths = sorted(path for path in glob.glob(text, recursive=True) if os.path.isfile(path))
    if not paths:
        raise ScoringError(f"{text}: no such file or folder, and no file that the pattern matches")
    return paths


def _is_data(path: Path) -> bool:
    return not any(part.startswith((".", "_")) for part in path.parts)
