"""The line on one machine: the embedded AWS, the Custom Labels service, sample parts."""
