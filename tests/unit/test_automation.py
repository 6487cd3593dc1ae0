"""Hooks, CI and the contributors' page call existing make targets. The version has its changelog section."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
HOOKS, WORKFLOW = ROOT / ".pre-commit-config.yaml", ROOT / ".github" / "workflows" / "ci.yml"
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("file", [HOOKS, WORKFLOW, ROOT / "CONTRIBUTING.md"], ids=lambda file: file.name)
def test_every_named_make_target_exists(file: Path) -> None:
    named = set(re.findall(r"(?:`|: |^)make ([a-z-]+)", file.read_text(encoding="utf-8"), re.MULTILINE))

    assert named
    assert named <= TARGETS


def test_ci_runs_every_check() -> None:
    steps = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]["check"]["steps"]

    assert "make check" in [step.get("run") for step in steps]
    assert "make check" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_version_has_a_section_in_the_changelog_below_what_is_unreleased() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert headings[0] == "Unreleased"
    assert re.fullmatch(rf"{re.escape(version)} – \d{{4}}-\d\d-\d\d", headings[1])


def test_pre_commit_accepts_the_hooks_and_downloads_none() -> None:
    command = [sys.executable, "-m", "pre_commit", "validate-config", str(HOOKS)]

    assert subprocess.run(command, check=False).returncode == 0
    assert [entry["repo"] for entry in yaml.safe_load(HOOKS.read_text(encoding="utf-8"))["repos"]] == [
        "local"
    ]
