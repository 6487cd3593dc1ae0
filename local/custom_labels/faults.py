"""The one exception that the client sees: an error of Rekognition's own, by its name."""


class Fault(Exception):
    """Answered as HTTP 400, or as 500 where the service itself is to blame."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[type["Fault"], tuple[str, str]]:
        """Faults cross from reading processes to the training, and must arrive as they left."""
        return Fault, (self.code, self.message)

    @property
    def status(self) -> int:
        return 500 if self.code == "InternalServerError" else 400
