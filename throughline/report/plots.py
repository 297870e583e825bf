"""Charts of one kind each: a histogram, lying bars, a line as high as a row of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from markupsafe import Markup

from throughline.report.chart import BOTTOM, HEIGHT, TOP, WIDTH, Chart, bounds, number


def histogram(
    counts: Sequence[int],
    edges: Sequence[float],
    title: str,
    alt: str,
    before: Sequence[float] = (),
    y_title: str = "rows",
    width: int = WIDTH,
    height: int = HEIGHT,
) -> Chart:
    """Bars over neighbouring parts of the x axis.

    Args:
        counts: of each part.
        edges: one more than `counts`.
        title: of the x axis, with unit.
        alt: the plot in a sentence.
        before: what the bars were in other rows, drawn as outlines. Default: nothing.
        y_title: what is counted.
        width, height: of the plot, in pixels.
    """
    top = max([*counts, *before], default=1) or 1
    chart = Chart((edges[0], edges[-1]), (0, top * 1.05), title, y_title, alt, width, height)
    for kind, heights in (("a", counts), ("ghost", before)):
        for low, high, count in zip(edges[:-1], edges[1:], heights, strict=False):
            hint = f"{number(low)} to {number(high)}: {number(count)}"
            chart.bar(float(low), float(high), float(count), kind, hint)
    return chart


def bars(
    values: Sequence[tuple[str, float]],
    title: str,
    alt: str,
    before: Sequence[float] = (),
    width: int | None = None,
) -> Chart:
    """A lying bar for each name, the first on top.

    Args:
        values: name and length.
        title: of the x axis, with unit.
        alt: the plot in a sentence.
        before: what the lengths were in other rows, drawn as outlines. Default: nothing.
        width: of the plot, in pixels. Default: the usual one.
    """
    lengths = [*(length for _, length in values), *before]
    span = min(0.0, *lengths), max(0.0, *lengths) or 1.0
    names = [name for name, _ in values][::-1]
    height = TOP + BOTTOM + 22 * len(values)
    chart = Chart(
        span,
        (-0.6, len(values) - 0.4),
        title,
        "",
        alt,
        width=width or WIDTH,
        height=height,
        rows=names,
    )
    for kind, drawn in (("a", [v for _, v in values]), ("ghost", before)):
        for row, length in zip(range(len(values))[::-1], drawn, strict=False):
            ends = min(0.0, length), max(0.0, length)
            chart.span(*ends, row, 0.7, kind, f"{names[row]}: {number(length)}")
    return chart


def spark(values: Mapping[str, float], name: str) -> Markup:
    """A line as high as a row of a table.

    Args:
        values: by the names of their places, in order.
        name: what they are.
    """
    low, high = bounds(list(values.values()), 0.2)
    places = [
        (4 + 92 * i / (len(values) - 1), 24 - 20 * (value - low) / (high - low))
        for i, value in enumerate(values.values())
    ]
    said = ", ".join(f"{place} {number(value)}" for place, value in values.items())
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    end = f'<g class="dot a"><circle cx="{places[-1][0]:.1f}" cy="{places[-1][1]:.1f}" r="3"/></g>'
    return Markup(
        f'<svg width="100" height="28" role="img" aria-label="{escape(f"{name}: {said}")}">'
        f"<title>{escape(said)}</title>"
        f'<polyline class="line a" points="{points}"/>{end}</svg>'
    )
