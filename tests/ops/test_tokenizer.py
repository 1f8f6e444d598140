"""Tokenizer against Python's re, which scikit-learn's analyzers use, and against what onnxruntime documents."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer

from sklort._native import _core
from sklort.exceptions import InvalidGraph, NotImplemented, SklortError
from tests.ops.one_node import program, run, texts
from tests.ops.patterns import SIMULATED, Patterns

DEFAULT = r"(?u)\b\w\w+\b"
DOCUMENTS = [
    "This is the first document, a B c.",
    "Über  naïve Straße ΟΔΥΣΣΕΥΣ être\nélan Ελλάδα приве́т мир",
    "",
    "日本語 テキスト 123_4 don't can't É é ٣٤ x² \u00aa",
    "#",
    " \t\u00a0\u3000",
]


def options(**attributes: Any) -> dict[str, Any]:
    return {"domain": "com.microsoft", "pad_value": "#", "mark": 0, "mincharnum": 1, **attributes}


def cut(documents: list[str], **attributes: Any) -> list[list[str]]:
    """What each document is cut into, without the padding."""
    pad = "\x00pad"
    out = run("Tokenizer", [texts(*documents)], **options(pad_value=pad, **attributes))
    for row in out.tolist():
        assert pad not in row[: sum(token != pad for token in row)]
    return [[token for token in row if token != pad] for row in out.tolist()]


def found(pattern: str, document: str) -> list[str]:
    return [match.group() for match in re.finditer(pattern, document) if match.group()]


@pytest.mark.parametrize(
    "pattern",
    [
        DEFAULT,
        r"(?u)\b\w+\b",
        r"\w+",
        "[a-zA-Z0-9_]+",
        "[a-zA-Z]+",
        r"\b\w{3,}\b",
        r"(?i)[a-zé]+",
        r"\S+",
        r"[^\W\d_]+",
        r"\w+(?:'\w+)?",
        r"\b(\w\w+)\b",
        r"(?P<token>\w+)",
        r"(?a)\w+",
        r"[\w']+|[^\w\s]",
        r"\d+|a|ab|[^\s]",
        r"\w+?\b",
        "(?m)^.",
        r"(?s)..",
        r".$",
        "[]a-]+",
        r"\u00e9|\x65",
        "a{,2}s",
        "x{",
    ],
)
def test_matches_are_those_of_re(pattern: str) -> None:
    assert cut(DOCUMENTS, tokenexp=pattern) == [found(pattern, document) for document in DOCUMENTS]


@pytest.mark.parametrize("seed", range(4))
def test_random_patterns_match_as_re_does(seed: int) -> None:
    """Both engines: the tables, and the simulation that takes over when they would be too large."""
    drawn = Patterns(seed)
    taken = 0
    for _ in range(60):
        pattern, documents = drawn.pattern(), [drawn.text() for _ in range(8)]
        try:
            expected = [found(pattern, document) for document in documents]
        except re.error:
            with pytest.raises(SklortError):
                program("Tokenizer", [texts("")], **options(tokenexp=pattern))
            continue
        if _core.refuses("com.microsoft", "Tokenizer", 1, {**attributes_of(pattern)}) is not None:
            continue
        taken += 1
        assert cut(documents, tokenexp=pattern) == expected, pattern
        assert cut(documents, tokenexp=pattern + SIMULATED) == expected, pattern
    assert taken > 40


def attributes_of(pattern: str) -> dict[str, Any]:
    return {"tokenexp": pattern, "pad_value": "#", "mark": 0, "mincharnum": 1}


def test_the_simulation_is_reached_and_told() -> None:
    plain = program("Tokenizer", [texts("")], **options(tokenexp=DEFAULT))
    large = program("Tokenizer", [texts("")], **options(tokenexp=DEFAULT + SIMULATED))
    assert "simulated" not in plain.explain()[0]
    assert "simulated" in large.explain()[0]


@pytest.mark.parametrize("letter", ["w", "d", "s"])
def test_character_classes_are_those_of_re(letter: str) -> None:
    codes = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    if unicodedata.unidata_version != "14.0.0":  # of the tables: blocks that have not changed since
        codes = [
            char for char in codes if char < "\u0530" or "\u1e00" <= char < "\u2000" or "\u4e00" <= char < "\u9fa6"
        ]
    text = "".join(codes)
    assert cut([text], tokenexp=f"\\{letter}") == [re.findall(f"\\{letter}", text)]


@pytest.mark.parametrize("pattern", [DEFAULT, r"(?u)\b\w+\b"])
def test_tokens_are_those_of_scikit_learn(pattern: str) -> None:
    analyze = CountVectorizer(token_pattern=pattern, lowercase=False).build_analyzer()
    assert cut(DOCUMENTS, tokenexp=pattern) == [analyze(document) for document in DOCUMENTS]


def test_a_dot_is_every_character() -> None:
    """What skl2onnx writes for the analyzer "char", which keeps newlines."""
    assert cut(["a\né日"], tokenexp=".") == [["a", "\n", "é", "日"]]
    assert cut(["a\né日"], separators=("",)) == [["a", "\n", "é", "日"]]


def test_long_texts_take_linear_time() -> None:
    """A backtracking search would need centuries for the first, a search from every place minutes for the second."""
    assert cut(["a" * 5000], tokenexp="(?:a|a|aa)+b") == [[]]
    assert cut(["a" * 200_000], tokenexp=r"\w+@\w+") == [[]]


def test_rows_are_padded_behind_the_end_mark() -> None:
    out = run("Tokenizer", [texts("a b c", "d", "")], **options(tokenexp="[a-z]", mark=1))
    assert out.tolist() == [
        ["\x02", "a", "b", "c", "\x03"],
        ["\x02", "d", "\x03", "#", "#"],
        ["\x02", "\x03", "#", "#", "#"],
    ]


def test_two_dimensions_become_three() -> None:
    out = run("Tokenizer", [np.array([["a b", "c"], ["", "d"]], object)], **options(tokenexp=r"\w"))
    assert out.tolist() == [[["a", "b"], ["c", "#"]], [["#", "#"], ["d", "#"]]]


@pytest.mark.parametrize(("shape", "expected"), [((0,), (0,)), ((3, 0), (3, 0)), ((0, 3), (0, 3, 0)), ((2,), (2, 0))])
def test_nothing_to_cut(shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    assert run("Tokenizer", [np.full(shape, "", object)], **options(tokenexp=r"\w", mark=1)).shape == expected


def test_short_tokens_are_dropped_by_characters() -> None:
    assert cut(["ab é éa abc"], tokenexp=r"\w+", mincharnum=2) == [["ab", "éa", "abc"]]
    assert cut(["ab é éa abc"], separators=(" ",), mincharnum=3) == [["abc"]]


def test_separators_take_turns() -> None:
    """As onnxruntime: what the first has cut off, the second sees; they are RE2's, the longest match."""
    assert cut(["a,b;;c, d"], separators=(", ", ",", ";+")) == [["a", "b", "c", "d"]]
    assert cut(["a,b;;c, d"], separators=(",", ", ", ";+")) == [["a", "b", "c", " d"]]
    assert cut(["aXYbXc"], separators=("X|XY",)) == [["a", "b", "c"]]
    assert cut(["a b\u00a0c"], separators=(r"\s",)) == [["a", "b\u00a0c"]]
    assert cut(["a.b", "..", "."], separators=("[.]",)) == [["a", "b"], [], []]


