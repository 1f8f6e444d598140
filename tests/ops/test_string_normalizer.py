"""StringNormalizer against str.lower and str.upper."""

from __future__ import annotations

import random
import unicodedata
from typing import Any

import numpy as np
import pytest

from sklort.exceptions import InvalidGraph, SklortError
from tests.ops.one_node import program, run, texts

OP: dict[str, Any] = {"domain": "", "version": 10}
CHANGES = {"LOWER": str.lower, "UPPER": str.upper, "NONE": str}


def every_character() -> str:
    codes = [chr(code) for code in range(1, 0x110000) if not 0xD800 <= code < 0xE000]
    if unicodedata.unidata_version != "14.0.0":  # of the tables: blocks that have not changed since
        codes = [
            char for char in codes if char < "\u0530" or "\u1e00" <= char < "\u2000" or "\u4e00" <= char < "\u9fa6"
        ]
    return "".join(codes)


@pytest.mark.parametrize("change", CHANGES)
def test_every_character_changes_as_in_python(change: str) -> None:
    text = every_character()
    documents = [text, text[::-1], " ".join(text[:70_000]), "".join(f"a{char}b" for char in text[:70_000])]
    out = run("StringNormalizer", [texts(*documents)], case_change_action=change, **OP)
    assert out.tolist() == [CHANGES[change](document) for document in documents]


def test_final_sigma() -> None:
    rng = random.Random(0)
    documents = [
        "".join(rng.choice("ΣΣσaA1 '.\u0301\u00ad\u02b0İ日") for _ in range(rng.randint(0, 8))) for _ in range(3000)
    ]
    documents += ["ΟΔΥΣΣΕΥΣ", "Σ", "ΑΣ", "ΑΣ.", "Α'Σ'Α", "ΑΣ'", "ΣΑΣ ΣΑΣ"]
    out = run("StringNormalizer", [texts(*documents)], case_change_action="LOWER", **OP)
    assert out.tolist() == [document.lower() for document in documents]


@pytest.mark.parametrize("threads", [1, 4])
def test_many_documents(threads: int) -> None:
    rng = random.Random(1)
    documents = ["".join(rng.choice("Aa ÉéßΣ日İ") for _ in range(rng.randint(0, 60))) for _ in range(1500)]
    x = texts(*documents)
    for change, expected in CHANGES.items():
        compiled = program("StringNormalizer", [x], threads=threads, case_change_action=change, **OP)
        assert compiled.run([x])[0].tolist() == [expected(document) for document in documents]


@pytest.mark.parametrize(
    ("words", "options", "kept"),
    [
        (["Monday", "monday", "Tue"], {"stopwords": ("monday",), "is_case_sensitive": 1}, ["Monday", "Tue"]),
        (["Monday", "monday", "Tue"], {"stopwords": ("MONDAY",)}, ["Tue"]),
        (
            ["Monday", "Tue"],
            {"stopwords": ("monday",), "is_case_sensitive": 1, "case_change_action": "LOWER"},
            ["monday", "tue"],
        ),
        (["Straße", "x"], {"stopwords": ("STRASSE",), "case_change_action": "UPPER"}, ["X"]),
        (["a", "A"], {"stopwords": ("a",)}, [""]),
        (["a b", "a"], {"stopwords": ("a",)}, ["a b"]),
    ],
)
def test_stop_words_are_whole_elements(words: list[str], options: dict[str, Any], kept: list[str]) -> None:
    assert run("StringNormalizer", [texts(*words)], **options, **OP).tolist() == kept
    wide = run("StringNormalizer", [texts(*words)[None]], **options, **OP)
    assert wide.tolist() == [kept]


def test_rows_stay_when_there_are_no_stop_words() -> None:
    """An empty document is a row of the batch, and so is none."""
    assert run("StringNormalizer", [texts("", "A", "")], case_change_action="LOWER", **OP).tolist() == ["", "a", ""]
    assert run("StringNormalizer", [texts()], case_change_action="LOWER", **OP).shape == (0,)
    assert run("StringNormalizer", [texts()], stopwords=("a",), **OP).shape == (0,)
    x = np.full((2, 3), "A", object)
    assert run("StringNormalizer", [x], case_change_action="LOWER", **OP).tolist() == [["a"] * 3] * 2


def test_no_locale_is_needed() -> None:
    out = run("StringNormalizer", [texts("IİI")], case_change_action="LOWER", locale="tr_TR", **OP)
    assert out.tolist() == ["IİI".lower()]


def test_as_microsoft_had_it() -> None:
    out = run(
        "StringNormalizer",
        [texts("ÀB")],
        domain="com.microsoft",
        version=1,
        casechangeaction="LOWER",
        is_case_sensitive=0,
    )
    assert out.tolist() == ["àb"]


def test_malformed() -> None:
    with pytest.raises(InvalidGraph, match="'case_change_action' is 'lower'; it must be LOWER, UPPER or NONE"):
        program("StringNormalizer", [texts("")], case_change_action="lower", **OP)
    with pytest.raises(SklortError, match=r"must be tensor\(string\), got tensor\(double\)"):
        run("StringNormalizer", [np.zeros(1)], case_change_action="LOWER", **OP)
    with pytest.raises(SklortError, match=r"shape \(n,\) or \(1, n\)"):
        run("StringNormalizer", [np.full((2, 2), "a", object)], stopwords=("b",), **OP)
