"""Counts with their nouns."""


def pluralize(count: int, noun: str) -> str:
    """Return a count with its noun in singular or plural."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
