"""The commands of the AWS CLI that our documentation tells people to type."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
DEPLOY, RUNBOOK = ROOT / "docs" / "deploy.md", ROOT / "docs" / "runbook.md"
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(aws [^`]+)`")
_INNER = re.compile(r"\$\((aws [^)]*)\)")


def typed(page: Path) -> list[str]:
    """Whole lines to type, in blocks and in sentences, in their order."""
    text = page.read_text(encoding="utf-8")
    blocks = "\n".join(_BLOCK.findall(text)).replace("\\\n", " ")
    lines = [line for line in blocks.splitlines() if line.startswith("aws ")]
    sentences = _INLINE.findall(_BLOCK.sub("", text))
    return [*lines, *(one for one in sentences if " --" in one)]


def named(page: Path) -> list[str]:
    """Commands that a sentence only names, without their arguments."""
    sentences = _INLINE.findall(_BLOCK.sub("", page.read_text(encoding="utf-8")))
    return [one for one in sentences if " --" not in one]


def simple(line: str) -> list[str]:
    """The commands of a line, those first whose output another one takes."""
    return [*_INNER.findall(line), _INNER.sub("partcheck-dev-inbound", line)]
