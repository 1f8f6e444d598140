"""RegexFullMatch: RE2's dialect, judged by Python's re with the ASCII flag where the two agree."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from sklort._native import _core
from sklort.exceptions import InvalidGraph, NotImplemented, SklortError
from tests.ops.one_node import program, run, texts
from tests.ops.patterns import SIMULATED, Patterns

OP: dict[str, Any] = {"domain": "", "version": 20}


def matches(pattern: str, documents: list[str]) -> list[bool]:
    return list(run("RegexFullMatch", [texts(*documents)], pattern=pattern, **OP).tolist())


@pytest.mark.parametrize("seed", range(3))
def test_random_patterns_match_as_re_does(seed: int) -> None:
    drawn = Patterns(seed, re2=True)
    taken = hits = 0
    for _ in range(80):
        pattern, documents = drawn.pattern(), ["", *(drawn.text()[:4] for _ in range(12))]
        try:
            compiled = re.compile(pattern, re.ASCII)
        except re.error:
            continue
        documents = [text for text in documents if text or r"\B" not in pattern]  # Python: \B never matches in ""
        expected = [compiled.fullmatch(document) is not None for document in documents]
        assert matches(pattern, documents) == expected, pattern
        assert matches(f"(?:{pattern}){SIMULATED}", documents) == expected, pattern
        taken += 1
        hits += sum(expected)
    assert taken > 60
    assert hits > 20


@pytest.mark.parametrize(
    ("pattern", "document", "expected"),
    [
        ("", "", True),
        ("a|ab", "ab", True),
        ("(a*)*", "aaa", True),
        ("a$", "a\n", False),  # Python's $ would see through the newline
        ("a$", "a", True),
        ("(?m)a$\nb", "a\nb", True),
        (".", "\n", False),
        ("(?s).", "\n", True),
        (".", "é", True),
        (r"\w", "é", False),
        (r"\d", "\u0663", False),
        (r"\s", "\v", False),
        (r"[[:alpha:]]+", "abC", True),
        (r"[[:^alpha:]]+", "12", True),
        (r"[[:space:]]", "\v", True),
        ("(?i)straSSe", "STRASSE", True),
        ("(?i)k", "\u212a", True),  # the Kelvin sign
        (r"(?i)\w", "\u212a", True),
        ("(?i)i", "İ", False),
        ("(?i)é", "É", True),
        ("(?i)[^é]", "É", False),
        ("a(?i)b", "aB", True),
        ("(?i:a)b", "AB", False),
        (r"\x{65E5}", "日", True),
        (r"\x41\n", "A\n", True),
        (r"(?P<name>a)(?<other>b)", "ab", True),
        (r"a{2,3}", "aaaa", False),
        (r"a{,2}", "a{,2}", True),
        (r"\Aa\z", "a", True),
        (r"\B", "", True),
    ],
)
def test_dialect(pattern: str, document: str, expected: bool) -> None:
    assert matches(pattern, [document]) == [expected]


def test_any_shape_and_no_rows() -> None:
    x = np.array([["a", "b"], ["", "a"]], object)
    assert run("RegexFullMatch", [x], pattern="a", **OP).tolist() == [[True, False], [False, True]]
    empty = run("RegexFullMatch", [np.empty((0, 3), object)], pattern="a", **OP)
    assert empty.shape == (0, 3)
    assert empty.dtype == np.bool_


def test_the_simulation_is_told() -> None:
    assert "simulated" in program("RegexFullMatch", [texts("")], pattern="a" + SIMULATED, **OP).explain()[0]


@pytest.mark.parametrize(
    "pattern", [r"(?=a)", r"(a)\1", r"\pL", r"\Q.\E", r"\C", "(", "a**", r"\Z", "a{1001}", r"\é", "(?u)a"]
)
def test_what_is_not_known_is_refused_with_a_sentence(pattern: str) -> None:
    reason = _core.refuses("", "RegexFullMatch", 20, {"pattern": pattern})
    assert reason is not None
    assert f"the pattern '{pattern}'" in reason
    with pytest.raises(NotImplemented, match="RegexFullMatch 'node': the pattern"):
        program("RegexFullMatch", [texts("")], pattern=pattern, **OP)


def test_malformed() -> None:
    with pytest.raises(InvalidGraph, match="'pattern' is missing"):
        program("RegexFullMatch", [texts("")], **OP)
    with pytest.raises(SklortError, match=r"must be tensor\(string\), got tensor\(int64\)"):
        run("RegexFullMatch", [np.zeros(1, np.int64)], pattern="a", **OP)
