"""Commands of `partcheck camera`."""
