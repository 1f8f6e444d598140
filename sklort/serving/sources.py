"""Where models come from: files, ``name=path``, and folders ``name/version/model.onnx``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

Files = dict[tuple[str, str], Path]
"""Name and version -> file."""


class Source(NamedTuple):
    """A file or a folder that was named.

    Attributes
    ----------
    name : str or None
        None for a folder of several models, each with its name.
    path : Path
    """

    name: str | None
    path: Path


def sources(models: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | Mapping[str, object]) -> list[Source]:
    """What the caller names, read.

    Raises
    ------
    FileNotFoundError, ValueError
        There is no such file or folder; a name cannot stand in a URL.
    """
    if isinstance(models, Mapping):
        named = [Source(_checked(name), _there(Path(str(path)))) for name, path in models.items()]
    elif isinstance(models, (str, os.PathLike)):
        named = [_source(models)]
    else:
        named = [_source(one) for one in models]
    return named


def _source(text: str | os.PathLike[str]) -> Source:
    name, equals, rest = os.fspath(text).partition("=")
    if equals and not Path(os.fspath(text)).exists():
        return Source(_checked(name), _there(Path(rest)))
    path = _there(Path(text))
    if path.is_dir():
        return Source(_checked(path.resolve().name) if versions(path) else None, path)
    return Source(_checked(path.stem), path)


def _there(path: Path) -> Path:
    if not path.exists():
        raise FileNotFoundError(2, "no such file or folder", str(path))
    return path


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} cannot be the name of a model: letters, digits, '.', '_' and '-' only; name=path gives another"
        )
    return name


def files(found: Iterable[Source]) -> Files:
    """The model files that are there now.

    Raises
    ------
    ValueError
        Two of them have one name and version, or a folder has none.
    """
    listed: Files = {}
    for source in found:
        for key, path in _files(source).items():
            if key in listed:
                raise ValueError(f"{listed[key]} and {path} are both {key[0]!r}, version {key[1]}: name=path renames")
            listed[key] = path
    return listed


def _files(source: Source) -> Files:
    if not source.path.is_dir():
        return {(source.name or source.path.stem, "1"): source.path}
    if source.name is not None:
        listed = {(source.name, version): path for version, path in versions(source.path).items()}
    else:
        listed = _models(source.path)
    if not listed:
        raise ValueError(f"{source.path}: expected folders <name>/<version>/model.onnx, or <version>/model.onnx")
    return listed


def _models(path: Path) -> Files:
    return {
        (folder.name, version): path
        for folder in sorted(path.iterdir())
        if folder.is_dir() and _NAME.fullmatch(folder.name)
        for version, path in versions(folder).items()
    }


def versions(folder: Path) -> dict[str, Path]:
    """The files of a folder ``<version>/model.onnx``."""
    found = {
        one.name: one / "model.onnx"
        for one in folder.iterdir()
        if one.name.isascii() and one.name.isdigit() and (one / "model.onnx").is_file()
    }
    return dict(sorted(found.items(), key=lambda item: int(item[0])))
