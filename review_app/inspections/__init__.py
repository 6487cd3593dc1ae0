"""The page of one inspection, with the override of its verdict."""
