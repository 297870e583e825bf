"""Number columns: missing values, clipping, logarithm and scaling, fitted and written as nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from throughline.errors import BadData, listed
from throughline.preprocessing.columns.kind import FittedColumn, Given, treats

if TYPE_CHECKING:
    from throughline.pipeline.schema.columns import Column
    from throughline.preprocessing.graph.builder import Graph
    from throughline.preprocessing.plan import Planned

MOST_ROWS = 5


@treats("")
@dataclass(frozen=True)
class FittedNumber(FittedColumn):
    """The constants of one number column."""

    name: str
    missing: tuple[float, ...]
    impute: float | None
    low: float | None
    high: float | None
    log: str | None
    subtract: float
    divide: float

    @classmethod
    def check(cls, name: str, kind: str, column: Column) -> None:
        """Refuse texts that nothing makes numbers of."""
        if kind == "string":
            raise BadData(
                f"Column '{name}' must hold numbers, or say how its texts are encoded",
                kind,
                f"Write `{name}: {{encode: one-hot}}`, mend the rows, or leave the column out",
            )
        super().check(name, kind, column)

    @classmethod
    def fit(cls, planned: Planned, given: Given) -> FittedNumber:
        """Fit the constants of a column on its training values."""
        return fit_number(planned.name, given.values(planned, np.float64), planned.column)

    @property
    def features(self) -> list[str]:
        """A number is one feature."""
        return [self.name]

    def cast(self, graph: Graph, value: str, kind: str) -> str:
        """Booleans as numbers."""
        return (
            graph.node("Cast", [value], f"{self.name}/number", to=1) if kind == "boolean" else value
        )

    def write(self, graph: Graph, value: str) -> str:
        """Nodes for the column alone."""
        return write_numbers(graph, [value], [self])

    @classmethod
    def write_block(
        cls, graph: Graph, values: Sequence[str], columns: Sequence[FittedNumber]
    ) -> str:
        """Nodes for neighbours with the same steps, as one block."""
        return write_numbers(graph, values, columns)

    @property
    def steps(self) -> tuple[object, ...]:
        """What happens to the column; columns with the same steps share their nodes."""
        return (
            self.missing,
            self.impute is not None,
            self.low is not None,
            self.high is not None,
            self.log,
            (self.subtract, self.divide) != (0.0, 1.0),
        )


def fit_number(name: str, values: np.ndarray, column: Column) -> FittedNumber:
    """Fit the constants of a column on its training values.

    Args:
        name: for messages.
        values: float64 of shape (rows,), NaN where missing.
        column: its treatment.

    Raises:
        BadData: a missing value that nothing fills, a constant column that cannot be scaled, a
            value whose logarithm does not exist.
    """
    missing = tuple(float(value) for value in column.missing)
    values = np.where(np.isin(values, missing), np.nan, values) if missing else values
    fill = _fill(name, values, column)
    values = np.where(np.isnan(values), np.nan if fill is None else fill, values)
    _no_rows_left(name, ~np.isfinite(values), "is missing or infinite", "an `impute`")
    low, high = (column.clip.low, column.clip.high) if column.clip else (None, None)
    if column.clip:
        values = np.clip(values, low, high)
    if column.log:
        argument = values + 1.0 if column.log == "plus-one" else values
        _no_rows_left(name, argument <= 0, "has no logarithm", "a `clip` or no `log`")
        values = np.log(argument)
    subtract, divide = scaling(name, values, column.scale)
    return FittedNumber(name, missing, fill, low, high, column.log, subtract, divide)


def scaling(name: str, values: np.ndarray, scale: object) -> tuple[float, float]:
    """The constants of (x - subtract) / divide, fitted on `values`.

    Raises:
        BadData: the column is constant, so that the divisor would be 0.
    """
    from throughline.pipeline.schema.columns import Scale

    if scale is None:
        return 0.0, 1.0
    assert isinstance(scale, Scale)
    if scale.kind == "constant":
        return scale.subtract, scale.divide
    if scale.kind == "standard":
        subtract, divide = values.mean(), values.std()
    elif scale.kind == "robust":
        first, subtract, third = np.percentile(values, [25, 50, 75])
        divide = third - first
    else:
        divide = values.max() - values.min()
        subtract = values.min() if scale.kind == "minmax" else values.mean()
    # A constant column of large numbers can have a tiny sd by rounding alone.
    if divide <= 1e-12 * max(1.0, float(np.abs(values).max())):
        raise BadData(
            f"Column '{name}' cannot be scaled by '{scale.kind}': "
            "its spread in the training rows is 0",
            float(values[0]),
            "Leave the column out, or scale it by constants",
        )
    return float(subtract), float(divide)


def _fill(name: str, values: np.ndarray, column: Column) -> float | None:
    if column.impute is None:
        return None
    present = values[~np.isnan(values)]
    kind = column.impute.kind
    if kind == "constant":
        try:
            return float(column.impute.value)  # type: ignore[arg-type]
        except ValueError:
            raise BadData(
                f"columns.{name}.impute.constant must be a number", column.impute.value
            ) from None
    if len(present) == 0:
        raise BadData(f"Column '{name}' has no value in the training rows to impute from")
    if kind == "mean":
        return float(present.mean())
    if kind == "median":
        return float(np.median(present))
    found, counts = np.unique(present, return_counts=True)
    return float(found[counts.argmax()])


def _no_rows_left(name: str, wrong: np.ndarray, what: str, remedy: str) -> None:
    if wrong.any():
        rows = np.flatnonzero(wrong)
        raise BadData(
            f"Column '{name}' must be a number in every training row; it {what} in "
            f"{len(rows)} of {len(wrong)} (rows {listed(rows[:MOST_ROWS])})",
            remedy=f"Mend the rows or give the column {remedy}",
        )


def write_numbers(graph: Graph, values: Sequence[str], fitted: Sequence[FittedNumber]) -> str:
    """Nodes for columns with the same steps, as one block.

    Args:
        graph: receives the nodes.
        values: name of the float tensor (N, 1) of each column.
        fitted: their constants.

    Returns:
        name of a float tensor (N, columns).
    """
    first = fitted[0]
    label = first.name if len(fitted) == 1 else f"{first.name}..{fitted[-1].name}"
    block = values[0]
    if len(values) > 1:
        block = graph.node("Concat", list(values), f"{label}/block", axis=1)

    def row(numbers: Sequence[float | None], name: str) -> str:
        return graph.constant(np.array([numbers], dtype=np.float32), f"{label}/{name}")

    for value in first.missing:
        stands = graph.constant(value, f"{label}/stands_for_missing")
        hidden = graph.node("Equal", [block, stands], f"{label}/is_hidden")
        nothing = graph.constant(np.nan, f"{label}/missing")
        block = graph.node("Where", [hidden, nothing, block], f"{label}/marked")
    if first.impute is not None:
        absent = graph.node("IsNaN", [block], f"{label}/is_missing")
        fill = row([each.impute for each in fitted], "fill")
        block = graph.node("Where", [absent, fill, block], f"{label}/imputed")
    if first.low is not None:
        block = graph.node("Max", [block, row([f.low for f in fitted], "low")], f"{label}/clipped")
    if first.high is not None:
        block = graph.node(
            "Min", [block, row([f.high for f in fitted], "high")], f"{label}/clipped"
        )
    if first.log == "plus-one":
        block = graph.node("Add", [block, row([1.0] * len(fitted), "one")], f"{label}/plus_one")
    if first.log is not None:
        block = graph.node("Log", [block], f"{label}/log")
    if first.steps[-1]:
        shift = row([f.subtract for f in fitted], "subtract")
        divisor = row([f.divide for f in fitted], "divide")
        block = graph.node("Sub", [block, shift], f"{label}/centred")
        block = graph.node("Div", [block, divisor], f"{label}/scaled")
    return block
