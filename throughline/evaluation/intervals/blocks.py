"""The bootstrap of series: blocks of neighbouring steps are drawn, not single windows.

Errors of neighbouring windows resemble each other, so drawing them one by one would give intervals
that are too narrow (H. Künsch 1989; circular blocks: D. Politis and J. Romano 1992).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from throughline.evaluation.intervals.resamples import DRAWS, RESAMPLES, SEED, Resamples
from throughline.samples.windows.memory import leaning, spread


class BlockResamples(Resamples):
    """Draws of blocks of steps; the windows of all series at a step are drawn together.

    Args:
        steps: the step of each window, shape (N,).
        block: steps in a block; at most a fifth of all.
        widening: by how much blocks of this length are known to understate a spread. Default: 1.
    """

    independent = False
    method = "blocks"

    def __init__(self, steps: np.ndarray, block: int, widening: float = 1.0) -> None:
        super().__init__(len(steps))
        every, self._place = np.unique(steps, return_inverse=True)
        self._steps = len(every)
        self.block = max(1, min(block, self._steps // 5))
        self.units = self._steps // self.block
        self.widening = widening

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


def understated(losses: np.ndarray, block: int) -> float:
    """By how much blocks understate the spread of a mean whose steps remember longer, at least 1.

    The long-run variance of an autoregression of the first order, whose coefficient is corrected
    for its bias, over the one that blocks of this length see. Sources: Andrews and Monahan (1992),
    An improved heteroskedasticity and autocorrelation consistent covariance matrix estimator,
    Econometrica 60; Marriott and Pope (1954), Biometrika 41.

    Args:
        losses: the mean loss at each step, (T,).
        block: steps in a block.
    """
    count = len(losses)
    block = max(1, min(block, count // 5))
    centred = losses - losses.mean()
    variance = float(centred @ centred) / count
    if count < 20 or variance == 0:
        return 1.0
    lags = np.arange(1, block)
    covariances = np.array([centred[lag:] @ centred[: count - lag] for lag in lags]) / count
    seen = variance + 2 * float((1 - lags / block) @ covariances)
    memory = leaning(losses, variance)
    whole = variance * (1 + memory) / (1 - memory)
    return math.sqrt(max(1.0, whole / seen)) if seen > 0 else 1.0


def remembered(values: np.ndarray) -> int:
    """The block length that is best for the mean of a series.

    Source: Politis and White (2004), Automatic block-length selection for the dependent bootstrap,
    Econometric Reviews 23, as corrected by Patton, Politis and White (2009), for circular blocks.

    Args:
        values: one a step, (T,).
    """
    count = len(values)
    found = spread(values)
    if found is None or found.whole <= 0:
        return 1
    length = (2 * found.slope**2 / (4 / 3 * found.whole**2)) ** (1 / 3) * count ** (1 / 3)
    longest = math.ceil(min(3 * math.sqrt(count), count / 3))
    return max(1, min(math.ceil(float(length)), longest))
