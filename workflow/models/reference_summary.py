"""A model's reference in words and as plain JSON, for commands and pages."""

from collections.abc import Mapping
from typing import Any

from workflow.inspections.model_reference import MIN_PARTS, ModelReference
from workflow.plurals import pluralize

NOT_RECOGNISED = "no reference: unusual photos are not recognised"


def summarize_reference(reference: ModelReference | None) -> str:
    """Return one sentence without its full stop: what was learned, and how many usual photos are stopped.

    A new part lies outside all of m learned parts once in m + 1 on average.
    """
    if reference is None:
        return NOT_RECOGNISED
    parts = reference.part_count
    provisional = (
        f"; provisional, because it has fewer than {MIN_PARTS} parts" if reference.provisional else ""
    )
    return (
        f"{pluralize(sum(reference.photos.values()), 'photo')} of {pluralize(parts, 'part')} "
        f"({_counts(reference.parts)}); expect about 1 in {parts + 1:,} usual parts to be stopped; "
        f"up to {reference.false_alarm_bound:.1%}{provisional}"
    )


def summarize_stopped(reference: ModelReference) -> str:
    """Return how many of the learned parts the rule stops if it does not know them, with the interval."""
    stopped = reference.stopped_share
    low, high = stopped.confidence_interval
    return (
        f"{stopped.count:,} of {pluralize(stopped.total, 'learned part')} would be stopped: "
        f"{stopped.share:.1%} ({low:.1%} to {high:.1%})"
    )


def reference_to_dict(reference: ModelReference | None) -> dict[str, Any] | None:
    """Convert a reference to JSON for people and programs: without its matrix."""
    if reference is None:
        return None
    stopped = reference.stopped_share
    return {
        "made_at": reference.made_at,
        "decoder_version": reference.decoder_version,
        "photos": dict(reference.photos),
        "parts": dict(reference.parts),
        "provisional": reference.provisional,
        "expected_share_stopped": 1 / (reference.part_count + 1),
        "largest_share_stopped": reference.false_alarm_bound,
        "learned_parts_stopped": {
            "count": stopped.count,
            "of": stopped.total,
            "share": stopped.share,
            "interval": list(stopped.confidence_interval),
        },
        "ranges": {name: list(learned) for name, learned in reference.ranges.items()},
        "limit": reference.limit,
    }


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {label}" for label, count in sorted(counts.items()))
