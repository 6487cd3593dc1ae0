"""Human review: the queue, leases, decisions, second reviews, revisions, and agreement."""
