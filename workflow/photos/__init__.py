"""Validation of uploaded files: headers and structure of JPEG and PNG, without decoding pixels."""
