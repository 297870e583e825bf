"""Calendar features: sine and cosine of hour, weekday and month, computed in the graph.

The input is `timestamp`, seconds of the wall clock since 1970. The month is found by whole-number
arithmetic (Howard Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from throughline.preprocessing.graph.builder import Graph

TIMESTAMP = "timestamp"
# Days from 1 March of the year 0 to 1 January 1970.
SHIFT = 719468
# 1 March of the year 0 was a Wednesday, the third day of a week that starts on Monday.
FIRST_WEEKDAY = 2
CYCLES = {"hour": 24, "weekday": 7, "month": 12}


def features(kinds: Sequence[str]) -> list[str]:
    """The names of the features."""
    return [f"{kind}_{wave}" for kind in kinds for wave in ("sin", "cos")]


class _Whole:
    """Arithmetic of whole numbers, each operation a node."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def _apply(self, operator: str, value: str, number: int) -> str:
        constant = self._graph.constant(number, f"calendar/{number}", np.int64)
        return self._graph.node(operator, [value, constant], f"calendar/{operator.lower()}")

    def plus(self, value: str, number: int) -> str:
        return self._apply("Add", value, number)

    def times(self, value: str, number: int) -> str:
        return self._apply("Mul", value, number)

    def over(self, value: str, number: int) -> str:
        return self._apply("Div", value, number)

    def modulo(self, value: str, number: int) -> str:
        return self._apply("Mod", value, number)

    def sum(self, value: str, other: str) -> str:
        return self._graph.node("Add", [value, other], "calendar/sum")

    def minus(self, value: str, other: str) -> str:
        return self._graph.node("Sub", [value, other], "calendar/sub")


def write_calendar(graph: Graph, seconds: str, kinds: Sequence[str]) -> list[str]:
    """Nodes of the calendar features.

    Args:
        graph: receives the nodes.
        seconds: name of an int64 tensor (rows, 1).
        kinds: `hour`, `weekday`, `month`.

    Returns:
        names of float tensors (rows, 1), in the order of `features`.
    """
    whole = _Whole(graph)
    shifted = whole.plus(seconds, SHIFT * 86400)
    days = whole.over(shifted, 86400)
    parts = {
        "hour": lambda: whole.over(whole.modulo(shifted, 86400), 3600),
        "weekday": lambda: whole.modulo(whole.plus(days, FIRST_WEEKDAY), 7),
        "month": lambda: _month(whole, days),
    }
    return [wave for kind in kinds for wave in _waves(graph, parts[kind](), kind)]


def waves(clock: np.ndarray, kinds: Sequence[str]) -> np.ndarray:
    """The calendar features of times, as a model has them.

    Args:
        clock: int64 (T,), seconds of the wall clock since 1970.
        kinds: `hour`, `weekday`, `month`.

    Returns:
        (T, features).
    """
    from onnx import TensorProto

    from throughline.preprocessing.graph.builder import Graph
    from throughline.preprocessing.graph.runtime import session_of

    if not kinds:
        return np.empty((len(clock), 0))
    graph = Graph()
    found = write_calendar(graph, graph.input(TIMESTAMP, "time", ["rows", 1]), kinds)
    for name in found:
        graph.output(name, TensorProto.FLOAT, ["rows", 1])
    return np.concatenate(session_of(graph.model()).run(None, {TIMESTAMP: clock[:, None]}), axis=1)


def _month(whole: _Whole, days: str) -> str:
    """The month, 0 for March to 11 for February; where the circle starts does not matter."""
    era = whole.over(days, 146097)
    day = whole.minus(days, whole.times(era, 146097))
    leaps = whole.sum(whole.over(day, 36524), day)
    leaps = whole.minus(leaps, whole.sum(whole.over(day, 1460), whole.over(day, 146096)))
    year = whole.over(leaps, 365)
    days_of_years = whole.sum(whole.times(year, 365), whole.over(year, 4))
    before = whole.minus(days_of_years, whole.over(year, 100))
    day_of_year = whole.minus(day, before)
    return whole.over(whole.plus(whole.times(day_of_year, 5), 2), 153)


def _waves(graph: Graph, number: str, kind: str) -> list[str]:
    """Sine and cosine of a whole number of a cycle."""
    from onnx import TensorProto

    value = graph.node("Cast", [number], f"{kind}/number", to=TensorProto.FLOAT)
    turn = graph.constant(2 * np.pi / CYCLES[kind], f"{kind}/turn")
    angle = graph.node("Mul", [value, turn], f"{kind}/angle")
    return [
        graph.node("Sin", [angle], f"{kind}_sin"),
        graph.node("Cos", [angle], f"{kind}_cos"),
    ]
