"""Faults that callers tell apart by name; everything expected is a value instead."""


class PartcheckError(Exception):
    """A fault whose message is one sentence for a person: what, where, what to do."""


class ConfigurationError(PartcheckError):
    """A setting is missing or wrong; the message names it."""


class OwnershipLost(PartcheckError):
    """Another execution owns the inspection now; this one must stop touching the photo."""


class NotFound(PartcheckError):
    """The ledger or the bucket does not hold what was asked for."""


class Conflict(PartcheckError):
    """The row changed since it was read, or the decision is not open any more."""


class NotUploaded(PartcheckError):
    """The inbound bucket did not take a photo; the message is the service's reason."""
