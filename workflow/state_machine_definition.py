"""The state machine's definition: its text, its placeholders, and the rendered result."""

import json
import re
from collections.abc import Mapping

from workflow.errors import ConfigurationError
from workflow.root_files import find_root_file

DEFINITION_FILE = find_root_file(__file__, "state_machine.asl.json")
_PLACEHOLDER = re.compile(r"\$\{([A-Za-z]+)\}")


def read_definition() -> str:
    """Read the definition of the repository, with its placeholders."""
    return DEFINITION_FILE.read_text(encoding="utf-8")


def placeholders() -> frozenset[str]:
    """Return the names that a deployment must give values for."""
    return frozenset(_PLACEHOLDER.findall(read_definition()))


def render(values: Mapping[str, str]) -> str:
    """Render the definition with a value for every placeholder, as compact JSON.

    Raise ConfigurationError if a value is missing, or if the definition does not use one that is given.
    """
    if wrong := placeholders() ^ values.keys():
        raise ConfigurationError(f"state machine: placeholders differ by {sorted(wrong)}")
    filled = _PLACEHOLDER.sub(lambda match: json.dumps(values[match[1]])[1:-1], read_definition())
    return json.dumps(json.loads(filled), separators=(",", ":"), ensure_ascii=False)
