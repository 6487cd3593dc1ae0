"""The exception that clients see: one of Rekognition's own errors."""


class ServiceError(Exception):
    """An error with Rekognition's name, sent as HTTP 400, or as 500 for an internal error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[type["ServiceError"], tuple[str, str]]:
        """Pickle code and message: errors cross from worker processes to the training."""
        return ServiceError, (self.code, self.message)

    @property
    def status(self) -> int:
        """The HTTP status code."""
        return 500 if self.code == "InternalServerError" else 400
