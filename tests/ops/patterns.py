"""Random regular expressions of the supported subset, and random text that they may match."""

from __future__ import annotations

import random

LITERALS = [
    *"abcxyzABC012_-. isIS",
    r"\.",
    r"\-",
    *"éÉßσςΣКкİıſ\u212a",
    "\n",
    r"\n",
    "\u0663",
    "\u0301",
    "日",
    "\U0001d518",
]
LITERALS += [r"\u00e9", r"\x41"]
CATEGORIES = [r"\w", r"\W", r"\d", r"\D", r"\s", r"\S"]
ASSERTIONS = [r"\b", r"\B", "^", "$", r"\A", r"\Z"]
TEXT = "abcxyzABC012_-. \n.isISéÉßσςΣКкİıſ\u212a\u0663\u0301日\U0001d518"
SIMULATED = "|\x01[01]*0[01]{17}\x02"
"""Matches no ordinary text, and makes the tables too large: the pattern before it is simulated."""


class Patterns:
    """Draws patterns; groups are repeated at most twice, since Python's own search is exponential in nested repetitions."""

    def __init__(self, seed: int, *, re2: bool = False) -> None:
        self.random = random.Random(seed)
        self.literals = [text for text in LITERALS if not (re2 and text.startswith(r"\u"))]
        self.assertions = ASSERTIONS[:2] if re2 else ASSERTIONS
        self.groups = ["(?:", "(?:"] if re2 else ["(?:", "(?:", "(?i:", "(?s:", "(?m:", "(?-i:"]
        self.re2 = re2

    def pattern(self) -> str:
        flags = [""] if self.re2 else ["", "", "(?u)", "(?i)", "(?m)", "(?s)", "(?is)"]
        return self.random.choice(flags) + self.alternation(2)

    def text(self) -> str:
        return "".join(self.random.choice(TEXT) for _ in range(self.random.randint(0, 10)))

    def alternation(self, depth: int) -> str:
        return "|".join(self.sequence(depth) for _ in range(self.random.choice([1, 1, 1, 2, 3])))

    def sequence(self, depth: int) -> str:
        return "".join(self.repetition(depth) for _ in range(self.random.randint(1, 4)))

    def repetition(self, depth: int) -> str:
        draw = self.random.random()
        if draw < 0.15:
            return self.random.choice(self.assertions)
        if draw < 0.3 and depth > 0:
            count = self.random.choice(["", "", "?", "??", "{2}"])
            return f"{self.random.choice(self.groups)}{self.alternation(depth - 1)}){count}"
        counts = ["*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}"] + ([] if self.re2 else ["{,2}"])
        count = "" if draw < 0.6 else self.random.choice(counts) + self.random.choice(["", "", "?"])
        return self.atom() + count

    def atom(self) -> str:
        draw = self.random.random()
        if draw < 0.5:
            return self.random.choice(self.literals)
        if draw < 0.7:
            return self.random.choice(CATEGORIES)
        return "." if draw < 0.75 else self.bracket()

    def bracket(self) -> str:
        items = []
        for _ in range(self.random.randint(1, 4)):
            draw = self.random.random()
            if draw < 0.3:
                items.append(self.random.choice(CATEGORIES))
            elif draw < 0.6:
                low, high = sorted(self.random.sample("abcdefxyzABCXYZ019éÉßσ日", 2))
                items.append(f"{low}-{high}")
            else:
                items.append(self.random.choice([text for text in self.literals if text != "-"]))
        return f"[{self.random.choice(['', '^'])}{''.join(items)}]"
