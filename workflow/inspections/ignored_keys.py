"""Keys that the product ignores: folder markers, and files that other programs still write.

The rule is stated once, as wildcards. The event rule of AWS and of the local environment uses them, and so do
the consistency check, reconciliation and uploading commands.
"""

import re

# A `*` matches every character, also the slash: a part that begins with a dot or a tilde counts at any depth.
WILDCARDS = ("*/", ".*", "*/.*", "~*", "*/~*", "*.tmp", "*.part")
DESCRIPTION = ".*, ~*, *.tmp, *.part"
_PATTERN = re.compile("|".join(re.escape(wildcard).replace(r"\*", ".*") for wildcard in WILDCARDS), re.DOTALL)


def inspected_key_pattern() -> list[dict[str, dict[str, list[str]]]]:
    """Return the event pattern of the keys that start an inspection."""
    return [{"anything-but": {"wildcard": list(WILDCARDS)}}]


def is_ignored_key(key: str) -> bool:
    """Return True if no inspection starts for this key."""
    return _PATTERN.fullmatch(key) is not None
