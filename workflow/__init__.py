"""What is decided about a photo: the domain, free of services."""
