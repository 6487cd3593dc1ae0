"""What an examined photo is, or the one reason why it is refused."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

MAX_BYTES = 15 * 1024 * 1024
MIN_SIDE = 64
MAX_SIDE = 4096
MAX_ASPECT = 20


class Reason(StrEnum):
    """Why a file is refused. The values are published codes: add to them, never change one."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    NOT_AN_IMAGE = "not_an_image"
    UNSUPPORTED_FORMAT = "unsupported_format"
    TRUNCATED = "truncated"
    CORRUPT = "corrupt"
    TOO_SMALL = "too_small"
    TOO_MANY_PIXELS = "too_many_pixels"
    EXTREME_ASPECT = "extreme_aspect"
    ANIMATED = "animated"


@dataclass(frozen=True, slots=True)
class Rejection:
    """The code for programs; for people, one sentence that says what is wrong and what to do."""

    code: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Frame:
    """The picture as the file's own header describes it; the orientation is EXIF's, 1 to 8."""

    width: int
    height: int
    orientation: int = 1


@dataclass(frozen=True, slots=True)
class Photo:
    """A file that the model may be asked about; width and height are as stored, before any turning."""

    format: Literal["jpeg", "png"]
    width: int
    height: int
    orientation: int
    size: int
    sha256: str

    @property
    def upright(self) -> tuple[int, int]:
        """Width and height as a person sees the photo."""
        if self.orientation >= 5:
            return self.height, self.width
        return self.width, self.height


def refuse_shape(width: int, height: int) -> Rejection | None:
    """The limits on the sides, which need nothing but the header."""
    measured = f"The photo is {width} × {height} px"
    short, long = sorted((width, height))
    if short < MIN_SIDE:
        return Rejection(
            Reason.TOO_SMALL,
            f"{measured}, but each side needs at least {MIN_SIDE} px: use a higher resolution.",
        )
    if long > MAX_SIDE:
        return Rejection(
            Reason.TOO_MANY_PIXELS,
            f"{measured}, but a side may have at most {MAX_SIDE} px: scale the photo down.",
        )
    if long > MAX_ASPECT * short:
        return Rejection(
            Reason.EXTREME_ASPECT,
            f"{measured}, but a side may be at most {MAX_ASPECT} times the other: crop the photo.",
        )
    return None
