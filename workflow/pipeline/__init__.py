"""The states of an execution: start, claim, detect, file, announce."""
