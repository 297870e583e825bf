"""The plots of a profile page, each as SVG to stand inside the page."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from throughline.profile.facts import Fact

COLOUR = "#31688e"
ACCENT = "#d1495b"
WIDTH, HEIGHT = 260, 120
# A panel of the scatter matrix is 1 wide, with a little room to the next.
PANEL = 1.12
# More points are one black spot, and an SVG holds each of them.
MOST_POINTS = 400
MOST_BARS = 20


def svg(figure: Figure) -> str:
    """A figure as SVG whose bytes depend on its content alone."""
    import matplotlib as mpl
    from matplotlib.text import Text

    file = io.StringIO()
    for drawn in figure.findobj(Text):
        # A `$` in a name is no formula.
        drawn.set_parse_math(False)
    look = {"svg.hashsalt": "throughline", "svg.fonttype": "none", "text.parse_math": False}
    with mpl.rc_context(look):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    # The parts before the element belong to a file of its own; addresses are no use here.
    text = file.getvalue()
    return re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def distribution(column: pd.Series, fact: Fact) -> str:
    """A histogram with its cumulative curve, or the most frequent values as bars.

    Drawn without matplotlib, which takes a tenth of a second for each of many small figures.
    """
    if not fact.is_numeric:
        return _bars(list(fact.counts.items())[:MOST_BARS])
    values = _finite(column)
    counts, _ = np.histogram(values, bins=min(40, max(5, fact.distinct)))
    step = WIDTH / len(counts)
    bars = "".join(
        f'<rect x="{step * i:.1f}" y="{HEIGHT - HEIGHT * n / counts.max():.1f}" '
        f'width="{step * 0.9:.1f}" height="{HEIGHT * n / counts.max():.1f}" fill="{COLOUR}"/>'
        for i, n in enumerate(counts)
    )
    share = np.concatenate([[0], np.cumsum(counts) / counts.sum()])
    curve = " ".join(f"{step * i:.1f},{HEIGHT * (1 - s):.1f}" for i, s in enumerate(share))
    line = f'<polyline points="{curve}" fill="none" stroke="{ACCENT}"/>'
    ends = _text(0, HEIGHT + 12, f"{fact.low:.4g}")
    ends += _text(WIDTH, HEIGHT + 12, f"{fact.high:.4g}", "end")
    return _drawing(HEIGHT + 16, bars + line + ends)


def _bars(counts: Sequence[tuple[str, int]]) -> str:
    most = max(count for _, count in counts)
    parts = []
    for row, (name, count) in enumerate(counts):
        width = WIDTH * 0.5 * count / most
        parts.append(
            f'<rect x="{WIDTH * 0.4:.1f}" y="{14 * row}" width="{width:.1f}" height="11" '
            f'fill="{COLOUR}"/>'
            + _text(WIDTH * 0.38, 14 * row + 9, name[:22], "end")
            + _text(WIDTH * 0.42 + width, 14 * row + 9, str(count))
        )
    return _drawing(14 * len(counts) + 4, "".join(parts))


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    from html import escape

    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="10" text-anchor="{anchor}">{escape(text)}</text>'
    )


def _drawing(height: int, content: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">{content}</svg>'


def boxes(frame: pd.DataFrame, numbers: Sequence[Fact]) -> str:
    """Box plots of all numbers, each in units of its standard deviation."""
    figure = _figure(8, 0.28 * len(numbers) + 0.8)
    axes = figure.subplots()
    values = [(_finite(frame[f.name]) - f.mean) / (f.sd or 1.0) for f in numbers][::-1]
    summaries = [_box(part) for part in values]
    axes.bxp(summaries, orientation="horizontal", showfliers=False, widths=0.6)
    axes.set_yticklabels([fact.name for fact in numbers][::-1], fontsize=7)
    axes.set_xlabel("standard deviations from the mean; whiskers at 1.5 interquartile ranges")
    return svg(figure)


def _box(values: np.ndarray[Any, Any]) -> dict[str, float]:
    first, middle, third = np.quantile(values, [0.25, 0.5, 0.75])
    reach = 1.5 * (third - first)
    inside = values[(values >= first - reach) & (values <= third + reach)]
    return {
        "med": middle, "q1": first, "q3": third, "whislo": inside.min(), "whishi": inside.max()
    }  # fmt: skip


def missing(numbers: Sequence[Fact]) -> str:
    """The share of missing values of the columns that have any."""
    figure = _figure(8, 0.25 * len(numbers) + 0.7)
    axes = figure.subplots()
    shares = [100 * fact.missing / fact.rows for fact in numbers][::-1]
    axes.barh([fact.name for fact in numbers][::-1], shares, color=COLOUR)
    axes.set_xlabel("% missing")
    axes.tick_params(labelsize=7)
    return svg(figure)


def correlations(table: pd.DataFrame) -> str:
    """Pearson's correlation of each pair of numbers, as a heat map."""
    size = 0.32 * len(table) + 1.6
    figure = _figure(size + 0.6, size)
    axes = figure.subplots()
    image = axes.imshow(table.to_numpy(), cmap="RdBu_r", vmin=-1, vmax=1)
    axes.set_xticks(range(len(table)), list(table.columns), rotation=90, fontsize=7)
    axes.set_yticks(range(len(table)), list(table.columns), fontsize=7)
    if len(table) <= 16:
        for (row, column), value in np.ndenumerate(table.to_numpy()):
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=5)
    figure.colorbar(image, ax=axes, shrink=0.8)
    return svg(figure)


