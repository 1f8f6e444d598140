"""What README.md tells a reader to do works."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PAGES = ("README.md", "docs/architecture.md")


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def make_targets(root: Path) -> set[str]:
    return set(re.findall(r"^([a-z]+):", (root / "Makefile").read_text(), flags=re.MULTILINE))


@pytest.mark.parametrize("page", PAGES)
def test_every_make_command_is_a_target(root: Path, page: str) -> None:
    named = set(
        re.findall(
            r"make ([a-z]+)",
            "\n".join(blocks(root / page, "sh") + re.findall(r"`([^`\n]+)`", (root / page).read_text())),
        )
    )
    assert named <= make_targets(root)


def test_the_two_commands_are_there(root: Path) -> None:
    commands = "\n".join(blocks(root / "README.md", "sh"))
    assert {"make demo", "make test"} <= {line.split("  ")[0].strip() for line in commands.splitlines()}


def test_continuous_integration_runs_the_test_command_of_the_readme(root: Path) -> None:
    assert (root / ".ci/run").read_text().rstrip().endswith("exec make test")


def test_python_blocks_run(root: Path, tmp_path: Path) -> None:
    code = blocks(root / "README.md", "python")
    assert code
    script = tmp_path / "readme.py"
    script.write_text("\n".join(code))
    environment = {"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin", "PYTHONWARNINGS": "error"}
    subprocess.run([sys.executable, script], cwd=tmp_path, env=environment, check=True)


@pytest.mark.parametrize("page", PAGES)
def test_links_point_at_files(root: Path, page: str) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", (root / page).read_text())
    broken = [link for link in links if "://" not in link and not ((root / page).parent / link).exists()]
    assert broken == []


def test_the_makefile_installs_what_the_build_needs(root: Path) -> None:
    required = tomllib.loads((root / "pyproject.toml").read_text())["build-system"]["requires"]
    tools = re.search(r"^BUILD_TOOLS := (.*)$", (root / "Makefile").read_text(), flags=re.MULTILINE)
    assert tools is not None
    installed = set(re.findall(r'"([^"]+)"', tools[1]))
    assert installed == set(required)
