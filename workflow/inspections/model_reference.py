"""The reference of a model: how the photos look from which the model learned."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Protocol

from workflow.errors import ConfigurationError
from workflow.proportion import Proportion

KEY_PREFIX = "references/"  # Of the objects in the training bucket.
MAX_BYTES = 200_000
MIN_PARTS = 30
MEASURE_NAMES = (
    "brightness",
    "contrast",
    "black_share",
    "white_share",
    "sharpness",
    "colour_cast",
    "bit_depth",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReference:
    """The learned photos of one model in numbers, as the decoder of version `decoder_version` sees them.

    `photos` and `parts` count the learned photos and parts of each label. `ranges` holds the smallest and the
    largest value of each measure. A descriptor's distance is that of its standardised numbers `(descriptor -
    centre) / scales`, Mahalanobis' with the shrunk covariance: `axes` are its unit eigenvectors with the
    `variances`, and every direction at right angles to them has the `residual_variance`. `limit` is 1.15
    times the largest cross-validated distance of a learned photo. `stopped` counts the `tested` parts that
    the rule would stop when it does not know them (out of fold).
    """

    model: str
    decoder_version: int
    made_at: str
    photos: Mapping[str, int]
    parts: Mapping[str, int]
    ranges: Mapping[str, tuple[float, float]]
    centre: tuple[float, ...]
    scales: tuple[float, ...]
    axes: tuple[tuple[float, ...], ...]
    variances: tuple[float, ...]
    residual_variance: float
    limit: float
    stopped: int
    tested: int

    @property
    def part_count(self) -> int:
        """Return the number of learned parts."""
        return sum(self.parts.values())

    @property
    def provisional(self) -> bool:
        """Return True if there are too few learned parts for a reliable limit."""
        return self.part_count < MIN_PARTS

    @property
    def stopped_share(self) -> Proportion:
        """Return the share of learned parts that the rule would stop, out of fold."""
        return Proportion(self.stopped, self.tested)

    @property
    def false_alarm_bound(self) -> float:
        """Return the upper 95 % bound (0 to 1) of the share of usual parts that the distance stops.

        A new part is further than all of m learned parts once in m + 1 on average.
        """
        return 1 - math.pow(0.05, 1 / self.part_count)


class ReferenceRepository(Protocol):
    """The references of models, one for each model's ARN."""

    def get(self, model: str) -> ModelReference | None:
        """Return the reference of a model, or None if it has none.

        Raise ConfigurationError if the stored document is no reference.
        """

    def put(self, reference: ModelReference) -> None:
        """Store a reference under its model's ARN; it replaces an earlier one."""


def parse_reference(text: str) -> ModelReference:
    """Parse a reference from its JSON text. Raise ConfigurationError, which names the wrong field."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"model reference: not JSON ({error})") from error
    if not isinstance(document, dict):
        raise ConfigurationError("model reference: expected a JSON object")
    names = [field.name for field in fields(ModelReference)]
    for name in names:
        if name not in document:
            raise ConfigurationError(f"model reference: the field {name!r} is missing")
    values = {name: _parse_field(name, document[name]) for name in names}
    reference = ModelReference(**values)
    _check_consistency(reference)
    return reference


def to_json(reference: ModelReference) -> str:
    """Serialize a reference as JSON that `parse_reference` reads.

    Raise ConfigurationError if it is too large.
    """
    document = {field.name: getattr(reference, field.name) for field in fields(reference)}
    text = json.dumps(document, separators=(",", ":"), allow_nan=False)
    if len(text) > MAX_BYTES:
        raise ConfigurationError(
            f"model reference: {len(text):,} bytes, but at most {MAX_BYTES:,} are stored; "
            "round its numbers or store fewer axes"
        )
    return text


def _parse_field(name: str, value: Any) -> Any:
    try:
        return _PARSERS[name](value)
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ConfigurationError(f"model reference: the field {name!r} is wrong: {error}") from error


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"expected text, not {value!r}")
    return value


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"expected a whole number from 0, not {value!r}")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"expected a finite number, not {value!r}")
    return float(value)


def _positive(value: Any) -> float:
    if (number := _number(value)) <= 0:
        raise ValueError(f"expected a number above 0, not {value!r}")
    return number


def _numbers(value: Any) -> tuple[float, ...]:
    return tuple(_number(item) for item in value)


def _positives(value: Any) -> tuple[float, ...]:
    return tuple(_positive(item) for item in value)


def _axes(value: Any) -> tuple[tuple[float, ...], ...]:
    return tuple(_numbers(axis) for axis in value)


def _counts(value: Any) -> dict[str, int]:
    return {_text(label): _count(count) for label, count in value.items()}


def _ranges(value: Any) -> dict[str, tuple[float, float]]:
    ranges: dict[str, tuple[float, float]] = {}
    for name in MEASURE_NAMES:
        if name not in value:
            raise ValueError(f"the measure {name!r} is missing")
        low, high = _numbers(value[name])
        if low > high:
            raise ValueError(f"the range of {name!r} begins above its end")
        ranges[name] = (low, high)
    return ranges


_PARSERS = {
    "model": _text,
    "decoder_version": _count,
    "made_at": _text,
    "photos": _counts,
    "parts": _counts,
    "ranges": _ranges,
    "centre": _numbers,
    "scales": _positives,
    "axes": _axes,
    "variances": _positives,
    "residual_variance": _positive,
    "limit": _positive,
    "stopped": _count,
    "tested": _count,
}


def _check_consistency(reference: ModelReference) -> None:
    size = len(reference.centre)
    if not size or len(reference.scales) != size or any(len(axis) != size for axis in reference.axes):
        raise ConfigurationError("model reference: 'centre', 'scales' and each of 'axes' differ in length")
    if len(reference.variances) != len(reference.axes):
        raise ConfigurationError("model reference: 'variances' needs one number for each of 'axes'")
    if not reference.part_count:
        raise ConfigurationError("model reference: 'parts' counts no part")
    if reference.stopped > reference.tested:
        raise ConfigurationError("model reference: 'stopped' is larger than 'tested'")