def scatter_matrix(frame: pd.DataFrame, names: Sequence[str], target: str, classes: bool) -> str:
    """Every pair of a few numbers, coloured by the target."""
    step = max(1, len(frame) // MOST_POINTS)
    rows = frame.iloc[::step]
    groups = _groups(rows[target], classes)
    size = len(names)
    # One pair of axes with all panels in it: axes of their own take four times as long.
    figure = _figure(1.8 * size, 1.8 * size)
    axes = figure.subplots()
    scaled = {name: _to_unit(rows[name]) for name in names}
    for i, below in enumerate(names):
        for j, left in enumerate(names):
            corner_x, corner_y = j * PANEL, (size - 1 - i) * PANEL
            if i == j:
                counts, edges = np.histogram(_finite(scaled[below]), bins=20)
                heights = counts / max(1, counts.max())
                axes.bar(
                    corner_x + edges[:-1], heights, 0.045, corner_y, color=COLOUR, align="edge"
                )
                continue
            for number, held in enumerate(groups):
                axes.plot(
                    corner_x + scaled[left][held], corner_y + scaled[below][held], ".",
                    markersize=2.5, color=f"C{number % 10}",
                )  # fmt: skip
    places = [PANEL * i + 0.5 for i in range(size)]
    axes.set_xticks(places, list(names), fontsize=8)
    axes.set_yticks(places[::-1], list(names), fontsize=8, rotation=90, va="center")
    axes.tick_params(length=0)
    return svg(figure)


def _to_unit(column: pd.Series) -> pd.Series:
    low, high = column.min(), column.max()
    scaled: pd.Series = (column - low) / ((high - low) or 1.0)
    return scaled


def _groups(target: pd.Series, classes: bool) -> list[pd.Series]:
    """Which rows have each class, or each quarter of a number."""
    if classes:
        return [target == value for value in sorted(target.dropna().unique(), key=str)[:10]]
    low, middle, high = target.quantile([0.25, 0.5, 0.75])
    return [
        target <= low,
        (target > low) & (target <= middle),
        (target > middle) & (target <= high),
        target > high,
    ]


def hexbin(frame: pd.DataFrame, across: str, up: str) -> str:
    """How many rows lie where, for one pair of numbers."""
    rows = frame[[across, up]].dropna()
    figure = _figure(5, 3.8)
    axes = figure.subplots()
    image = axes.hexbin(rows[across], rows[up], gridsize=24, mincnt=1, cmap="viridis")
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    figure.colorbar(image, ax=axes, label="rows")
    return svg(figure)


def over_time(frame: pd.DataFrame, time: str, value: str) -> str:
    """One number in the order of the rows, with the mean of a twelfth of them moving along."""
    step = max(1, len(frame) // MOST_POINTS)
    values = frame[value].astype(float)
    smooth = values.rolling(max(2, min(len(values) // 12, 365)), min_periods=1).mean()
    figure = _figure(8, 2.6)
    axes = figure.subplots()
    places = np.arange(len(values))[::step]
    axes.plot(places, values.iloc[::step], color=COLOUR, linewidth=0.8)
    axes.plot(places, smooth.iloc[::step], color=ACCENT, linewidth=1.4)
    marks = np.linspace(0, len(values) - 1, 6).astype(int)
    axes.set_xticks(marks, [str(frame[time].iloc[mark]) for mark in marks], fontsize=7)
    axes.set_ylabel(value)
    return svg(figure)


def _finite(column: pd.Series) -> np.ndarray[Any, Any]:
    values = column.dropna().to_numpy(dtype=float)
    finite: np.ndarray[Any, Any] = values[np.isfinite(values)]
    return finite
