"""Photos for browsers: display copies and the uploaded originals."""
