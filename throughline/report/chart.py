"""Line charts, scatter plots and histograms as SVG text whose bytes depend on the numbers alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

WIDTH, HEIGHT = 460, 300
LEFT, RIGHT, TOP, BOTTOM = 58, 16, 14, 44


def number(value: float) -> str:
    """A number for a reader: four significant digits, no exponent where it can be avoided."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else "–"
    if float(value).is_integer() and abs(value) < 1e6:
        return _grouped(f"{int(value):,}")
    text = f"{value:.4g}"
    return _grouped(f"{float(text):,.0f}" if "e+" in text else text)


def _grouped(text: str) -> str:
    """Thousands apart by a thin space, and a minus that is one."""
    return text.replace(",", "\u202f").replace("-", "−") if "e" not in text else text


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers between two bounds, at most `most` of them or one more."""
    span = high - low
    if span <= 0:
        return [low]
    rough = span / (most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


@dataclass
class Chart:
    """A plot with two axes; marks are added one after the other.

    Args:
        x, y: the bounds of the axes.
        x_title, y_title: what they show, with unit.
        alt: the plot in a sentence, for those who do not see it.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    x_title: str
    y_title: str
    alt: str
    width: int = WIDTH
    height: int = HEIGHT
    _marks: list[str] = field(default_factory=list)
    _legend: list[tuple[str, str]] = field(default_factory=list)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """A point of the axes as pixels."""
        across = (x - self.x[0]) / ((self.x[1] - self.x[0]) or 1)
        up = (y - self.y[0]) / ((self.y[1] - self.y[0]) or 1)
        return (
            LEFT + across * (self.width - LEFT - RIGHT),
            self.height - BOTTOM - up * (self.height - TOP - BOTTOM),
        )

    def line(self, points: Sequence[tuple[float, float]], kind: str, name: str = "") -> None:
        """Points joined by a line of the class `kind`."""
        pixels = " ".join(f"{px:.1f},{py:.1f}" for px, py in (self.at(*p) for p in points))
        self._marks.append(f'<polyline class="{kind}" points="{pixels}"/>')
        if name:
            self._legend.append((kind, name))

    def dots(
        self, points: Sequence[tuple[float, float]], kind: str, size: float = 2.5, name: str = ""
    ) -> None:
        """A dot for each point."""
        pixels = (self.at(*point) for point in points)
        circles = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size:g}"/>' for x, y in pixels)
        self._marks.append(f'<g class="dot {kind}">{circles}</g>')
        if name:
            self._legend.append((f"dot {kind}", name))

    def bar(self, low: float, high: float, top: float, kind: str, hint: str) -> None:
        """A bar between two positions of the x axis, with a hint for the pointer."""
        left, upper = self.at(low, top)
        right, base = self.at(high, self.y[0])
        self._marks.append(
            f'<rect class="bar {kind}" x="{left + 0.5:.1f}" y="{upper:.1f}" '
            f'width="{max(right - left - 1, 0.5):.1f}" height="{max(base - upper, 0):.1f}">'
            f"<title>{escape(hint)}</title></rect>"
        )

    def image(self, data: str) -> None:
        """A picture that fills the plot."""
        left, upper = self.at(self.x[0], self.y[1])
        right, base = self.at(self.x[1], self.y[0])
        self._marks.append(
            f'<image x="{left:.1f}" y="{upper:.1f}" width="{right - left:.1f}" '
            f'height="{base - upper:.1f}" preserveAspectRatio="none" href="{data}"/>'
        )

    def mark(self, x: float, name: str) -> None:
        """A vertical line with a name."""
        left, base = self.at(x, self.y[0])
        _, upper = self.at(x, self.y[1])
        late = x > (self.x[0] + self.x[1]) / 2
        anchor, shift = ("end", -5) if late else ("start", 5)
        self._marks.append(
            f'<line class="mark" x1="{left:.1f}" x2="{left:.1f}" y1="{base:.1f}" y2="{upper:.1f}"/>'
            f'<text class="name" x="{left + shift:.1f}" y="{upper + 11:.1f}" '
            f'text-anchor="{anchor}">{escape(name)}</text>'
        )

    def svg(self) -> str:
        """The plot as an SVG element, its legend below the axes' titles."""
        parts = [
            f'<svg class="chart" viewBox="0 0 {self.width} {self.height}" role="img" '
            f'aria-label="{escape(self.alt)}">',
            *self._axes(),
            *self._marks,
            "</svg>",
        ]
        return "".join(parts) + self._legend_below()

    def _legend_below(self) -> str:
        if not self._legend:
            return ""
        entries = "".join(
            f'<span><svg width="22" height="10" aria-hidden="true">{_sample(kind)}</svg>'
            f"{escape(name)}</span>"
            for kind, name in self._legend
        )
        return f'<div class="legend">{entries}</div>'

    def _axes(self) -> list[str]:
        base, right = self.height - BOTTOM, self.width - RIGHT
        parts = []
        for value in ticks(*self.y, 5):
            _, y = self.at(self.x[0], value)
            parts.append(f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(
                f'<text class="tick" x="{LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">'
                f"{number(value)}</text>"
            )
        for value in ticks(*self.x):
            x, _ = self.at(value, self.y[0])
            parts.append(
                f'<text class="tick" x="{x:.1f}" y="{base + 16}" text-anchor="middle">'
                f"{number(value)}</text>"
            )
        middle = (LEFT + right) / 2
        parts.append(f'<line class="axis" x1="{LEFT}" x2="{right}" y1="{base}" y2="{base}"/>')
        parts.append(
            f'<text class="title" x="{middle:.1f}" y="{self.height - 8}" text-anchor="middle">'
            f"{escape(self.x_title)}</text>"
        )
        across = (TOP + base) / 2
        parts.append(
            f'<text class="title" x="13" y="{across:.1f}" text-anchor="middle" '
            f'transform="rotate(-90 13 {across:.1f})">{escape(self.y_title)}</text>'
        )
        return parts


def _sample(kind: str) -> str:
    if kind.startswith("dot"):
        return f'<g class="{kind}"><circle cx="11" cy="5" r="4"/></g>'
    return f'<polyline class="{kind}" points="1,5 21,5"/>'


def bounds(values: Sequence[float], margin: float = 0.05) -> tuple[float, float]:
    """The range of values with a margin; never empty."""
    low, high = min(values), max(values)
    room = (high - low) * margin or abs(high) * margin or 1.0
    return low - room, high + room
