"""Rekognition's Custom Labels operations, one module per resource."""
