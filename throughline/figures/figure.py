"""A figure: what it is called, which way it is better, its limits, its unit."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple


class Limits(NamedTuple):
    """The smallest and the largest value that a figure can have."""

    low: float
    high: float


EVERYTHING = Limits(-math.inf, math.inf)
SHARE = Limits(0.0, 1.0)
NOT_NEGATIVE = Limits(0.0, math.inf)
# One less the ratio of two errors.
GAIN = Limits(-math.inf, 1.0)


@dataclass(frozen=True)
class Figure:
    """What is known of a figure before it has a value.

    Attributes:
        name: as it is printed.
        rises: whether a larger value is better; None where nobody says.
        limits: of its values.
        power: of the target's unit: 1 for an error, 2 for a squared one, 0 where the unit does not
            matter; None for a figure whose value for a scaled target says nothing about the target.
        of_rows: what each row of an outcome adds to it, (N,), where it is the mean of that.
        skewed: whether it is made of errors, of which a few can be much larger than the others.
        counted: whether it is a quotient of counts of rows.
        share_of: what it is a share of, by its name among the sums over rows; of several classes
            or labels it is not.
    """

    name: str
    rises: bool | None
    limits: Limits = EVERYTHING
    power: int | None = 0
    of_rows: Callable[[Any], Any] | None = None
    skewed: bool = False
    counted: bool = False
    share_of: str | None = None

    @property
    def averages(self) -> bool:
        """Whether it is the mean of what each row adds."""
        return self.of_rows is not None

    @property
    def scale(self) -> str:
        """On which its draws are nearest to normal: `gain`, `error` or `share`."""
        if self.limits == GAIN:
            return "gain"
        return "error" if self.rises is False else "share"

    def is_better(self, value: float, other: float) -> bool:
        """Whether a value is better than another one; it is not where nobody says which is."""
        if self.rises is None:
            return False
        return value > other if self.rises else value < other

    def best(self, values: Sequence[float]) -> int:
        """The position of the best value, the first of equals.

        Raises:
            ValueError: nobody says which way the figure is better.
        """
        if self.rises is None:
            raise ValueError(f"no direction is known of {self.name}")
        choose = max if self.rises else min
        return choose(range(len(values)), key=values.__getitem__)

    def in_unit(self, values: Sequence[float], unit: float) -> list[float]:
        """Values for a target that was divided by `unit`, as they are for the target itself."""
        factor = unit ** (self.power or 0)
        return [value * factor for value in values]
