"""The state machine's definition: its text, its placeholders, and their values filled in."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from workflow.errors import ConfigurationError

FILE = Path(__file__).resolve().parent.parent / "state_machine.asl.json"
_PLACEHOLDER = re.compile(r"\$\{([A-Za-z]+)\}")


def text() -> str:
    """The definition as it stands in the repository, with placeholders."""
    return FILE.read_text(encoding="utf-8")


def placeholders() -> frozenset[str]:
    """The names that a deployment must give values for."""
    return frozenset(_PLACEHOLDER.findall(text()))


def render(values: Mapping[str, str]) -> str:
    """The definition with every placeholder filled in, as compact JSON.

    Raises ConfigurationError when a value is missing or one is given that the definition does not use.
    """
    if wrong := placeholders() ^ values.keys():
        raise ConfigurationError(f"state machine: placeholders differ by {sorted(wrong)}")
    filled = _PLACEHOLDER.sub(lambda match: json.dumps(values[match[1]])[1:-1], text())
    return json.dumps(json.loads(filled), separators=(",", ":"), ensure_ascii=False)
