"""The steps of an execution: start, claim, detect, file, announce."""
