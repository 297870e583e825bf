"""How many digits of a figure are written: those that mean something, and no more.

Two processors add the same numbers in another order and differ in the last of float32's seven
digits. Figures that such sums enter are therefore rounded where they are written into a file that
DVC records, after every gate, verdict and comparison was decided on what was measured.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

# What is exact but for the last bit of a division, and what judgements still read.
DIGITS = 6
# Figures in a report, as many as its page shows; six would have a last digit that follows the
# processor in 12 of 30 trials with one tiny regression, four in none.
FIGURE_DIGITS = 4
# A figure means nothing below so much of its 95 % interval, a residual of their spread: what is
# small because two large numbers cancel has fewer digits than they.
SHARE_OF_SPREAD = 1e-3
# Parts of a report with so many decimals at most: a cross-entropy, because a probability near 1
# has no more; what lies between 0 and 1 or is shown with no more.
DECIMALS = {
    "loss": 5,
    "train_loss": 5,
    "calibration": 4,
    "autocorrelation": 4,
    "mistakes": 3,
    "texts": 3,
    "words": 2,
}
# A difference of two models means nothing below so much of the figure in which they differ.
SHARE_OF_FIGURE = 1e-4
# The probability that a model gave to one row.
PROBABILITY_DIGITS = 3
# A number that a model answered to one row means nothing below a tenth of its usual error, nor
# beyond five digits.
SHARE_OF_ERROR, SHARE_OF_SIZE = 0.1, 1e-5
# Entries whose values a person wrote.
WRITTEN_BY_A_PERSON = frozenset({"arguments", "settings"})


def rounded(value: Any, digits: int = DIGITS) -> Any:
    """Numbers to so many significant digits, however deep they lie.

    Args:
        value: a number, a text, or lists and dictionaries of them. Whole numbers stay, and so does
            what a person wrote: the entries `arguments` and `settings`.
        digits: of each number. Default: 6.

    Returns:
        the same with Python's own numbers; None for one that is not finite.

    Example:
        >>> rounded({"loss": 0.123456789, "rows": 1234567, "arguments": {"C": 0.123456789}})
        {'loss': 0.123457, 'rows': 1234567, 'arguments': {'C': 0.123456789}}
    """
    if isinstance(value, Mapping):
        return _by_entry(value, lambda _, each: rounded(each, digits))
    if isinstance(value, list | tuple):
        return [rounded(each, digits) for each in value]
    return _number(value, digits, 0.0)


def rounded_report(value: Any, counted: Collection[str] = (), least: float = 0.0) -> Any:
    """What was measured, as a report says it: four digits, fewer where fewer mean something.

    Quotients of counts of rows, which no last bit moves, keep six, as do their intervals.

    Args:
        value: as in `rounded`.
        counted: names of figures that are such quotients. Default: none.
        least: what lies below means nothing, whatever the digits. Default: 0.

    Example:
        >>> rounded_report({"value": 0.0012345678, "low": -0.0456789, "high": 0.0567891})
        {'value': 0.0012, 'low': -0.0457, 'high': 0.0568}
    """
    if isinstance(value, Mapping):
        if _is_counted(str(value.get("metric")), counted):
            return rounded(value)
        least = max(least, SHARE_OF_SPREAD * _spread(value))
        compared = SHARE_OF_FIGURE * _compared(value)

        def entry(key: str, each: Any) -> Any:
            if _is_counted(key, counted):
                return rounded(each)
            if key.startswith("difference"):
                return rounded_report(each, counted, max(least, compared))
            smallest = 10.0 ** -DECIMALS[key] if key in DECIMALS else least
            return rounded_report(each, counted, smallest)

        return _by_entry(value, entry)
    if isinstance(value, list | tuple):
        return [rounded_report(each, counted, least) for each in value]
    return _number(value, FIGURE_DIGITS, least)


def _is_counted(figure: str, counted: Collection[str]) -> bool:
    """Whether a figure is a quotient of counts, or comes from the rounded scores of the folds."""
    name = figure.partition(":")[0]
    return name.startswith("cv_") or name.removeprefix("train_") in counted


def _by_entry(value: Mapping[str, Any], entry: Callable[[str, Any], Any]) -> dict[str, Any]:
    return {
        key: each if key in WRITTEN_BY_A_PERSON else entry(key, each) for key, each in value.items()
    }


def _spread(entry: Mapping[str, Any]) -> float:
    """The width of a figure's interval, or the spread of residuals; 0 for what has neither."""
    low, high, sd = (entry.get(name) for name in ("low", "high", "sd"))
    if isinstance(low, float) and isinstance(high, float) and math.isfinite(high - low):
        return high - low
    return sd if isinstance(sd, float) and math.isfinite(sd) else 0.0


def _compared(entry: Mapping[str, Any]) -> float:
    """The figure in which a model differs from another, where the entry has both; else 0."""
    found = entry.get("difference") or entry.get("difference_to_main") or {}
    figure = entry.get("metrics", {}).get(found.get("metric"), {})
    return float(abs(figure.get("value", 0.0)))


def _number(value: Any, digits: int, least: float) -> Any:
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if not isinstance(value, float | np.floating):
        return value
    if not math.isfinite(value):
        return None
    figure = float(f"{value:.{digits}g}")
    return figure if least <= 0 else round(figure, -math.floor(math.log10(least))) + 0.0


def to_digits(values: np.ndarray, digits: int) -> np.ndarray:
    """Numbers to so many significant digits.

    Example:
        >>> to_digits(np.array([0.98765432, 0.00012345, 0.0]), 3).tolist()
        [0.988, 0.000123, 0.0]
    """
    sizes = np.abs(np.where(values == 0, 1.0, values))
    return _to_places(values, digits - 1 - np.floor(np.log10(sizes)).astype(np.int64))


def to_meaning(answers: np.ndarray, actual: np.ndarray) -> np.ndarray:
    """Numbers that a model answered, to the decimals that mean something beside its errors.

    Args:
        answers: shape (N, k), finite.
        actual: the truth, likewise.

    Example:
        >>> actual = np.array([[20.0], [30.0], [40.0]])
        >>> to_meaning(actual + [[1.23456], [-2.34567], [0.98765]], actual).tolist()
        [[21.2], [27.7], [41.0]]
    """
    usual = SHARE_OF_ERROR * np.sqrt(((answers - actual) ** 2).mean(axis=0))
    least = SHARE_OF_SIZE * np.abs(actual).max(axis=0)
    step = np.maximum(np.maximum(usual, least), np.finfo(np.float64).tiny)
    return _to_places(answers, -np.floor(np.log10(step)).astype(np.int64))


def _to_places(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    # Whole powers of ten are exact numbers, those below 1 are not.
    places = np.clip(places, -300, 300)
    up, down = 10.0 ** np.maximum(places, 0), 10.0 ** np.maximum(-places, 0)
    return np.asarray(np.round(values * up / down) / up * down)


def order_of(error: float, least: float) -> float:
    """The power of ten that an error does not exceed, for errors whose size is chance.

    Args:
        error: not negative.
        least: the smallest answer; what lies below is not told apart.

    Example:
        >>> order_of(1.8e-07, 1e-06), order_of(3.2e-06, 1e-06), order_of(1e-05, 1e-06)
        (1e-06, 1e-05, 1e-05)
    """
    if error <= least or not math.isfinite(error):
        return max(error, least)
    # By decimal text, because 10.0 ** -5 need not be the number 1e-05.
    exponent = int(f"{error:e}".partition("e")[2])
    power = float(f"1e{exponent}")
    return power if error <= power else float(f"1e{exponent + 1}")
