"""Graphs of state machines: definition parsing, layered layout and drawing."""
