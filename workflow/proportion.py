"""Proportions with their 95 % confidence interval."""

import math
from dataclasses import dataclass

Z95 = 1.959963984540054
TAIL = 0.025


@dataclass(frozen=True, slots=True)
class Proportion:
    """A count out of a total, with its 95 % confidence interval.

    The interval is Wilson's: Probable inference, the law of succession, and statistical inference, J. Am.
    Stat. Assoc. 22 (1927).
    """

    count: int
    total: int

    @property
    def share(self) -> float:
        return self.count / self.total if self.total else 0.0

    @property
    def confidence_interval(self) -> tuple[float, float]:
        """Return lower and upper bound, 0 to 1. The interval is (0, 1) if the total is 0."""
        if not self.total:
            return 0.0, 1.0
        share, weight = self.share, Z95**2 / self.total
        middle = (share + weight / 2) / (1 + weight)
        margin = Z95 / (1 + weight) * math.sqrt(share * (1 - share) / self.total + weight / (4 * self.total))
        return max(0.0, middle - margin), min(1.0, middle + margin)

    def predict_count(self, total: int) -> tuple[int, int]:
        """Return the least and the largest count to expect among `total` further ones, with 95 % certainty.

        The interval is exact: given the sum of both counts, this one is hypergeometric. Thatcher,
        Relationships between Bayesian and confidence limits for predictions, J. R. Stat. Soc. B 26 (1964).
        """
        counts = range(total + 1)
        low = next((further for further in counts if self._tail(further, total, upper=True) > TAIL), total)
        high = next(
            (further for further in reversed(counts) if self._tail(further, total, upper=False) > TAIL), 0
        )
        return low, high

    def _tail(self, further: int, total: int, upper: bool) -> float:
        """Return the chance of this count or more (`upper`) or less, if `further` of `total` come after."""
        drawn = self.count + further
        least, most = max(0, drawn - total), min(drawn, self.total)
        counts = range(self.count, most + 1) if upper else range(least, self.count + 1)
        whole = _log_choose(self.total + total, drawn)
        return sum(
            math.exp(_log_choose(self.total, count) + _log_choose(total, drawn - count) - whole)
            for count in counts
        )


def _log_choose(total: int, count: int) -> float:
    return math.lgamma(total + 1) - math.lgamma(count + 1) - math.lgamma(total - count + 1)
