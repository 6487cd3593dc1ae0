"""How a person reaches it: the review web app."""