def test_threads_change_nothing() -> None:
    rng = np.random.default_rng(0)
    documents = [" ".join("word"[: rng.integers(1, 5)] for _ in range(rng.integers(0, 80))) for _ in range(400)]
    x = texts(*documents)
    one, many = (program("Tokenizer", [x], threads=n, **options(tokenexp=DEFAULT)).run([x])[0] for n in (1, 4))
    assert one.tolist() == many.tolist()
    assert cut(documents, tokenexp=DEFAULT) == [found(DEFAULT, document) for document in documents]


@pytest.mark.parametrize(
    ("pattern", "word"),
    [
        (r"(?=a)b", "group"),
        (r"(?<!a)b", "group"),
        (r"(a)\1", "reference"),
        (r"(\w)\w+", "captures"),
        (r"(a)(b)", "captures"),
        (r"(?x)a b", "flag"),
        (r"a++", "possessive"),
        (r"(?:a*|b)*", "empty"),
        (r"\p{L}", "escape"),
        (r"[[:alpha:]]", "brackets"),
        (r"(?:(?:a{1,900}){1,900}){1,900}", "large"),
    ],
)
def test_what_is_not_known_is_refused_with_a_sentence(pattern: str, word: str) -> None:
    reason = _core.refuses("com.microsoft", "Tokenizer", 1, attributes_of(pattern))
    assert reason is not None
    assert word in reason
    assert "the pattern" in reason
    with pytest.raises(NotImplemented, match="Tokenizer 'node': the pattern"):
        program("Tokenizer", [texts("")], **options(tokenexp=pattern))


@pytest.mark.parametrize(
    "pattern", ["(", ")", "[a", "a**", "*a", "a{3,2}", "[b-a]", "\\", r"\x4", "(?P<a", "(?i", "(?:a", r"[\w-z]"]
)
def test_broken_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(re.error):
        re.compile(pattern)
    assert _core.refuses("com.microsoft", "Tokenizer", 1, attributes_of(pattern)) is not None


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({}, "exactly one of 'separators' and 'tokenexp'"),
        ({"tokenexp": "a", "separators": (",",)}, "exactly one of 'separators' and 'tokenexp'"),
        ({"tokenexp": "a", "mincharnum": 0}, "'mincharnum' must be at least 1"),
        ({"tokenexp": ".", "mincharnum": 2}, "single characters"),
    ],
)
def test_contradictory_attributes(attributes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidGraph, match=message):
        program("Tokenizer", [texts("")], **options(**attributes))


def test_wrong_inputs() -> None:
    with pytest.raises(SklortError, match=r"must be tensor\(string\), got tensor\(float\)"):
        run("Tokenizer", [np.zeros(2, np.float32)], **options(tokenexp="a"))
    with pytest.raises(SklortError, match="one or two dimensions, got 3"):
        run("Tokenizer", [np.full((1, 1, 1), "a", object)], **options(tokenexp="a"))


@pytest.mark.parametrize(
    "pattern", ["[a-z]+", r"\w{3,}", DEFAULT, r"\b[a-z]+\b", r"[^,]{2,}", r"[a-z]+[a-z]", r"[a-z]{2,4}"]
)
def test_runs_of_every_length_at_every_place(pattern: str) -> None:
    """Runs are found 64 characters at a time where the text is ASCII, one by one where it is not."""
    rng = np.random.default_rng(64)
    documents = ["a" * size for size in (62, 63, 64, 65, 127, 128, 129, 200)]
    documents += [" " * 63 + "ab", " " * 64 + "ab", "ab" + " " * 62 + "cd", "a" * 64 + " " + "b" * 64]
    for share in (0.5, 0.9, 0.99):
        for size in (*range(1, 20), 64, 65, 190, 300):
            codes = np.where(rng.random(size) < share, rng.choice(list("abz_9")), rng.choice(list(" ,.")))
            documents.append("".join(codes))
            documents.append("".join(rng.permutation(codes)) + "é")
    for document, tokens in zip(documents, cut(documents, tokenexp=pattern), strict=True):
        assert tokens == found(pattern, document)
