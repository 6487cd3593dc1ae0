"""Inspections: their rows, their objects in S3, verdicts, and the routing policy."""
