"""Preprocessing over windows: the same steps a column as for rows, on (N, rows) instead of (N, 1).

At training a whole series is one long window, so the very graph that serves has made the arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from throughline.preprocessing.graph.layout import Layout
from throughline.samples.windows.calendar import TIMESTAMP, features, write_calendar
from throughline.samples.windows.smoothing import FAR, filtered, reach, rows_between, write_filters

if TYPE_CHECKING:
    from throughline.pipeline.schema.columns import Column
    from throughline.preprocessing.graph.builder import Graph
    from throughline.preprocessing.plan import Plan
    from throughline.samples.windows.frame import Series


class WindowLayout(Layout):
    """Windows of a series: raw columns are (N, length), features (N, length - context, features).

    Args:
        series: the rows that are fitted on.
        fitted: which of them may be used, shape (T,).
        plan: the columns.
        context: rows at the start of a window that only feed smoothing and changes.
        calendar: calendar features, added to the first network input.
    """

    def __init__(
        self,
        series: Series,
        fitted: np.ndarray,
        plan: Plan,
        context: int,
        calendar: Sequence[str],
    ) -> None:
        self._series = series
        self._fitted = fitted & series.present
        self._context = context
        self._calendar = list(calendar)
        self._first = next(iter(plan.inputs))
        self._example = next(iter(plan.raw))
        self._columns: dict[tuple[str, bool], str] = {}
        self._declared = False

    def input(self, graph: Graph, name: str, kind: str) -> None:
        """Declare a raw column, and before the first one the time."""
        if self._calendar and not self._declared:
            graph.input(TIMESTAMP, "time", ["N", "length"])
        self._declared = True
        graph.input(name, kind, ["N", "length"])

    def raw(self, graph: Graph, name: str, column: Column) -> str:
        """Rows of all windows one below the other, without the context where it is not used."""
        trimmed = not reach(column) and self._context > 0
        if (name, trimmed) not in self._columns:
            value = (
                rows_between(graph, name, self._context, FAR, f"{name}/rows") if trimmed else name
            )
            self._columns[name, trimmed] = self._flat(graph, value, name)
        return self._columns[name, trimmed]

    def _flat(self, graph: Graph, value: str, name: str) -> str:
        shape = graph.constant([-1, 1], f"{name}/column", np.int64)
        return graph.node("Reshape", [value, shape], f"{name}/flat")

    def finished(self, graph: Graph, value: str, name: str, column: Column) -> str:
        """Smoothing and change, back in the shape of windows."""
        own = reach(column)
        if not own:
            return value
        shape = graph.node("Shape", [self._example], f"{name}/shape")
        value = graph.node("Reshape", [value, shape], f"{name}/window")
        value = write_filters(graph, value, name, column)
        if self._context > own:
            value = rows_between(graph, value, self._context - own, FAR, f"{name}/newest")
        return self._flat(graph, value, name)

    def values(self, values: np.ndarray, column: Column) -> np.ndarray:
        """What a column is fitted on: values of rows that may be used, filtered within a series."""
        kept = self._fitted
        if reach(column):
            values = np.where(kept, values.astype(np.float64), np.nan)
            edges = self._series.starts
            runs = [values[a:b] for a, b in pairwise(edges)]
            values = np.concatenate([filtered(run, column) for run in runs])
            kept = kept & ~np.isnan(values)
        return np.asarray(values[kept])

    def more(self, graph: Graph, group: str) -> tuple[list[str], list[str]]:
        """Calendar features, in the first input."""
        if not self._calendar or group != self._first:
            return [], []
        value = TIMESTAMP
        if self._context:
            value = rows_between(graph, value, self._context, FAR, "timestamp/rows")
        seconds = self._flat(graph, value, TIMESTAMP)
        return write_calendar(graph, seconds, self._calendar), features(self._calendar)

    def output(
        self, graph: Graph, blocks: Sequence[str], group: str, element_type: int, features: int
    ) -> None:
        """Join the blocks and give them the shape (N, rows, features)."""
        table = graph.node("Concat", list(blocks), f"{group}/table", axis=1)
        shape = graph.node("Shape", [self._example], f"{group}/sizes", start=0, end=1)
        rest = graph.constant([-1, features], f"{group}/rest", np.int64)
        whole = graph.node("Concat", [shape, rest], f"{group}/shape", axis=0)
        graph.node("Reshape", [table, whole], group, exact=True)
        graph.output(group, element_type, ["N", "rows", features])


def context_of(plan: Plan) -> int:
    """Rows before the lookback that some column needs."""
    planned = [each for columns in plan.inputs.values() for each in columns]
    return max((reach(each.column) for each in planned), default=0)


def feed(
    series: Series, kinds: Mapping[str, str], rows: slice | np.ndarray
) -> dict[str, np.ndarray]:
    """Raw columns of some rows, each (rows,), as the graph takes them."""
    from throughline.preprocessing.raw import raw_values

    table = series.rows.iloc[rows]
    result = {}
    for name, kind in kinds.items():
        if kind == "time":
            result[name] = series.clock[rows]
        else:
            result[name] = raw_values(table, name, kind)
    return result
