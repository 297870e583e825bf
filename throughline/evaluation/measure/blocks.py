"""The bootstrap of series: blocks of neighbouring steps are drawn, not single windows.

Errors of neighbouring windows resemble each other, so drawing them one by one would give intervals
that are too narrow (H. Künsch 1989; circular blocks: D. Politis and J. Romano 1992).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from throughline.evaluation.measure.resamples import DRAWS, RESAMPLES, SEED, Resamples


class BlockResamples(Resamples):
    """Draws of blocks of steps; the windows of all series at a step are drawn together.

    Args:
        steps: the step of each window, shape (N,).
        block: steps in a block; at most a fifth of all.
    """

    independent = False
    method = "blocks"

    def __init__(self, steps: np.ndarray, block: int) -> None:
        super().__init__(len(steps))
        every, self._place = np.unique(steps, return_inverse=True)
        self._steps = len(every)
        self.block = max(1, min(block, self._steps // 5))
        self.units = self._steps // self.block

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


def block_length(horizon: int, season: int | None, losses: np.ndarray) -> int:
    """Steps in a block: two horizons, a season, or as long as losses remember.

    Args:
        horizon: the farthest row that a window predicts; neighbours share what lies ahead.
        season: rows in a season, if there is one.
        losses: the mean loss at each step, (T,).
    """
    return max(2 * horizon, season or 1, remembered(losses))


def remembered(values: np.ndarray) -> int:
    """The block length that is best for the mean of a series.

    Source: Politis and White (2004), Automatic block-length selection for the dependent bootstrap,
    Econometric Reviews 23, as corrected by Patton, Politis and White (2009), for circular blocks.

    Args:
        values: one a step, (T,).
    """
    count = len(values)
    centred = values - values.mean()
    variance = float(centred @ centred) / count
    if count < 8 or variance == 0:
        return 1
    # So many lags in a row must be within noise before the ones before them are all that counts.
    quiet = max(5, math.ceil(math.sqrt(math.log10(count))))
    most = min(count // 2, math.ceil(math.sqrt(count)) + quiet)
    covariances = np.array([centred[lag:] @ centred[: count - lag] for lag in range(most + 1)])
    covariances /= count
    noisy = np.abs(covariances[1:] / variance) >= 2 * math.sqrt(math.log10(count) / count)
    silent = (lag for lag in range(most - quiet + 1) if not noisy[lag : lag + quiet].any())
    last = next(silent, most)
    lags = np.arange(1, min(2 * max(last, 1), most) + 1)
    # A flat-topped window: all of the first half, and falling to nothing at the end.
    window = np.minimum(1.0, 2 * (1 - lags / (2 * max(last, 1))))
    spread = variance + 2 * float(window @ covariances[lags])
    slope = 2 * float(window @ (lags * covariances[lags]))
    if spread <= 0:
        return 1
    length = (2 * slope**2 / (4 / 3 * spread**2)) ** (1 / 3) * count ** (1 / 3)
    longest = math.ceil(min(3 * math.sqrt(count), count / 3))
    return max(1, min(math.ceil(float(length)), longest))
