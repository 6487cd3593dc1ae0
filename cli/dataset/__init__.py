"""Commands of `partcheck dataset`."""
