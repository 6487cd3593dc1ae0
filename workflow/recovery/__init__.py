"""Consistency check, reconciliation, redrive, delivery of decisions, and engineers' commands."""
