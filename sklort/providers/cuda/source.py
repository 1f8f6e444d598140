"""The text of a kernel: its file with the headers put in where they are named.

CuPy finds compiled kernels again by their text. It does not look into headers, so there must be none.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_INCLUDE = re.compile(r'^#include ["<](.+)[">]\n', re.MULTILINE)
_PRAGMA = "#pragma once\n"


@cache
def folders() -> tuple[Path, Path]:
    """Where the kernels lie, and the headers they share with the CPU: in the package, or in a checkout beside it."""
    package = Path(__file__).resolve().parents[2]
    for root in (package / "runtime", package.parent / "runtime"):
        if (root / "cuda").is_dir():
            return root / "cuda", root / "common"
    raise FileNotFoundError(f"the sources of the CUDA kernels are not at {package / 'runtime'}: install sklort again")


@cache
def text_of(stem: str) -> str:
    """The text of ``runtime/cuda/<stem>.cu`` with every header of ours in it, once; the compiler's own are left out."""
    seen: set[str] = set()

    def put_in(path: Path) -> str:
        def header(match: re.Match[str]) -> str:
            name = match[1]
            found = [folder / name for folder in folders() if (folder / name).is_file()]
            if not found or name in seen:
                return ""
            seen.add(name)
            return put_in(found[0])

        return _INCLUDE.sub(header, path.read_text(encoding="utf-8").replace(_PRAGMA, ""))

    return put_in(folders()[0] / f"{stem}.cu")
