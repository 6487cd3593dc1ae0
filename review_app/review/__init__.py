"""The review pages: the review page itself, photos on hold, and disagreements."""
