"""State machines as pictures: read, laid out and drawn without a browser."""
