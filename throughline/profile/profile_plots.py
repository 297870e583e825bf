"""The plots of a profile page."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.report.chart import Chart, bounds, number
from throughline.report.plots import bars, histogram

if TYPE_CHECKING:
    import pandas as pd
    from markupsafe import Markup

    from throughline.profile.facts import Fact

# More points are one black spot, and an SVG holds each of them.
MOST_POINTS, MOST_LINE = 400, 600
MOST_BARS = 20
MOST_CLASSES = 6
# Small ones stand beside each other.
SMALL: dict[str, Any] = {"width": 300, "height": 190}
# A density has so many cells a side.
CELLS = 24


def distribution(column: pd.Series, fact: Fact, **size: Any) -> Markup:
    """A histogram, or the most frequent values as bars."""
    alt = f"Distribution of {fact.name}"
    if not fact.is_numeric:
        levels = [(name, float(count)) for name, count in fact.counts.items()][:MOST_BARS]
        return bars(levels, "rows", alt, width=size.get("width")).svg()
    values = finite(column)
    counts, edges = np.histogram(values, bins=min(40, max(5, fact.distinct)))
    chart = histogram(counts.tolist(), edges.tolist(), fact.name, alt, **size)
    share = np.concatenate([[0.0], np.cumsum(counts) / counts.sum()]) * counts.max()
    # The cumulative share, from none at the bottom to all at the top.
    chart.line(list(zip(edges.tolist(), share.tolist(), strict=True)), "line b")
    return chart.svg()


def boxes(frame: pd.DataFrame, numbers: Sequence[Fact]) -> Markup:
    """Box plots of all numbers, each in units of its standard deviation."""
    boxes = [_box((finite(frame[f.name]) - f.mean) / (f.sd or 1.0)) for f in numbers][::-1]
    names = [fact.name for fact in numbers][::-1]
    chart = Chart(
        bounds([end for box in boxes for end in (box[0], box[-1])]),
        (-0.6, len(boxes) - 0.4),
        "standard deviations from the mean",
        "",
        f"Box plots of {len(boxes)} columns",
        height=70 + 22 * len(boxes),
        rows=names,
    )
    for row, (low, first, middle, third, high) in enumerate(boxes):
        chart.line([(low, row), (high, row)], "axis")
        hint = f"{names[row]}: the middle half from {number(first)} to {number(third)}"
        chart.span(first, third, row, 0.6, "a", hint)
        chart.line([(middle, row - 0.3), (middle, row + 0.3)], "line b")
    return chart.svg()


def _box(values: np.ndarray[Any, Any]) -> tuple[float, ...]:
    first, middle, third = np.quantile(values, [0.25, 0.5, 0.75])
    reach = 1.5 * (third - first)
    inside = values[(values >= first - reach) & (values <= third + reach)]
    return tuple(map(float, (inside.min(), first, middle, third, inside.max())))


def missing(lacking: Sequence[Fact]) -> Markup:
    """The share of missing values of the columns that have any."""
    shares = [(fact.name, 100 * fact.missing / fact.rows) for fact in lacking]
    return bars(shares, "% missing", f"Missing values of {len(lacking)} columns").svg()


def scatters(frame: pd.DataFrame, names: Sequence[str], target: str, classes: bool) -> list[Markup]:
    """Every pair of a few numbers, coloured by the target."""
    rows = frame.iloc[:: max(1, len(frame) // MOST_POINTS)]
    groups = _groups(rows[target], classes)
    drawn: list[Markup] = []
    for left, up in combinations(names, 2):
        points = rows[[left, up]].to_numpy(dtype=float)
        known = np.isfinite(points).all(axis=1)
        if not known.any():
            continue
        ends = [bounds(points[known, axis].tolist()) for axis in (0, 1)]
        chart = Chart(ends[0], ends[1], left, up, f"{up} against {left}", **SMALL)
        for place, (name, held) in enumerate(groups.items()):
            mine = points[known & held.to_numpy(dtype=bool)].tolist()
            # One legend says it for all.
            label = f"{target}: {name}" if not drawn else ""
            chart.dots([(x, y) for x, y in mine], f"class{place}", 2.2, label)
        drawn.append(chart.svg())
    return drawn


def _groups(target: pd.Series, classes: bool) -> dict[str, pd.Series]:
    """Which rows have each class, or each quarter of a number."""
    if classes:
        values = sorted(target.dropna().unique(), key=str)[:MOST_CLASSES]
        return {str(value): target == value for value in values}
    low, middle, high = target.quantile([0.25, 0.5, 0.75])
    return {
        "lowest quarter": target <= low,
        "second": (target > low) & (target <= middle),
        "third": (target > middle) & (target <= high),
        "highest": target > high,
    }


def density(frame: pd.DataFrame, across: str, up: str) -> Markup | None:
    """How many rows lie where, for one pair of numbers."""
    points = frame[[across, up]].to_numpy(dtype=float)
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points):
        return None
    counts, x, y = np.histogram2d(points[:, 0], points[:, 1], bins=CELLS)
    ends = (float(x[0]), float(x[-1])), (float(y[0]), float(y[-1]))
    chart = Chart(*ends, across, up, f"How many rows have which {across} and {up}", **SMALL)
    for i, j in np.argwhere(counts > 0).tolist():
        strength = 0.15 + 0.85 * float(counts[i, j] / counts.max())
        corners = (float(x[i]), float(x[i + 1]), float(y[j]), float(y[j + 1]))
        chart.cell(*corners, strength, f"{int(counts[i, j])} rows")
    return chart.svg()


def over_time(moments: np.ndarray[Any, Any], values: np.ndarray[Any, Any], name: str) -> Markup:
    """One number over time, with the mean of a twelfth of the rows moving along.

    Args:
        moments: seconds since 1970 of each row.
        values: of each row; NaN where missing.
        name: of the number.
    """
    order = np.argsort(moments, kind="stable")
    order = order[np.isfinite(values[order])]
    times, known = moments[order].astype(float), values[order]
    width = max(2, min(len(known) // 12, 365))
    total = np.concatenate([[0.0], np.cumsum(known)])
    smooth = (total[width:] - total[:-width]) / width
    step = max(1, len(known) // MOST_LINE)
    ends = (float(times[0]), max(float(times[-1]), float(times[0]) + 1))
    chart = Chart(ends, bounds(known.tolist()), "time", name, f"{name} over time", times=True)
    chart.line(list(zip(times[::step].tolist(), known[::step].tolist(), strict=True)), "line a")
    later = times[width - 1 :: step].tolist()
    mean = f"mean of {width} rows"
    chart.line(list(zip(later, smooth[::step].tolist(), strict=True)), "line b", mean)
    return chart.svg()


def finite(column: pd.Series) -> np.ndarray[Any, Any]:
    """The numbers of a column that are there and finite."""
    values = column.dropna().to_numpy(dtype=float)
    known: np.ndarray[Any, Any] = values[np.isfinite(values)]
    return known
