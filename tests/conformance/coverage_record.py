"""`coverage.json`, the stage that every variant reached, and `docs/coverage.md`, the page made from it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import onnx
import skl2onnx
import sklearn

from sklort.conversion.reasons import NOT_CONVERTED as REASONS
from sklort.conversion.reasons import PARTLY
from tests.conformance.known_gaps import CANCELS, FAULTS, FLOAT32_ATTRIBUTES, NOT_CONVERTED, explaining

RECORD = Path(__file__).with_name("coverage.json")
PAGE = Path(__file__).resolve().parents[2] / "docs/coverage.md"
BACKENDS = ("sklort", "onnxruntime")
_CONVERTED = ("refused to load", "fails to run", "differs", "matches")
_RUNS = ("differs", "matches")
Stages = dict[str, str]  # backend -> stage


def versions() -> dict[str, str]:
    """What decides which graphs are written."""
    return {module.__name__: module.__version__ for module in (sklearn, skl2onnx, onnx)}


def read() -> dict[str, Any]:
    return dict(json.loads(RECORD.read_text()))


def write(record: dict[str, Any]) -> None:
    tables = ("estimators", "variants")
    head = json.dumps({key: record[key] for key in sorted(record) if key not in tables})[1:-1]
    parts = []
    for table in tables:
        lines = [f"  {json.dumps(name)}: {json.dumps(entry)}" for name, entry in sorted(record[table].items())]
        parts.append(f'"{table}": {{\n' + ",\n".join(lines) + "\n}")
    RECORD.write_text("{" + head + ",\n" + ",\n".join(parts) + "}\n")


def render(record: dict[str, Any]) -> str:
    """The page."""
    variants: dict[str, Stages] = record["variants"]
    made = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    locale = "" if record["locale"] else " Its text operators need the locale en_US.UTF-8, which was not there."
    names = sorted({_estimator(name) for name in variants})
    rounded = [
        name for name, stages in variants.items()
        if stages["sklort"] == "differs" and not explaining(FAULTS, name)
    ]  # fmt: skip
    return f"""# Coverage

Two questions. What does sklort convert? Every estimator of scikit-learn has its verdict in the first table. And what does
sklort run? The graphs that skl2onnx writes of every estimator it knows, in {len(variants)} variants: parameters, labels and the
dtype of the rows. Each is fitted, converted, run, and compared with scikit-learn's own answers.

Made by `python -m tests.conformance.write_coverage` from `tests/conformance/coverage.json`, which holds the outcome of
each variant; do not edit it. `tests/conformance/test_coverage.py` runs all variants on sklort and fails where one comes
out otherwise than is written here. Versions: {made}, onnxruntime {record["onnxruntime"]}.{locale}

- *converts*: skl2onnx writes a graph.
- *runs*: the runtime loads the graph and answers 25 new rows. On sklort every node runs on a native kernel.
- *matches*: all outputs are scikit-learn's, computed in double from the values fed: labels and texts equal, for numbers
  max |a - b| / (1 + |b|) at most 1e-8 where the rows are double, else 1e-4.

## Every estimator of scikit-learn

{_verdicts(record["estimators"])}

## Totals of the graphs of skl2onnx

{_totals(variants, names)}

What sklort runs and does not match is explained below, line by line: {len(rounded)} graphs hold only the float32 digits of a
double model (or lose them), and are right to float32; {_count(variants, FAULTS)} say something else than the model.

## Estimators in the graphs of skl2onnx

sklort / onnxruntime, of the variants that convert.

{_estimators(variants, names)}

## What skl2onnx cannot convert

{_table(variants, ("Variants", "Why"), {k: v[1] for k, v in NOT_CONVERTED.items()}, ("not converted",))}

## Graphs that do not say what the model does

No runtime can answer these as scikit-learn does. The number at the end of a line is how large the difference was.

{_table(variants, ("Variants", "What the graph does"), FAULTS, _CONVERTED[:3])}

## Double graphs that hold float32

The rows are double, but what was learnt is stored as float32 by the operator or the converter. sklort is within 1e-6.

