"""Which lines of the lock file one part of the product needs on the machine that it will run on."""

import re
import tomllib
from collections.abc import Iterable
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from workflow.errors import ConfigurationError

_ROOT = Path(__file__).resolve().parent.parent
LOCK, PROJECT = _ROOT / "requirements.lock", _ROOT / "pyproject.toml"
GROUPS = "optional-dependencies"
COMMAND_LINE = {"click", "rich"}  # Among the project's own dependencies, but of no use to a server.
TARGET = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "aarch64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.13.0",
    "python_version": "3.13",
    "sys_platform": "linux",
}
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==\S+.*?(?=^\S|\Z)", re.MULTILINE | re.DOTALL)


def pinned(extras: Iterable[str], lock: str | None = None) -> str:
    """A requirements file with hashes: what partcheck with these extras stands on, and nothing else."""
    lines = {str(canonicalize_name(pin[1])): pin[0] for pin in _PIN.finditer(lock or LOCK.read_text("utf-8"))}
    project = tomllib.loads(PROJECT.read_text("utf-8"))["project"]
    own = [one for one in project["dependencies"] if Requirement(one).name not in COMMAND_LINE]
    asked = [*own, *(one for extra in extras for one in project[GROUPS][extra])]
    names = sorted(_needed(asked, frozenset(), {}))
    if missing := [name for name in names if name not in lines]:
        raise ConfigurationError(f"requirements.lock has no line for {', '.join(missing)}: run `make lock`")
    return "".join(lines[name] for name in names)


def _needed(texts: Iterable[str], extras: frozenset[str], seen: dict[str, frozenset[str]]) -> set[str]:
    """The packages that requirements name, and all below them."""
    for text in texts:
        requirement = Requirement(text)
        name, wanted = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if not _asked_for(requirement, extras) or (name in seen and seen[name] >= wanted):
            continue
        seen[name] = wanted | seen.get(name, frozenset())
        _needed(distribution(name).requires or (), wanted, seen)
    return set(seen)


def _asked_for(requirement: Requirement, extras: frozenset[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({**TARGET, "extra": extra}) for extra in extras | {""})
