"""The result of validating a photo: its properties, or the reason for its rejection."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

MAX_BYTES = 15 * 1024 * 1024
MIN_SIDE = 64
MAX_SIDE = 4096
MAX_ASPECT = 20


class RejectionReason(StrEnum):
    """The reason for a rejection. The values are published codes: add new ones, never change one."""

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
    """A rejection: a code for programs, and for people a sentence with the problem and its remedy."""

    code: RejectionReason
    detail: str


@dataclass(frozen=True, slots=True)
class Frame:
    """The dimensions in pixels as the file's header has them, and EXIF's orientation, 1 to 8."""

    width: int
    height: int
    orientation: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatedPhoto:
    """A photo that the model may be asked about. Width and height are as stored, before any rotation."""

    format: Literal["jpeg", "png"]
    width: int
    height: int
    orientation: int
    size: int

    @property
    def upright_size(self) -> tuple[int, int]:
        """Return width and height as a person sees the photo."""
        if self.orientation >= 5:
            return self.height, self.width
        return self.width, self.height


def check_dimensions(width: int, height: int) -> Rejection | None:
    """Return a rejection if a side or the aspect ratio is beyond its limit, otherwise None."""
    measured = f"The photo is {width} × {height} px"
    short, long = sorted((width, height))
    if short < MIN_SIDE:
        return Rejection(
            RejectionReason.TOO_SMALL,
            f"{measured}, but each side needs at least {MIN_SIDE} px: use a higher resolution.",
        )
    if long > MAX_SIDE:
        return Rejection(
            RejectionReason.TOO_MANY_PIXELS,
            f"{measured}, but a side may have at most {MAX_SIDE} px: scale the photo down.",
        )
    if long > MAX_ASPECT * short:
        return Rejection(
            RejectionReason.EXTREME_ASPECT,
            f"{measured}, but a side may be at most {MAX_ASPECT} times the other: crop the photo.",
        )
    return None
