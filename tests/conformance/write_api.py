"""Make `docs/onnxruntime_api.md` anew from `onnxruntime_api.txt`: python -m tests.conformance.write_api

The text holds a line for every public symbol of onnxruntime's Python package that concerns inference: the symbol, what sklort
makes of it, and a note. Members of a class that is left out are not listed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

RECORD = Path(__file__).with_name("onnxruntime_api.txt")
PAGE = Path(__file__).resolve().parents[2] / "docs/onnxruntime_api.md"
VERDICTS = {
    "same": "takes what onnxruntime's takes, and does the same",
    "extended": "the same, and what the note says",
    "accepted": "can be called or set, without effect, for the reason in the note",
    "left out": "is not there, for the reason in the note",
}


@dataclass(frozen=True)
class Row:
    """A symbol, such as ``IOBinding.bind_output``; its verdict; a note, which may be empty."""

    symbol: str
    verdict: str
    note: str

    @property
    def group(self) -> str:
        """What it belongs to: a class, a submodule, or nothing for the module itself."""
        return self.symbol.rpartition(".")[0]


def version() -> str:
    """The onnxruntime whose symbols these are."""
    return RECORD.read_text().splitlines()[0].split()[-1]


def rows() -> list[Row]:
    """The symbols, in the order of the text."""
    found = []
    for line in RECORD.read_text().splitlines()[1:]:
        symbol, verdict, note = [*(part.strip() for part in line.split("|")), ""][:3]
        found.append(Row(symbol, verdict, note))
    return found


def render() -> str:
    """The page."""
    every = rows()
    counts = Counter(row.verdict for row in every)
    groups: dict[str, list[Row]] = {}
    for row in every:
        groups.setdefault(row.group, []).append(row)
    sections = "\n".join(_section(group, members) for group, members in groups.items())
    total = "\n".join(f"| {verdict} | {counts[verdict]} | {text} |" for verdict, text in VERDICTS.items())
    return f"""# onnxruntime's Python API

Every public symbol of onnxruntime {version()}'s Python package that concerns inference, and what it is in sklort: with
`import sklort as onnxruntime` the names are these. Made by `python -m tests.conformance.write_api` from
`tests/conformance/onnxruntime_api.txt`; do not edit it. `tests/conformance/test_api.py` holds it true: what is said to be
there is there, takes the same arguments and, where it is an enumeration, has the same values; what is left out is not; and
the list is complete, where that version of onnxruntime is installed.

| Verdict | Symbols | It |
|---|---:|---|
{total}

Errors, in `capi.onnxruntime_pybind11_state`, have onnxruntime's names; their texts are our own. What bad input does in
either is the matter of `tests/conformance/test_ort_errors_*.py`.

{sections}"""


def _section(group: str, members: list[Row]) -> str:
    lines = [f"## {group or 'The module'}", "", "| Symbol | Verdict | Note |", "|---|---|---|"]
    lines += [f"| `{row.symbol.rpartition('.')[2]}` | {row.verdict} | {row.note} |" for row in members]
    return "\n".join(lines) + "\n"


def main() -> None:
    PAGE.write_text(render())


if __name__ == "__main__":
    main()