{_table(variants, ("Variants", "Where the digits are lost"), {**FLOAT32_ATTRIBUTES, **CANCELS}, ("differs",))}
"""


def _verdicts(estimators: dict[str, dict[str, Any]]) -> str:
    """What sklort's conversion makes of each estimator."""
    converted = {name: one for name, one in estimators.items() if one["sklort"] != "not converted"}
    own = sum(one["by"] == "sklort" for one in converted.values())
    right = {one: sum(entry[one] == "matches" for entry in converted.values()) for one in BACKENDS}
    summary = f"""Of {len(estimators)} estimators {len(converted)} convert, {own} of them by converters of sklort's own. Fitted on float32 and on float64
rows (encoders and word counts on strings), with words for labels, {right["sklort"]} give scikit-learn's answers on sklort and
{right["onnxruntime"]} on onnxruntime: labels equal, numbers within 1e-9 in float64 and 1e-4 in float32. `tests/conversion` holds
their parameters, other labels and odd rows."""
    lines = [summary, "", "| Estimator | written by | answers | sklort | onnxruntime | |", "|---|---|---|---|---|---|"]
    for name, one in sorted(converted.items()):
        cells = [name, one["by"], ", ".join(one["answers"]), one["sklort"], one["onnxruntime"], PARTLY.get(name, "")]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "Without an ONNX form:", "", "| Estimator | Why |", "|---|---|"]
    for name, one in sorted(estimators.items()):
        if name not in converted:
            lines.append(f"| {name} | {REASONS.get(name, one.get('sentence', ''))} |")
    return "\n".join(lines)


def _estimator(name: str) -> str:
    return name.split(" | ")[0]


def _count(variants: dict[str, Stages], patterns: Iterable[str], stages: Iterable[str] = ("differs",)) -> int:
    patterns = tuple(patterns)
    return sum(each["sklort"] in stages and bool(explaining(patterns, name)) for name, each in variants.items())


def _totals(variants: dict[str, Stages], names: list[str]) -> str:
    def row(label: str, chosen: list[Stages]) -> str:
        cells = [len(chosen), sum(each["sklort"] in _CONVERTED for each in chosen)]
        for backend in BACKENDS:
            stage = Counter(each[backend] for each in chosen)
            cells += [sum(stage[one] for one in _RUNS), stage["matches"]]
        return f"| {label} | " + " | ".join(map(str, cells)) + " |"

    def estimators(label: str, quantify: Callable[[Iterable[bool]], bool]) -> str:
        groups = [[each for name, each in variants.items() if _estimator(name) == one] for one in names]
        converted = [kept for group in groups if (kept := [each for each in group if each["sklort"] in _CONVERTED])]
        cells = [len(groups), len(converted)]
        for backend in BACKENDS:
            cells += [
                sum(quantify(each[backend] in good for each in group) for group in converted)
                for good in (_RUNS, ("matches",))
            ]
        return f"| {label} | " + " | ".join(map(str, cells)) + " |"

    lines = [
        "| | all | converts | runs on sklort | matches on sklort | runs on onnxruntime | matches on onnxruntime |",
        "|---|---:|---:|---:|---:|---:|---:|",
        estimators("estimators, at least one variant", any),
        estimators("estimators, every variant that converts", all),
        row("variants", list(variants.values())),
    ]
    dtypes = ("float32", "float64", "int64", "string")
    chosen = {dtype: [each for name, each in variants.items() if name.endswith(f"| {dtype}")] for dtype in dtypes}
    lines += [row(f"variants, {dtype} rows", group) for dtype, group in chosen.items()]
    return "\n".join(lines)


def _estimators(variants: dict[str, Stages], names: list[str]) -> str:
    lines = ["| Estimator | variants | convert | run | match |", "|---|---:|---:|---:|---:|"]
    for one in names:
        group = [each for name, each in variants.items() if _estimator(name) == one]
        runs = " / ".join(str(sum(each[backend] in _RUNS for each in group)) for backend in BACKENDS)
        matches = " / ".join(str(sum(each[backend] == "matches" for each in group)) for backend in BACKENDS)
        converted = sum(each["sklort"] in _CONVERTED for each in group)
        lines.append(f"| {one} | {len(group)} | {converted} | {runs} | {matches} |")
    return "\n".join(lines)


def _table(variants: dict[str, Stages], heads: tuple[str, str], table: dict[str, str], stages: Iterable[str]) -> str:
    lines = [f"| {heads[0]} | how many | {heads[1]} |", "|---|---:|---|"]
    for pattern, why in table.items():
        shown = pattern.replace(" | ", ", ").replace("*", "…")
        lines.append(f"| {shown} | {_count(variants, [pattern], stages)} | {why} |")
    return "\n".join(lines)
