"""The bootstrap of rows that belong together: whole groups are drawn, not single rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from throughline.evaluation.intervals.resamples import DRAWS, Resamples


class ClusterResamples(Resamples):
    """Draws of whole groups; the rows of a group count as often as it was drawn.

    Rows of one patient resemble each other, so drawing them one by one would call a figure surer
    than it is: at 40 groups of 50 rows with an intraclass correlation of .17 such an interval
    covers 52 % instead of 95 %. Source: Field and Welsh (2007), Bootstrapping clustered data.

    Args:
        groups: the group of each row, (N,).
    """

    independent = False
    method = "groups"

    def __init__(self, groups: np.ndarray) -> None:
        super().__init__(len(groups))
        every, self._place = np.unique(groups, return_inverse=True)
        self.units = len(every)

    def _draw(self) -> Iterator[np.ndarray]:
        at_once = max(1, DRAWS // self.rows)
        for counts in Resamples(self.units).weights():
            for start in range(0, len(counts), at_once):
                yield counts[start : start + at_once, self._place]
