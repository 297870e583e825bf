"""What to say when the loss is no longer a number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from throughline.errors import ThroughlineError, listed

if TYPE_CHECKING:
    from throughline.training.engine.runs import Array, Fitted, Run

UNSCALED = 100.0


class Diverged(ThroughlineError, ArithmeticError):
    """The loss became NaN or infinite; scale the inputs or lower the learning rate.

    Args:
        epoch: counted from 1.
        step: batch of the epoch, counted from 1.
        rows: row numbers of the batch.
        run: what was trained.

    Attributes:
        together: of runs that were trained together what became of each, this one too.
    """

    together: Sequence[Fitted | Diverged] = ()

    def __init__(self, epoch: int, step: int, rows: Array, run: Run) -> None:
        self.epoch = epoch
        self.step = step
        self.rows = np.unique(rows)
        super().__init__(
            f"the loss should stay finite, but is NaN or inf in epoch {epoch}, step {step}, "
            f"rows {listed(self.rows)}",
            None,
            "Likely causes: " + "; ".join(causes(run, self.rows)),
        )


def causes(run: Run, rows: Array) -> list[str]:
    """Likely causes, those that the batch's rows show first.

    Args:
        run: what was trained.
        rows: row numbers of the batch.

    Returns:
        One clause a cause.
    """
    found = []
    for name, array in run.inputs.items():
        given = np.asarray(array[rows])
        empty = rows[~given.reshape(len(rows), -1).any(axis=1)]
        if np.issubdtype(given.dtype, np.integer) and given.ndim == 2 and len(empty):
            found.append(
                f"input '{name}' is all zeros in rows {listed(empty)}, of which mask_zero leaves "
                "nothing to take the mean of: leave mask_zero out, or encode with start: true"
            )
        values = given.astype(np.float64)
        if not np.isfinite(values).all():
            found.append(f"input '{name}' has NaN or inf in these rows")
        elif np.abs(values).max(initial=0.0) > UNSCALED:
            found.append(f"input '{name}' reaches {np.abs(values).max():.3g}: scale it")
    if not np.isfinite(np.asarray(run.target[rows], np.float64)).all():
        found.append("the target has NaN or inf in these rows")
    found.append("the learning rate is too high: lower it, or clip gradients (clipnorm: 1.0)")
    return found
