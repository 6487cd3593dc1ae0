"""Inter-rater agreement on the same photos, beyond the agreement expected by chance."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from workflow.inspections.inspection import SecondReview
from workflow.inspections.verdict import Verdict
from workflow.proportion import Z95, Proportion


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """The agreement of one pair of raters, or of all pairs, with 95 % confidence intervals.

    `kappa` is None if chance alone would make them agree always, since kappa is then undefined.
    """

    raters: tuple[str, str]
    photos: int
    agreed: int
    raw_agreement: float
    raw_interval: tuple[float, float]
    kappa: float | None
    kappa_interval: tuple[float, float] | None


def compute_agreements(second_reviews: Iterable[SecondReview]) -> list[Agreement]:
    """Compute the agreement of all first with all second verdicts, then of each pair of raters.

    The pairs are sorted by their number of photos, largest first. Empty without second reviews.
    """
    all_verdicts: list[tuple[Verdict, Verdict]] = []
    by_raters: dict[tuple[str, str], list[tuple[Verdict, Verdict]]] = {}
    for second in second_reviews:
        verdicts = (second.first_verdict, second.verdict)
        all_verdicts.append(verdicts)
        raters = (second.first_decided_by, second.reviewer)
        if raters[0] > raters[1]:
            raters, verdicts = (raters[1], raters[0]), (verdicts[1], verdicts[0])
        by_raters.setdefault(raters, []).append(verdicts)
    if not all_verdicts:
        return []
    pairs = [compute_agreement(raters, verdicts) for raters, verdicts in by_raters.items()]
    pairs.sort(key=lambda pair: (-pair.photos, pair.raters))
    return [compute_agreement(("first", "second"), all_verdicts), *pairs]


def compute_agreement(raters: tuple[str, str], verdicts: list[tuple[Verdict, Verdict]]) -> Agreement:
    """Compute raw agreement with Wilson's interval, and Cohen's kappa with its large-sample interval.

    Kappa: J. Cohen, A coefficient of agreement for nominal scales, Educ. Psychol. Meas. 20 (1960). Its
    standard error: J. Fleiss, J. Cohen, B. Everitt, Large sample standard errors of kappa and weighted kappa,
    Psychol. Bull. 72 (1969), equation 13.
    """
    total = len(verdicts)
    agreed = sum(first is second for first, second in verdicts)
    kappa, kappa_interval = _kappa(verdicts) or (None, None)
    return Agreement(
        raters=raters,
        photos=total,
        agreed=agreed,
        raw_agreement=agreed / total,
        raw_interval=Proportion(agreed, total).confidence_interval,
        kappa=kappa,
        kappa_interval=kappa_interval,
    )


def _kappa(verdicts: list[tuple[Verdict, Verdict]]) -> tuple[float, tuple[float, float]] | None:
    """Return kappa and its 95 % interval, or None if the agreement expected by chance is 1."""
    n = len(verdicts)
    cells = {pair: count / n for pair, count in Counter(verdicts).items()}
    labels = sorted({label for pair in cells for label in pair})
    rows = {label: sum(p for (first, _), p in cells.items() if first is label) for label in labels}
    columns = {label: sum(p for (_, second), p in cells.items() if second is label) for label in labels}
    observed = sum(cells.get((label, label), 0.0) for label in labels)
    chance = sum(rows[label] * columns[label] for label in labels)
    if math.isclose(chance, 1.0):
        return None
    kappa = (observed - chance) / (1 - chance)
    diagonal = sum(
        cells.get((label, label), 0.0) * (1 - (rows[label] + columns[label]) * (1 - kappa)) ** 2
        for label in labels
    )
    off_diagonal = (1 - kappa) ** 2 * sum(
        p * (columns[first] + rows[second]) ** 2
        for (first, second), p in cells.items()
        if first is not second
    )
    variance = (diagonal + off_diagonal - (kappa - chance * (1 - kappa)) ** 2) / (n * (1 - chance) ** 2)
    margin = Z95 * math.sqrt(max(0.0, variance))
    return kappa, (max(-1.0, kappa - margin), min(1.0, kappa + margin))
