"""Guard `duplicates`: no test row may equal a training row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from throughline.guards.finding import Case, Observation, guard, value_hashes
from throughline.guards.near_rows import near_copies

# Columns by which most rows are told apart.
FIRST = 3


@guard("duplicates")
def duplicates(case: Case) -> Iterator[Observation]:
    """Test rows whose features all equal those of a training row.

    A network may know their answer by heart. Where the features have few values, equal rows are
    natural; then this is only a measure of how much is known already.
    """
    names = [name for name in case.columns if name in case.by_name]
    if not names or not (case.parts == "test").any():
        return
    known = _known(case, names)
    if len(known):
        count, total = len(known), int((case.parts == "test").sum())
        yield Observation(
            f"{count} of {total} {case.held} rows ({count / total:.1%}) equal a training row in "
            f"all {len(names)} features",
            rows=tuple(int(row) for row in known),
        )
    copies = near_copies(case)
    if len(copies):
        yield Observation(
            f"{len(copies)} test rows lie a hundred times nearer to a training row than rows do; "
            "are they copies with noise, or the same thing measured twice?",
            rows=tuple(int(row) for row in np.sort(copies)),
            certain=False,
        )


def _known(case: Case, names: list[str]) -> np.ndarray[Any, Any]:
    """Test rows that equal a training row, as positions.

    Only rows that agree in the first columns are looked at in all.
    """
    import pandas as pd

    places = np.flatnonzero((case.parts == "training") | (case.parts == "test"))
    for some in (names[:FIRST], names):
        if not len(places):
            break
        hashes = pd.Index(value_hashes(case.rows[some].iloc[places]))
        tested = case.parts[places] == "test"
        places = places[hashes.isin(hashes[tested]) & hashes.isin(hashes[~tested])]
    known: np.ndarray[Any, Any] = places[case.parts[places] == "test"]
    return known
