"""Validation of uploaded files: JPEG and PNG headers and structure, without decoding pixels."""
