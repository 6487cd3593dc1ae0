"""Execution histories: parsing, redaction, the archive, metrics, and search."""
