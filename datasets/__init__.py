"""Labelled photos before training: read, validate, split by part, import, freeze as a hold-out."""
