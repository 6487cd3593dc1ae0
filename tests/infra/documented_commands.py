"""The AWS CLI commands in our documentation."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
DEPLOY, RUNBOOK = ROOT / "docs" / "deploy.md", ROOT / "docs" / "runbook.md"
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(aws [^`]+)`")
_INNER = re.compile(r"\$\((aws [^)]*)\)")


def complete_commands(page: Path) -> list[str]:
    """Return the complete commands of a page, in blocks and in sentences, in order."""
    text = page.read_text(encoding="utf-8")
    blocks = "\n".join(_BLOCK.findall(text)).replace("\\\n", " ")
    lines = [line for line in blocks.splitlines() if line.startswith("aws ")]
    sentences = _INLINE.findall(_BLOCK.sub("", text))
    return [*lines, *(sentence for sentence in sentences if " --" in sentence)]


def named_commands(page: Path) -> list[str]:
    """Return the commands that a page names without arguments."""
    sentences = _INLINE.findall(_BLOCK.sub("", page.read_text(encoding="utf-8")))
    return [sentence for sentence in sentences if " --" not in sentence]


def split_commands(line: str) -> list[str]:
    """Split a command line. Commands whose output another one uses come first."""
    return [*_INNER.findall(line), _INNER.sub("partcheck-dev-inbound", line)]
