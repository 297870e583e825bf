"""Parts of the test rows with figures of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadPipeline, nearest
from throughline.evaluation.outcome import Outcome
from throughline.evaluation.raw_rows import Rows

if TYPE_CHECKING:
    from throughline.pipeline.schema.judgement import Slice

# Values of a column that get a slice; the rarer ones share one.
MOST_VALUES = 30


def sliced(slices: list[Slice], parts: Any, outcome: Outcome) -> list[dict[str, Any]]:
    """For every slice that the file names its column, values, rows and figures.

    Args:
        slices: section `slices`.
        parts: the rows that are evaluated, and how some of them are measured.
        outcome: the answers to them.

    Raises:
        BadPipeline: a column that the rows do not have, or quantiles of text.
    """
    return [
        {
            "column": wanted.column,
            "value": name,
            "rows": int(mask.sum()),
            "metrics": parts.figures(outcome.part(mask), np.flatnonzero(mask)),
        }
        for wanted in slices
        for name, mask in _parts(wanted, parts.evaluated)
        if mask.any()
    ]


def _parts(wanted: Slice, rows: Rows) -> Iterator[tuple[str, np.ndarray]]:
    if wanted.column not in rows.columns:
        hint = nearest(wanted.column, rows.columns)
        raise BadPipeline("A slice needs a column of the rows", wanted.column, hint)
    values = rows.columns[wanted.column]
    if wanted.quantiles is not None:
        yield from _quantiles(wanted, values)
    else:
        yield from _values(values)


def _quantiles(wanted: Slice, values: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    if values.dtype.kind not in "iuf":
        raise BadPipeline(
            "Quantiles need a column of numbers", wanted.column, "Leave 'quantiles' out"
        )
    numbers = values.astype(np.float64)
    known = np.isfinite(numbers)
    if known.any():
        shares = np.linspace(0, 1, (wanted.quantiles or 2) + 1)
        bounds = np.unique(np.quantile(numbers[known], shares))
        group = np.searchsorted(bounds[1:-1], numbers, side="right")
        for i in range(max(len(bounds) - 1, 1)):
            low, high = bounds[i], bounds[min(i + 1, len(bounds) - 1)]
            yield f"{low:.6g} to {high:.6g}", known & (group == i)
    yield "missing", ~known


def _values(values: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    named = np.array(["missing" if v is None or v != v else _name(v) for v in values])
    names, counts = np.unique(named, return_counts=True)
    frequent = names[np.argsort(-counts, kind="stable")][:MOST_VALUES]
    for name in frequent:
        yield str(name), named == name
    yield "(all other values)", ~np.isin(named, frequent)


def _name(value: Any) -> str:
    number = float(value) if isinstance(value, float | np.floating) else None
    return f"{number:.6g}" if number is not None else str(value)
