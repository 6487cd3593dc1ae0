"""The thresholds of a first routing policy, from scores of photos that the model did not know."""

import math
from collections.abc import Iterable

from workflow.inspections.routing_policy import RoutingPolicy
from workflow.inspections.verdict import Verdict
from workflow.models.evaluation import OutOfFoldPhoto
from workflow.models.expected_errors import ESCAPE_LIMIT, find_threshold, score_out_of_fold

# A first policy trusts no score below this, however few errors were seen.
LEAST_THRESHOLD = 0.8
FALSE_ALARM_LIMIT = 0.02


def propose_thresholds(photos: Iterable[OutOfFoldPhoto], policy: RoutingPolicy) -> dict[str, float]:
    """Return the threshold of each verdict for a first policy; empty without scores of both.

    That of ok is the lowest from which at most ESCAPE_LIMIT of the defective parts were passed, and that of
    defects the lowest from which at most FALSE_ALARM_LIMIT of the sound parts were called defect; neither is
    below LEAST_THRESHOLD.
    """
    scored = score_out_of_fold(photos, policy)
    if {photo.truth for photo in scored} != {Verdict.OK, Verdict.DEFECT}:
        return {}
    limits = {Verdict.OK: ESCAPE_LIMIT, Verdict.DEFECT: FALSE_ALARM_LIMIT}
    found = {
        verdict: find_threshold(scored, policy, verdict, limit).value for verdict, limit in limits.items()
    }
    return {
        verdict.value: 1.0 if value is None else max(LEAST_THRESHOLD, math.ceil(value * 100 - 1e-6) / 100)
        for verdict, value in found.items()
    }
