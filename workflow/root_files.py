"""Files in the root of the repository. A wheel carries each of them beside the module that reads it."""

from pathlib import Path


def find_root_file(reader: str, name: str) -> Path:
    """Return the file beside the module `reader` (its `__file__`), else the one in the repository's root."""
    packaged = Path(reader).resolve().with_name(name)
    return packaged if packaged.exists() else packaged.parent.parent / name
