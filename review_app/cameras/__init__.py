"""The page about the cameras."""
