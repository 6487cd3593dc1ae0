"""Photos of the smoke test: reserved keys, whose photos a person decides and whose messages say `test`."""

KEY_PREFIX, NAME_PREFIX = "partcheck-smoke/", "partcheck-smoke-"
DECIDED_BY_PERSON = "smoke test: a person decides at any confidence"


def is_smoke_photo(key: str) -> bool:
    """Return True if a key is reserved for photos of the smoke test."""
    return key.startswith(KEY_PREFIX + NAME_PREFIX)
