"""Inspections: rows, repository, photos in the object store, verdicts, and the routing policy."""
