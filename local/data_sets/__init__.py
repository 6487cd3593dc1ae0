"""Labelled photos before they become a model: listed, checked, kept apart by part, uploaded."""
