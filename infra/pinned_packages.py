"""Selects the pins of the lock file that a bundle needs on its target platform."""

import re
from collections.abc import Iterable
from importlib.metadata import distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from workflow.errors import ConfigurationError
from workflow.root_files import find_root_file

LOCK = find_root_file(__file__, "requirements.lock")
COMMAND_LINE_PACKAGES = {"click", "rich"}  # Dependencies of the project that no server needs.
TARGET_ENVIRONMENT = {
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


def select_requirements(
    extras: Iterable[str], lock: str | None = None, additional: Iterable[str] = ()
) -> str:
    """Return a requirements file with hashes: the packages that partcheck with these extras needs.

    `additional` are the names of further packages that the bundle needs. Raise ConfigurationError if the lock
    file lacks one of them.
    """
    lines = {str(canonicalize_name(pin[1])): pin[0] for pin in _PIN.finditer(lock or LOCK.read_text("utf-8"))}
    own = distribution("partcheck").requires or ()
    needed = [text for text in own if Requirement(text).name not in COMMAND_LINE_PACKAGES]
    needed += additional
    names = sorted(_with_dependencies(needed, frozenset(extras), {}))
    if missing := [name for name in names if name not in lines]:
        raise ConfigurationError(f"requirements.lock has no line for {', '.join(missing)}: run `make lock`")
    return "".join(lines[name] for name in names)


def _with_dependencies(
    texts: Iterable[str], extras: frozenset[str], seen: dict[str, frozenset[str]]
) -> set[str]:
    """Return the packages that requirements name, and their dependencies at any depth."""
    for text in texts:
        requirement = Requirement(text)
        name, own_extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if not _applies(requirement, extras) or (name in seen and seen[name] >= own_extras):
            continue
        seen[name] = own_extras | seen.get(name, frozenset())
        _with_dependencies(distribution(name).requires or (), own_extras, seen)
    return set(seen)


def _applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(
        marker.evaluate({**TARGET_ENVIRONMENT, "extra": extra}) for extra in extras | {""}
    )
