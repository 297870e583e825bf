"""Figures in words: names, values with their intervals, verdicts, as pages and screens say them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any

from markupsafe import Markup

from throughline.declarations import declarations
from throughline.errors import printable
from throughline.report.chart import grouped, number

MOODS = {
    "shown equal": "good",
    "compatible": "flat",
    "not reproduced": "bad",
    "better": "good",
    "worse": "bad",
    "not shown": "flat",
    "equal": "flat",
    "kept": "good",
    "refused": "bad",
    "holds": "good",
    "does not hold": "bad",
}
# What Markdown or HTML would act on; GitHub acts on the others after a backslash, too: a name
# behind `@` is written to, a number behind `#` is linked.
SPECIAL = {ord(sign): f"\\{sign}" for sign in "\\|`*_<>[]!&~$"} | {
    ord(sign): f"{sign}\u200b" for sign in "@#:"
}
# The longer side of an interval is at most so many times the shorter one, or both ends are said.
UNEVEN = 2
SHOWN = Markup('<span class="figure"{}>{}{}</span>')


def plain_markdown(text: str) -> str:
    r"""A text on one line that is nothing else in Markdown: no link, cell, name or HTML.

    Example:
        >>> print(plain_markdown("a_b <i>"))
        a\_b \<i\>
    """
    return " ".join(printable(text).split()).translate(SPECIAL)


@cache
def _names() -> dict[str, str]:
    """What a reader says for the names of figures, as each is declared beside its formula."""
    found = declarations("evaluation/measure", "SPOKEN").values()
    return {name: said for names in found for name, said in names.items()}


def spoken(metric: str) -> str:
    """The name of a metric as a reader says it."""
    target, _, own = metric.rpartition(".")
    return f"{target} {_names().get(own, own.replace('_', ' '))}".strip()


def mood(verdict: str) -> str:
    """The class of a verdict's colour."""
    return MOODS.get(verdict, "flat")


def plus_minus(figure: Mapping[str, Any]) -> str:
    """A figure with half of its 95 % interval, to the digits that the interval leaves it.

    Where the value lies far from the middle both ends are said: a loss of 0.04 ± 0.07 would seem to
    fall below 0, an accuracy of 1 ± 0.06 to rise above 1.
    """
    value, spread = _parted(figure)
    return f"{value} {spread}" if spread else value


def _parted(figure: Mapping[str, Any]) -> tuple[str, str]:
    value, low, high = figure["value"], figure.get("low"), figure.get("high")
    if low is None or high is None or high <= low:
        return f"{value:.4g}", ""
    below, above = value - low, high - value
    half = (high - low) / 2
    decimals = max(0, 1 - math.floor(math.log10(half)))
    if max(below, above) > UNEVEN * min(below, above):
        ends = (f"{end:.{decimals}f}" for end in (low, high))
        return f"{value:.{decimals}f}", f"({' to '.join(ends)})"
    spread = f"± {float(f'{half:.2g}'):.{decimals}f}"
    return f"{value:.{decimals}f}", spread.rstrip("0").rstrip(".") if decimals else spread


def ranged(figure: Mapping[str, Any] | None) -> Markup:
    """A figure with half of its interval; the whole interval appears under the pointer."""
    if figure is None:
        return Markup('<span class="range">–</span>')
    value, half = map(grouped, _parted(figure))
    few = figure.get("decided_by")
    rest = Markup('<span class="range"> {}</span>').format(half) if half else Markup("")
    if few:
        rows = "1 row decides" if few == 1 else f"{few} rows decide"
        doubt = "it may be too narrow" if half else "no interval"
        rest += Markup('<span class="few">{}; {}</span>').format(rows, doubt)
    return SHOWN.format(_interval(figure) if half else "", value, rest)


def _interval(figure: Mapping[str, Any]) -> Markup:
    ends = number(figure["low"]), number(figure["high"])
    return Markup(' title="95 % interval {} to {}"').format(*ends)


def signed(difference: Mapping[str, Any]) -> Markup:
    """A difference with its sign; its interval appears under the pointer."""
    low = difference["low"]
    return SHOWN.format(_interval(difference) if low is not None else "", change(difference), "")


def change(difference: Mapping[str, Any], key: str = "value") -> str:
    """A difference, or an end of its interval, with its sign."""
    value = float(f"{difference[key]:.3g}")
    return f"+{number(value)}" if value > 0 else number(value)


def verdict_in_words(difference: Mapping[str, Any]) -> str:
    """What a difference shows, in words: what is not shown may still be there."""
    said: str = difference["verdict"]
    if said == "not shown" and difference["low"] is not None:
        return f"not shown (could be {change(difference, 'low')} to {change(difference, 'high')})"
    if said == "equal":
        return f"equal within {difference['margin']:g}"
    return said
