"""What a run has to do, decided before it begins and written down, so that a run that starts again does the same.

A *part* is some consecutive row groups of one input file, and becomes one file of the output. Its bytes depend on the
plan alone: not on the engine, not on which worker scores it, not on whether it was the first attempt.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from sklort._version import __version__
from sklort.exceptions import ScoringError
from sklort.scoring.files import InputFile
from sklort.scoring.intake import Refused
from sklort.scoring.scorer import Scorer

FORMAT = 1
PART_ROWS = 1_000_000
"""Row groups are put together to parts of up to about this many rows."""


@dataclass(frozen=True)
class Part:
    """Row groups ``first`` to ``last`` (exclusive) of an input file."""

    number: int
    file: int
    first: int
    last: int
    rows: int

    @property
    def name(self) -> str:
        return f"part-{self.number:05d}.parquet"


@dataclass(frozen=True)
class Plan:
    """All that a run's output depends on.

    Attributes
    ----------
    files : tuple of InputFile
    parts : tuple of Part
        In the order of the rows.
    schema : pyarrow.Schema
        Of the output.
    options : dict
        Of the scorer, and of the files to be written.
    model : str
        Digest.
    rounded : tuple of str
        Columns whose numbers are rounded to what the model reads.
    """

    files: tuple[InputFile, ...]
    parts: tuple[Part, ...]
    schema: Any
    options: dict[str, Any]
    model: str
    rounded: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.parts)

    def as_json(self) -> dict[str, Any]:
        files = [asdict(file) for file in self.files]
        return {
            "format": FORMAT,
            "sklort": __version__,
            "model": self.model,
            "options": self.options,
            "inputs": json.loads(json.dumps(files)),
        }

    @property
    def digest(self) -> str:
        """What every part of this run carries."""
        return sha256(json.dumps(self.as_json(), sort_keys=True).encode()).hexdigest()


def make_plan(scorer: Scorer, paths: Sequence[str], *, part_rows: int, compression: str) -> Plan:
    """Look at all input files, and refuse before any work what could only fail later.

    Raises
    ------
    ScoringError
        A file is no Parquet, lacks a column, or holds another type than the model reads or the first file has.
    """
    looked = [InputFile.look(path) for path in paths]
    schema, first, rounded = None, looked[0][0].path, {}
    for file, given in looked:
        try:
            found = scorer.schema(given).remove_metadata()
        except Refused as refused:
            raise ScoringError(refused.told(file.path, None)) from refused
        if schema is None:
            schema = found
        for mine, theirs in zip(found, schema):
            if (mine.name, mine.type) != (theirs.name, theirs.type):
                raise ScoringError(
                    f"{file.path}, column {mine.name!r}: holds {mine.type}, where {first} has {theirs.name!r} of "
                    f"{theirs.type}: columns that are kept have one type in all files"
                )
        rounded.update(dict.fromkeys(scorer.rounds(given)))
    files = tuple(file for file, _ in looked)
    options = {
        "method": scorer.methods,
        "columns": scorer.columns,
        "keep": scorer.keep,
        "prefix": scorer.prefix,
        "compression": compression,
        "part_rows": part_rows,
    }
    options = json.loads(json.dumps(options))
    return Plan(files, _parts(files, part_rows), _nullable(schema), options, scorer.source.digest, tuple(rounded))


def differences(was: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What is not as in an earlier run, in words."""
    if was.get("format") != now["format"] or was.get("sklort") != now["sklort"]:
        return [f"sklort {was.get('sklort')} wrote it, this is {now['sklort']}"]
    found = ["the model is another one"] if was["model"] != now["model"] else []
    for name, value in now["options"].items():
        if was["options"].get(name) != value:
            found.append(f"{name} was {was['options'].get(name)} and is {value}")
    before = {one["path"]: one for one in was["inputs"]}
    after = {one["path"]: one for one in now["inputs"]}
    found += [f"{path} is gone" for path in before if path not in after]
    found += [f"{path} is new" for path in after if path not in before]
    found += [f"{path} has changed" for path, one in after.items() if path in before and before[path] != one]
    return found or (["the inputs come in another order"] if was["inputs"] != now["inputs"] else [])


def _parts(files: Sequence[InputFile], part_rows: int) -> tuple[Part, ...]:
    parts: list[Part] = []
    for at, file in enumerate(files):
        first = rows = 0
        for group, more in enumerate(file.row_groups):
            if rows and rows + more > part_rows:
                parts.append(Part(len(parts), at, first, group, rows))
                first, rows = group, 0
            rows += more
        if rows:
            parts.append(Part(len(parts), at, first, len(file.row_groups), rows))
    return tuple(parts) or (Part(0, 0, 0, 0, 0),)  # no rows at all: the columns are worth a file


def _nullable(schema: Any) -> Any:
    import pyarrow as pa

    return pa.schema([field.with_nullable(True).remove_metadata() for field in schema])
