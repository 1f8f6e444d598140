"""Write cpu/text/unicode_tables.inc from the Unicode data of the Python that runs this (3.11 or later).

The tables are derived from what ``str`` and ``re`` do, since that is what the kernels must agree with.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path
from re import _casefix  # type: ignore[attr-defined]  # Python 3.11

CODES = [c for c in range(sys.maxunicode + 1) if not 0xD800 <= c <= 0xDFFF]
TARGET = Path(__file__).parents[1] / "cpu" / "text" / "unicode_tables.inc"


def ranges(holds: Callable[[str], bool]) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    for code in CODES:
        if not holds(chr(code)):
            continue
        if out and out[-1][1] == code - 1:
            out[-1] = (out[-1][0], code)
        else:
            out.append((code, code))
    return out


def is_cased(char: str) -> bool:
    """Cased and not case-ignorable: a capital sigma after it is a final one."""
    return (char + "\u03a3").lower()[-1] == "\u03c2"


def is_ignorable(char: str) -> bool:
    """Case-ignorable: a capital sigma looks through it."""
    return ("A" + char + "\u03a3").lower()[-1] == "\u03c2" and not is_cased(char)


def runs(pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int, int, int]]:
    """(first, last, step, delta) of codes that move by the same distance, each one or two apart."""
    out: list[tuple[int, int, int, int]] = []
    for code, to in pairs:
        if out:
            first, last, step, delta = out[-1]
            gap = code - last
            if to - code == delta and gap in (1, 2) and (first == last or gap == step):
                out[-1] = (first, code, gap, delta)
                continue
        out.append((code, code, 1, to - code))
    return out


def rows(items: Iterable[str]) -> str:
    lines, line = [], " "
    for item in items:
        if len(line) + len(item) > 128:
            lines.append(line)
            line = " "
        line += f" {item},"
    return "\n".join([*lines, line])


def main() -> None:
    lower, upper, upper_many = [], [], []
    for code in CODES:
        low, up = chr(code).lower(), chr(code).upper()
        if code == 0x130:
            lower.append((code, ord("i")))  # the simple mapping; str.lower adds a dot above
        elif low != chr(code):
            lower.append((code, ord(low)))
        if len(up) > 1:
            upper_many.append((code, [ord(c) for c in up]))
        elif up != chr(code):
            upper.append((code, ord(up)))

    def table(kind: str, name: str, items: Iterable[str]) -> str:
        return f"constexpr {kind} {name}[] = {{\n{rows(items)}\n}};\n"

    def hexes(values: Iterable[int]) -> str:
        return "{" + ", ".join(f"0x{v:X}" for v in values) + "}"

    def moves(pairs: list[tuple[int, int]]) -> list[str]:
        return [f"{{0x{f:X}, 0x{t:X}, {s}, {d}}}" for f, t, s, d in runs(pairs)]

    parts = [
        f"// Made by tools/make_unicode_tables.py from Unicode {unicodedata.unidata_version}. Do not edit.",
        "// clang-format off\n",
        table("Range", "word", map(hexes, ranges(lambda c: c.isalnum() or c == "_"))),
        table("Range", "decimal", map(hexes, ranges(str.isdecimal))),
        table("Range", "space", map(hexes, ranges(str.isspace))),
        table("Range", "cased", map(hexes, ranges(is_cased))),
        table("Range", "ignorable", map(hexes, ranges(is_ignorable))),
        table("Move", "lower", moves(lower)),
        table("Move", "upper", moves(upper)),
        table("Several", "upper_several", (hexes([c, *[*up, 0][:3]]) for c, up in upper_many)),
        table(
            "Pair",
            "same_upper",
            (hexes([c, other]) for c, others in sorted(_casefix._EXTRA_CASES.items()) for other in others),
        ),
    ]
    TARGET.write_text("\n".join(parts))


if __name__ == "__main__":
    main()
