"""How well two judges of the same photos agree, beyond what chance alone would make them agree."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from workflow.inspections.inspection import SecondLook
from workflow.inspections.verdict import Verdict
from workflow.intervals import Z95, Rate


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of one pair of judges, or of all; intervals hold 95 %.

    `kappa` is None where chance alone would make them agree always: then it says nothing.
    """

    judges: tuple[str, str]
    photos: int
    agreed: int
    raw: float
    raw_interval: tuple[float, float]
    kappa: float | None
    kappa_interval: tuple[float, float] | None


def agreements(looks: Iterable[SecondLook]) -> list[Agreement]:
    """All first answers against all second ones, then each pair of judges, those with most photos first."""
    every: list[tuple[Verdict, Verdict]] = []
    pairs: dict[tuple[str, str], list[tuple[Verdict, Verdict]]] = {}
    for look in looks:
        said = (look.first_verdict, look.verdict)
        every.append(said)
        judges = (look.first_by, look.reviewer)
        if judges[0] > judges[1]:
            judges, said = (judges[1], judges[0]), (said[1], said[0])
        pairs.setdefault(judges, []).append(said)
    if not every:
        return []
    found = [agreement(judges, answers) for judges, answers in pairs.items()]
    return [agreement(("first", "second"), every), *sorted(found, key=lambda one: (-one.photos, one.judges))]


def agreement(judges: tuple[str, str], answers: list[tuple[Verdict, Verdict]]) -> Agreement:
    """Raw agreement with Wilson's interval, and Cohen's kappa with its large-sample interval.

    Kappa: J. Cohen, A coefficient of agreement for nominal scales, Educ. Psychol. Meas. 20 (1960). Its
    standard error: J. Fleiss, J. Cohen, B. Everitt, Large sample standard errors of kappa and weighted kappa,
    Psychol. Bull. 72 (1969), equation 13.
    """
    total = len(answers)
    agreed = sum(one is other for one, other in answers)
    kappa = _kappa(answers)
    return Agreement(
        judges, total, agreed, agreed / total, Rate(agreed, total).interval, *(kappa or (None, None))
    )


def _kappa(answers: list[tuple[Verdict, Verdict]]) -> tuple[float, tuple[float, float]] | None:
    n = len(answers)
    cells = {pair: count / n for pair, count in Counter(answers).items()}
    labels = sorted({label for pair in cells for label in pair})
    rows = {label: sum(p for (one, _), p in cells.items() if one is label) for label in labels}
    columns = {label: sum(p for (_, other), p in cells.items() if other is label) for label in labels}
    observed = sum(cells.get((label, label), 0.0) for label in labels)
    chance = sum(rows[label] * columns[label] for label in labels)
    if math.isclose(chance, 1.0):
        return None
    kappa = (observed - chance) / (1 - chance)
    on = sum(
        cells.get((label, label), 0.0) * (1 - (rows[label] + columns[label]) * (1 - kappa)) ** 2
        for label in labels
    )
    off = (1 - kappa) ** 2 * sum(
        p * (columns[one] + rows[other]) ** 2 for (one, other), p in cells.items() if one is not other
    )
    variance = (on + off - (kappa - chance * (1 - kappa)) ** 2) / (n * (1 - chance) ** 2)
    margin = Z95 * math.sqrt(max(0.0, variance))
    return kappa, (max(-1.0, kappa - margin), min(1.0, kappa + margin))
