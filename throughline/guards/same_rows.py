"""Guard `duplicates`: no test row may equal a training row."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from throughline.guards.finding import Case, Observation, guard, value_hashes
from throughline.guards.near_rows import near_copies


@guard("duplicates")
def duplicates(case: Case) -> Iterator[Observation]:
    """Test rows whose features all equal those of a training row.

    A network may know their answer by heart. Where the features have few values, equal rows are
    natural; then this is only a measure of how much is known already.
    """
    names = [name for name in case.columns if name in case.rows.columns]
    if not names or not (case.parts == "test").any():
        return
    hashes = value_hashes(case.rows[names])
    training = case.parts == "training"
    known = (case.parts == "test") & np.isin(hashes, hashes[training])
    if known.any():
        count, total = int(known.sum()), int((case.parts == "test").sum())
        yield Observation(
            f"{count} of {total} {case.held} rows ({count / total:.1%}) equal a training row in "
            f"all {len(names)} features",
            rows=tuple(int(row) for row in np.flatnonzero(known)),
        )
    copies = near_copies(case)
    if len(copies):
        yield Observation(
            f"{len(copies)} test rows lie a hundred times nearer to a training row than rows do; "
            "are they copies with noise, or the same thing measured twice?",
            rows=tuple(int(row) for row in np.sort(copies)),
            certain=False,
        )
