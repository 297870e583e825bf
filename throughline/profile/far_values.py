"""Values that stand for a missing one though they look like any other: `-999`, `1900-01-01`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from statistics import median

# A stand-in comes again, and what it stands among has values enough to tell how far they reach.
FEWEST_TIMES, FEWEST_OTHERS = 3, 5
# How far a value lies from all others, as a part of their range: any number, and one that people
# write for what they do not know.
FAR, FAR_IF_USUAL = 1.0, 0.2
USUAL = re.compile(r"-?9{2,}|-1|0|-?9{2,}\.9+")
# Such a step among few values is one more of them.
STEPS = 2
# A single negative number below many that are none.
FEWEST_ABOVE = 10
# The first and last days of calendars, spreadsheets and computers.
FIRST_DAYS = re.compile(
    r"(0000-00-00|1900-01-0[01]|1899-12-3[01]|1970-01-01|0001-01-01|1753-01-01|9999-12-31|2999-12-31"
    r"|0?1[./]0?1[./](1900|1970)|31[./]12[./](9999|2999)|12[./]31[./](9999|2999))([ T].*)?"
)


def far_value(numbers: Mapping[float, int]) -> float | None:
    """A number that recurs far below or above all others; None where there is none.

    Args:
        numbers: how often each comes.
    """
    values = sorted(numbers)
    if len(values) < FEWEST_OTHERS + 1:
        return None
    ends = (values[0], values[1], values[1:]), (values[-1], values[-2], values[:-1])
    for value, nearest, others in ends:
        if numbers[value] >= FEWEST_TIMES and _is_far(value, nearest, others):
            return value
        if value < 0 <= nearest and numbers[value] >= FEWEST_TIMES and _is_alone(value, others):
            return value
    return None


def _is_far(value: float, nearest: float, others: list[float]) -> bool:
    usual = USUAL.fullmatch(f"{value:.12g}") is not None
    gap, reach = abs(value - nearest), others[-1] - others[0]
    # 0 is one of the grades from 0 to 6, though it is a fifth of their range away.
    one_more = gap <= STEPS * median(b - a for a, b in pairwise(others))
    return gap >= (FAR_IF_USUAL if usual else FAR) * reach and not one_more


def _is_alone(value: float, others: list[float]) -> bool:
    """Whether a negative whole number, such as -1, is the only one beside whole numbers."""
    whole = all(each == int(each) for each in (value, *others[:FEWEST_ABOVE]))
    return whole and value >= -9 and len(others) >= FEWEST_ABOVE


def far_day(texts: Mapping[str, int]) -> str | None:
    """A day that a calendar begins or ends with and that recurs among others; else None."""
    found = [text for text, count in texts.items() if FIRST_DAYS.fullmatch(text) and count > 1]
    others = [text for text in texts if len(text) >= 8 and text not in found]
    if len(found) != 1 or len(others) < FEWEST_OTHERS:
        return None
    year = max(re.findall(r"\d{4}", found[0]), default="")
    return found[0] if not any(year in other for other in others) else None
