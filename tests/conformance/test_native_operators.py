"""The list of operators with a native kernel: none is lost unseen, and each new one is told."""

from __future__ import annotations

from pathlib import Path

from sklort._native import _core

LIST = Path(__file__).with_name("native_operators.txt")
_LAST = 2**31 - 1


def line(domain: str, name: str, first: int, last: int) -> str:
    return f"{domain or 'ai.onnx'}:{name} {first}-{'' if last == _LAST else last}"


def test_the_native_operators_are_those_of_the_list() -> None:
    native = sorted(line(*operator) for operator in _core.operators())
    listed = LIST.read_text().splitlines()
    assert sorted(set(listed) - set(native)) == [], "no longer native"
    assert sorted(set(native) - set(listed)) == [], f"add these lines to {LIST.name}, which is sorted"
    assert listed == sorted(set(listed))
