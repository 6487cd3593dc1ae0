"""Image features, fingerprints and the classifier: NumPy, SciPy and Pillow only."""
