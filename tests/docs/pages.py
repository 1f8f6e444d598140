"""The pages of the documentation, cut into blocks of code, and what may be done with each kind."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(str(path.relative_to(ROOT)) for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])

RUN = frozenset(["python", "sh", "console"])
"""Python; commands; commands after ``$``, and what they print."""
SHOWN = frozenset(["", "text"])
"""Drawings and output: nothing that could be run."""

_FENCE = re.compile(r"^( *)(`{3,}|~{3,})[ ]*(\w*)([^\n]*)\n(.*?)^\1\2[ ]*$", flags=re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"<!--\s*not run:\s*(.*?)\s*-->\s*\Z", flags=re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes
    ----------
    page : str
        Relative to the checkout.
    line : int
        Of its first line of text, counted from 1.
    language : str
    title : str
        A Python block with the title of a file is that file: it is written, not run.
    text : str
        Without the indentation of the fence.
    excuse : str or None
        Why it is not run: what ``<!-- not run: ... -->`` in front of it says.
    """

    page: str
    line: int
    language: str
    title: str
    text: str
    excuse: str | None

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def included(self) -> str | None:
        """The file that the block shows instead of a text of its own."""
        found = re.fullmatch(r'--8<-- "([^"]+)"\n', self.text)
        return found[1] if found else None


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = (ROOT / page).read_text()
    found = []
    for match in _FENCE.finditer(text):
        indent, _, language, attributes, body = match.groups()
        title = re.search(r'title="([^"]*)"', attributes)
        comment = _COMMENT.search(text, 0, match.start())
        lines = [line.removeprefix(indent) for line in body.splitlines()]
        found.append(
            Block(
                page,
                text.count("\n", 0, match.start(5)) + 1,
                language,
                title[1] if title else "",
                "".join(f"{line}\n" for line in lines),
                comment[1] if comment else None,
            )
        )
    return found


def commands(block: Block) -> list[str]:
    """The commands of a block, each in one line, without comments."""
    text = block.text
    if block.language == "console":
        text = "".join(line[2:] for line in text.splitlines(keepends=True) if line.startswith("$ "))
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
