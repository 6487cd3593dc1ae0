"""The photo decoder, photo measures, image features, fingerprints and the classifier."""
