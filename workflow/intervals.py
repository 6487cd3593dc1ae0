"""So many of so many, and how sure one can be of the share behind them."""

import math
from dataclasses import dataclass

Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Rate:
    """So many of so many, with the interval that holds the truth 95 times in 100.

    The interval is Wilson's: Probable inference, the law of succession, and statistical inference, J. Am.
    Stat. Assoc. 22 (1927).
    """

    count: int
    of: int

    @property
    def share(self) -> float:
        return self.count / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper bound, 0 to 1; everything is possible where nothing was seen."""
        if not self.of:
            return 0.0, 1.0
        share, weight = self.share, Z95**2 / self.of
        middle = (share + weight / 2) / (1 + weight)
        margin = Z95 / (1 + weight) * math.sqrt(share * (1 - share) / self.of + weight / (4 * self.of))
        return max(0.0, middle - margin), min(1.0, middle + margin)
