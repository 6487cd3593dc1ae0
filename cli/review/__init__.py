"""Commands of `partcheck review`."""
