"""The command line: one package per command group, one module per command."""
