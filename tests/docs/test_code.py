"""Every block of code of README.md and docs/ runs, page by page, in an empty folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, RUN, SHOWN, Block, blocks
from tests.docs.running import EXTRAS, Page, Refused, printed_as_shown

WITH_CODE = [page for page in PAGES if any(block.language in RUN for block in blocks(page))]


@pytest.mark.parametrize("page", PAGES)
def test_every_block_is_of_a_known_kind(page: str) -> None:
    for block in blocks(page):
        if block.excuse is not None:
            assert len(block.excuse) > 15, f"{block.where}: give the reason why it is not run"
        elif block.language == "json":
            json.loads(block.text)
        else:
            assert block.language in RUN | SHOWN, (
                f"{block.where}: blocks of {block.language!r} are not run: say why not"
            )


@pytest.mark.parametrize("page", WITH_CODE)
def test_the_code_of_a_page_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Page(page, tmp_path) as reader:
        for block in blocks(page):
            if block.excuse is not None:
                continue
            if block.included is not None:  # tests/examples runs it
                assert block.included.startswith("examples/")
                assert (ROOT / block.included).is_file()
            elif block.language in RUN:
                reader.run(block)
            elif block.title == "Output":
                assert printed_as_shown(block.text, reader.printed), f"{block.where}: it prints\n{reader.printed}"


def made(text: str, language: str = "sh") -> Block:
    return Block("page.md", 1, language, "", text, None)


@pytest.mark.parametrize(
    "text",
    [
        "sklort inspect absent.onnx",
        "sklort no-such-command",
        "make no-such-target",
        "pip install 'sklort[no-such-extra]'",
        "pip install no-such-package",
        "python -m examples.no_such_example",
        "curl http://localhost:8000/v2",
        "rm -rf folder",
        "sklort inspect a.onnx | head",
    ],
)
def test_a_wrong_command_fails(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Page("page.md", tmp_path) as reader, pytest.raises(AssertionError):
        reader.run(made(text))


def test_wrong_python_fails_and_names_its_line(tmp_path: Path) -> None:
    block = Block("README.md", 7, "python", "", "x = 1\nassert x == 2\n", None)
    with Page("README.md", tmp_path) as reader, pytest.raises(AssertionError) as raised:
        reader.run(block)
    assert raised.traceback[-1].lineno == 7  # counted from 0


def test_a_wrong_answer_of_a_prompt_fails(tmp_path: Path) -> None:
    with Page("page.md", tmp_path) as reader:
        reader.run(made(">>> 1 + 1\n2\n", "python"))
        with pytest.raises(AssertionError):
            reader.run(made(">>> 1 + 1\n3\n", "python"))


def test_unknown_commands_are_refused(tmp_path: Path) -> None:
    with Page("page.md", tmp_path) as reader, pytest.raises(Refused, match=r"page\.md:1: 'rm x': .*not run: why"):
        reader.run(made("rm x\n"))


def test_the_install_line_names_every_extra() -> None:
    text = (ROOT / "README.md").read_text()
    listed = text[text.index("Extras:") :].split("\n\n")[0]
    assert set(EXTRAS) == set(listed.split("`")[1::2])
