"""Deploying stages to AWS: stacks, uploads, status, smoke tests and deletion. Never part of a bundle."""
