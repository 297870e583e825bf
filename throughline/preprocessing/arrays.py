"""Training arrays: what the graph makes of rows, without computing what is stored already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadData
from throughline.preprocessing import aligned
from throughline.preprocessing.bottleneck import SUFFIX
from throughline.preprocessing.graph.run import run

if TYPE_CHECKING:
    import pandas as pd

    from throughline.preprocessing.fit import Preprocessing

# Rows on which the graph is held against what is stored.
CHECKED = 8
TOLERANCE = 1e-4


def arrays(
    fitted: Preprocessing,
    rows: pd.DataFrame,
    gathered: Mapping[str, Any] | None = None,
    training: np.ndarray | None = None,
) -> dict[str, Any]:
    """For each network input the array of its features, rows first.

    Pictures that the graph leaves as they are and features that stage `bottleneck` stored are
    taken from there, after the graph gave the same for the first rows. Columns encoded by the
    target are what the graph gives, but for the rows that they were fitted on: those get the
    encoding of the other rows, out of fold.

    Args:
        fitted: a preprocessing.
        rows: raw rows.
        gathered: as for `run`. Default: none.
        training: numbers of the rows that the preprocessing was fitted on. Default: all.

    Raises:
        BadData: what is stored is not what the graph gives.
    """
    if not all(each.is_stored for each in fitted.network.values()):
        found = run(
            fitted.graph, rows, fitted.inputs, fitted.types, gathered=gathered,
            features=fitted.features,
            # Rows that are put in out of fold need an array to be put in.
            sparse=set(fitted.features) - set(fitted.out_of_fold),
        )  # fmt: skip
        return _with_out_of_fold(found, fitted, slice(None) if training is None else training)
    head = rows.head(CHECKED)
    expected = run(fitted.graph, head, fitted.inputs, fitted.types)
    columns = {
        name: each.column + (SUFFIX if each.stored else "") for name, each in fitted.network.items()
    }
    found = {name: _stacked(rows[column].to_list()) for name, column in columns.items()}
    for name, values in expected.items():
        given = found[name][: len(head)]
        scale = max(1.0, float(np.abs(values).max(initial=0)))
        if given.shape != values.shape or not np.allclose(given, values, atol=TOLERANCE * scale):
            raise BadData(
                f"Stored features of '{columns[name]}' must be what the graph gives",
                remedy="Run the stages 'ingest' and 'bottleneck' again",
            )
    return found


def _with_out_of_fold(
    found: dict[str, Any], fitted: Preprocessing, training: np.ndarray | slice
) -> dict[str, Any]:
    for name, parts in fitted.out_of_fold.items():
        for first, values in parts:
            found[name][training, first : first + values.shape[1]] = values
    return found


def _stacked(values: Sequence[np.ndarray]) -> np.ndarray:
    """The values of all rows, in memory that a training takes as it is."""
    shape = (len(values), *values[0].shape)
    return np.stack(values, out=aligned.empty(shape, values[0].dtype))
