"""The bootstrap of series: blocks of neighbouring steps are drawn, not single windows.

Errors of neighbouring windows resemble each other, so drawing them one by one would give intervals
that are too narrow (H. Künsch 1989; circular blocks: D. Politis and J. Romano 1992).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from throughline.evaluation.measure.resamples import DRAWS, RESAMPLES, SEED, Resamples


class BlockResamples(Resamples):
    """Draws of blocks of steps; the windows of all series at a step are drawn together.

    Args:
        steps: the step of each window, shape (N,).
        block: steps in a block; at most a fifth of all.
    """

    def __init__(self, steps: np.ndarray, block: int) -> None:
        super().__init__(len(steps))
        every, self._place = np.unique(steps, return_inverse=True)
        self._steps = len(every)
        self.block = max(1, min(block, self._steps // 5))

    def _draw(self) -> Iterator[np.ndarray]:
        generator = np.random.default_rng(SEED)
        blocks = -(-self._steps // self.block)
        at_once = max(1, min(RESAMPLES, DRAWS // max(self.rows, self._steps)))
        for start in range(0, RESAMPLES, at_once):
            size = min(at_once, RESAMPLES - start)
            firsts = generator.integers(self._steps, size=(size, blocks))
            firsts += np.arange(size)[:, None] * self._steps
            begun = np.bincount(firsts.ravel(), minlength=size * self._steps)
            begun = begun.reshape(size, self._steps)
            # A step is covered by the blocks that began at it or less than a block before.
            around = np.concatenate([begun[:, self._steps - self.block :], begun], axis=1)
            total = np.cumsum(around, axis=1)
            covered = total[:, self.block :] - total[:, : -self.block]
            yield covered[:, self._place]


def block_length(horizon: int, season: int | None, steps: int) -> int:
    """Steps in a block: a horizon, a season, or the cube root of all, whichever is longest."""
    return max(horizon, season or 1, round(float(steps ** (1 / 3))))
