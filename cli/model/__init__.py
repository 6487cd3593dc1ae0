"""Commands of `partcheck model`."""
