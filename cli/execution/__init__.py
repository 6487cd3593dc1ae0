"""Commands of `partcheck execution`."""
