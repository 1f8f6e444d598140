"""Where a model comes from: a path, bytes or an open file become bytes and the folder of its external data."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sklort.exceptions import Fail, InvalidArgument, InvalidProtobuf, NoSuchFile

_FOREIGN = (
    (b"PK\x03\x04", "it is a zip archive: unpack it first"),
    (b"\x1f\x8b", "it is gzip-compressed: unpack it first"),
    (b"version https://git-lfs", "it is a Git LFS pointer: fetch the real file with 'git lfs pull'"),
    (b"\x80\x03", "it is a pickle: convert the fitted model with sklort.convert"),
    (b"\x80\x04", "it is a pickle: convert the fitted model with sklort.convert"),
    (b"\x80\x05", "it is a pickle: convert the fitted model with sklort.convert"),
    (b"\x89HDF", "it is an HDF5 file"),
)


@dataclass(frozen=True)
class Source:
    """The bytes of a model, the folder its external data may lie in, and how errors name it."""

    data: bytes | memoryview
    folder: Path
    label: str


def read_source(source: Any) -> Source:
    """Read a path (`str` or `os.PathLike`), a bytes-like object or a binary file object.

    Raises
    ------
    TypeError
        Anything else.
    NoSuchFile, InvalidProtobuf, InvalidArgument, Fail
        A path that does not exist, a directory, nothing inside, an ``.ort`` file.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        data = source if isinstance(source, bytes) else memoryview(source).cast("B")
        if not len(data):
            raise InvalidArgument("expected a model, got 0 bytes; read the file again or give its path")
        return Source(data, Path.cwd(), f"{len(data)} bytes")
    if isinstance(source, (str, os.PathLike)):
        return _read_path(os.fsdecode(os.fspath(source)))
    if callable(getattr(source, "read", None)):
        return _read_file(source)
    raise TypeError(
        f"expected a model as a path, bytes, a binary file object or an onnx.ModelProto, got {type(source).__name__}"
    )


def _read_path(name: str) -> Source:
    if not name:
        raise InvalidArgument("expected the path of a model, got an empty string")
    path = Path(name)
    if path.is_dir():
        models = sorted(entry.name for entry in path.iterdir() if entry.suffix == ".onnx")
        hint = f"; it holds {', '.join(models[:3])}" if models else ""
        raise InvalidProtobuf(f"expected the path of a model file, got the directory {name!r}{hint}")
    if path.suffix == ".ort":
        raise Fail(
            f"{name!r}: the private .ort format of onnxruntime is not supported; give the .onnx file it was made from"
        )
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise NoSuchFile(f"no model file at {name!r}{_nearby(path)}") from None
    except OSError as error:
        raise Fail(f"cannot read the model file {name!r}: {error.strerror or error}") from error
    if not data:
        raise InvalidArgument(f"expected a model in {name!r}, the file is empty")
    return Source(data, path.resolve().parent, repr(name))


def _nearby(path: Path) -> str:
    from difflib import get_close_matches

    folder = path.parent
    if not folder.is_dir():
        return f": there is no directory {str(folder)!r}"
    close = get_close_matches(path.name, [entry.name for entry in folder.iterdir()], n=1)
    return f"; did you mean {str(folder / close[0])!r}?" if close else f" (current directory {str(Path.cwd())!r})"


def _read_file(file: Any) -> Source:
    data = file.read()
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(
            f"expected a binary file object, its read() gave {type(data).__name__}; open the file with mode 'rb'"
        )
    name = getattr(file, "name", None)
    if not len(data):
        raise InvalidArgument(f"expected a model in the file object {name or type(file).__name__!r}, nothing was read")
    on_disk = isinstance(name, str) and os.path.exists(name)
    folder = Path(name).resolve().parent if on_disk else Path.cwd()  # type: ignore[arg-type]
    return Source(bytes(data), folder, repr(name) if on_disk else f"{len(data)} bytes of a file object")


def hint(data: bytes | memoryview) -> str:
    """What bytes that are no ONNX model seem to be, as the end of a sentence; empty when unknown."""
    head = bytes(data[:4096])
    if head[4:8] == b"ORTM":
        return "; it is in onnxruntime's private .ort format: give the .onnx file it was made from"
    for magic, meaning in _FOREIGN:
        if head.startswith(magic):
            return f"; {meaning}"
    try:
        text = head.decode()
    except UnicodeDecodeError:
        return "; the data is damaged or cut short, or it is no ONNX file"
    if len(data) < 4096 and text.isprintable() and (text.endswith(".onnx") or os.path.exists(text)):
        return f"; the bytes spell the path {text!r}: pass it as str"
    if all(letter.isprintable() or letter.isspace() for letter in text):
        return f"; it is text, beginning {text[:20]!r}"
    return "; the data is damaged or cut short, or it is no ONNX file"
