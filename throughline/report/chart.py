"""Line charts, scatter plots and histograms as SVG text whose bytes depend on the numbers alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape

from markupsafe import Markup

WIDTH, HEIGHT = 460, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 14, 44
# Millions and more, as units of measurement call them.
LARGE, BEYOND = {1e15: "P", 1e12: "T", 1e9: "G", 1e6: "M"}, 1e18
# Letters of a name along the y axis, and the width of one in pixels where they are widest.
LONGEST, LETTER = 20, 7


def number(value: float) -> str:
    """A number for a reader: four significant digits, no exponent where it can be avoided."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else "–"
    if float(value).is_integer() and abs(value) < 1e6:
        return grouped(f"{int(value):,}")
    text = f"{value:.4g}"
    return grouped(f"{float(text):,.0f}" if "e+" in text else text)


def grouped(text: str) -> str:
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


DAY, YEAR = 86400, 31_556_952
# Steps of a time axis in seconds, and the part of a moment as ISO 8601 writes it that tells them.
CLOCK = {60 * minutes: slice(5, 16) for minutes in (1, 5, 15, 30, 60, 180, 360, 720)}
STEPS = CLOCK | {DAY * days: slice(0, 10) for days in (1, 2, 7, 14)}
MONTHS = (1, 2, 3, 6, *(12 * years for years in (1, 2, 5, 10, 20, 50, 100, 1000, 10000)))


def time_ticks(low: float, high: float, most: int = 4) -> list[tuple[float, str]]:
    """Round moments between two bounds in seconds since 1970, each with its name."""
    span = max(high - low, 1.0)
    for step, part in STEPS.items():
        if span / step <= most:
            first = math.ceil(low / step)
            moments = [float(step * i) for i in range(first, math.floor(high / step) + 1)]
            return [(at, _moment(at)[part].replace("T", " ")) for at in moments]
    months = next(n for n in MONTHS if span / (n * YEAR / 12) <= most)
    every = max(1, months // 12)
    years = [datetime.fromtimestamp(bound, UTC).year for bound in (low, high)]
    begun = max(years[0] // every * every, every)
    moments = [
        datetime(year, month, 1, tzinfo=UTC).timestamp()
        for year in range(begun, years[1] + 1, every)
        for month in range(1, 13, months)
    ]
    return [(at, _moment(at)[: 4 if months >= 12 else 7]) for at in moments if low <= at <= high]


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


@dataclass
class Chart:
    """A plot with two axes; marks are added one after the other.

    Args:
        x, y: the bounds of the axes.
        x_title, y_title: what they show, with unit.
        alt: the plot in a sentence, for those who do not see it.
        times: the x axis holds moments, in seconds since 1970.
        rows: names along the y axis, from 0 upwards, in place of numbers.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    x_title: str
    y_title: str
    alt: str
    width: int = WIDTH
    height: int = HEIGHT
    times: bool = False
    rows: Sequence[str] = ()
    _marks: list[str] = field(default_factory=list)
    _legend: list[tuple[str, str]] = field(default_factory=list)

    @property
    def left(self) -> int:
        """Room for what stands along the y axis."""
        longest = max(map(len, self.rows), default=0)
        return LEFT + 7 * max(0, min(longest, LONGEST) - 3)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """A point of the axes as pixels."""
        across = (x - self.x[0]) / ((self.x[1] - self.x[0]) or 1)
        up = (y - self.y[0]) / ((self.y[1] - self.y[0]) or 1)
        return (
            self.left + across * (self.width - self.left - RIGHT),
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

    def span(self, low: float, high: float, row: float, thick: float, kind: str, hint: str) -> None:
        """A bar that lies along a row of the y axis, with a hint for the pointer."""
        left, upper = self.at(low, row + thick / 2)
        right, base = self.at(high, row - thick / 2)
        self._marks.append(
            f'<rect class="bar {kind}" x="{left:.1f}" y="{upper:.1f}" '
            f'width="{max(right - left, 0.5):.1f}" height="{base - upper:.1f}">'
            f"<title>{escape(hint)}</title></rect>"
        )

    def cell(
        self, left: float, right: float, low: float, high: float, strength: float, hint: str
    ) -> None:
        """A filled part of the plot, the stronger the darker, with a hint for the pointer."""
        x, y = self.at(left, high)
        end, base = self.at(right, low)
        self._marks.append(
            f'<rect class="bar a" fill-opacity="{strength:.2f}" x="{x:.1f}" y="{y:.1f}" '
            f'width="{end - x:.1f}" height="{base - y:.1f}"><title>{escape(hint)}</title></rect>'
        )

    def svg(self) -> Markup:
        """The plot as an SVG element, its legend below the axes' titles."""
        parts = [
            f'<svg class="chart" viewBox="0 0 {self.width} {self.height}" role="img" '
            f'aria-label="{escape(self.alt)}">',
            *self._axes(),
            *self._marks,
            "</svg>",
        ]
        return Markup("".join(parts) + self._legend_below())

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
        base, left, right = self.height - BOTTOM, self.left, self.width - RIGHT
        up = [(value, _tick(value)) for value in ticks(*self.y, 5)]
        if self.rows:
            up = [(float(i), _short(name)) for i, name in enumerate(self.rows)]
        parts = []
        for value, name in up:
            _, y = self.at(self.x[0], value)
            if not self.rows:
                parts.append(
                    f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
                )
            parts.append(_text("tick", left - 7, y + 4, name, "end"))
        across = (
            time_ticks(*self.x)
            if self.times
            else [(v, _tick(v)) for v in ticks(*self.x, max(4, (self.width - left) // 64))]
        )
        for value, name in across:
            x, _ = self.at(value, self.y[0])
            parts.append(_text("tick", x, base + 16, name))
        parts.append(f'<line class="axis" x1="{left}" x2="{right}" y1="{base}" y2="{base}"/>')
        x_title = _short(self.x_title, (right - left) // LETTER)
        parts.append(_text("title", (left + right) / 2, self.height - 8, x_title))
        if not self.y_title:
            return parts
        y_title = _short(self.y_title, (base - TOP) // LETTER)
        turned = f' transform="rotate(-90 13 {(TOP + base) / 2:.1f})"'
        parts.append(_text("title", 13, (TOP + base) / 2, y_title, more=turned))
        return parts


def _text(kind: str, x: float, y: float, said: str, anchor: str = "middle", more: str = "") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>'
        f"{escape(said)}</text>"
    )


def _tick(value: float) -> str:
    """A number beside an axis, where there is no room for many zeros."""
    for size, letter in LARGE.items():
        if abs(value) >= size:
            return f"{number(value / size)} {letter}" if abs(value) < BEYOND else f"{value:.1e}"
    return number(value)


def _short(name: str, most: int = LONGEST) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _sample(kind: str) -> str:
    if kind.startswith("dot"):
        return f'<g class="{kind}"><circle cx="11" cy="5" r="4"/></g>'
    return f'<polyline class="{kind}" points="1,5 21,5"/>'


def bounds(values: Sequence[float], margin: float = 0.05) -> tuple[float, float]:
    """The range of values with a margin; never empty."""
    low, high = min(values), max(values)
    room = (high - low) * margin or abs(high) * margin or 1.0
    return low - room, high + room
