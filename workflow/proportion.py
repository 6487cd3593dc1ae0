"""Proportions with their 95 % confidence interval."""

import math
from dataclasses import dataclass

Z95 = 1.959963984540054


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
