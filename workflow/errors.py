"""Exceptions that callers catch by name. Expected outcomes are values instead."""


class PartcheckError(Exception):
    """An error whose message is one sentence for a person: what, where, what to do."""


class ConfigurationError(PartcheckError):
    """A setting that is missing or wrong. The message names it."""


class OwnershipLost(PartcheckError):
    """Another execution owns the inspection. This one must not touch the photo any more."""


class NotFound(PartcheckError):
    """A row or an object that does not exist."""


class Conflict(PartcheckError):
    """A row that changed since it was read, or a decision that is not open any more."""


class UploadFailed(PartcheckError):
    """A photo that the inbound bucket refused. The message is the service's reason."""
