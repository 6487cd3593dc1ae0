"""The audit trail: a page with filters and an export as CSV."""
