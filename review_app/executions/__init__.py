"""The execution pages: list, one execution with its graph and timeline, comparison, and commands."""
