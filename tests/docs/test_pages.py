"""What pages say of other files is true: links, commands named in a sentence, and what the Makefile installs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, blocks, commands
from tests.docs.running import make_targets, tomllib


def test_the_pages_are_found() -> None:
    assert {"README.md", "docs/index.md", "docs/architecture.md"} <= set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_every_make_command_is_a_target(page: str) -> None:
    for words in re.findall(r"`([^`\n]+)`", (ROOT / page).read_text()):
        assert set(re.findall(r"^make ([a-z]+)", words)) <= make_targets(), words


@pytest.mark.parametrize("page", PAGES)
def test_links_point_at_files(page: str) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", (ROOT / page).read_text())
    broken = [link for link in links if "://" not in link and not ((ROOT / page).parent / link).exists()]
    assert broken == []


@pytest.mark.parametrize("page", [page for page in PAGES if page != "README.md"])
def test_pages_of_the_site_link_within_it(page: str) -> None:
    for link in re.findall(r"\]\(([^)#\s]+)", (ROOT / page).read_text()):
        if "://" not in link:
            assert ((ROOT / page).parent / link).resolve().is_relative_to(ROOT / "docs"), link


def test_every_recipe_has_a_page() -> None:
    shown = {block.included for page in PAGES for block in blocks(page) if block.included}
    found = {f"examples/{path.name}" for path in (ROOT / "examples").glob("*.py")}
    linked = {name for name in found for page in PAGES if f"`{name}`" in (ROOT / page).read_text()}
    assert found - shown - linked == {"examples/flights_demo.py"}  # which is `make demo`


def test_the_two_commands_are_there() -> None:
    said = [line.split("  ")[0] for block in blocks("README.md") if block.language == "sh" for line in commands(block)]
    assert {"make demo", "make test"} <= set(said)


def test_continuous_integration_runs_the_test_command_of_the_readme() -> None:
    assert (ROOT / ".ci/run").read_text().rstrip().endswith("exec make test")


def test_the_makefile_installs_what_the_build_needs() -> None:
    required = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    tools = re.search(r"^BUILD_TOOLS := (.*)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert tools is not None
    assert set(re.findall(r'"([^"]+)"', tools[1])) == set(required)


def test_pictures_can_be_read_by_all() -> None:
    for path in (ROOT / "docs/img").glob("*.svg"):
        text = Path(path).read_text()
        assert "<svg" in text
        assert not re.search(r"""(href|src)=["']https?:|@import|<script""", text), path  # nothing is fetched
