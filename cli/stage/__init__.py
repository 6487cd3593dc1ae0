"""Commands of `partcheck stage`."""
