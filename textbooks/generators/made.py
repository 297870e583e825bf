"""Data that are made where a text's own file is not to be had, from the facts that it states."""

from __future__ import annotations

import numpy as np

# Points of an anomaly, "about a dozen" in the text.
ANOMALY = 12
START = np.datetime64("2015-02-19T19:00:00")


def curves(count: int, points: int, seed: int) -> dict[str, np.ndarray]:
    """Smooth curves between 0 and 1, every second one with a short ripple somewhere.

    Curves differ in how fast they swing and in how much noise they carry, so a ripple cannot be
    told by the roughness of a whole curve alone. Sizes, balance, range and the length of the
    anomaly are the text's; the shape of curve and ripple are ours.

    Args:
        count: curves; half of them are anomalous.
        points: of each curve.
        seed: of all that is drawn.

    Returns:
        `anomaly` and `t_0`, `t_1`, ..., each (count,).
    """
    generator = np.random.default_rng(seed)
    place = np.arange(points)
    swings = generator.uniform(0.5, 3.0, (count, 3, 1)) * 2 * np.pi / points
    phases = generator.uniform(0, 2 * np.pi, (count, 3, 1))
    heights = generator.uniform(0.3, 1.0, (count, 3, 1))
    smooth = (heights * np.sin(swings * place + phases)).sum(axis=1)
    low, high = smooth.min(axis=1, keepdims=True), smooth.max(axis=1, keepdims=True)
    values = (smooth - low) / (high - low)
    values += generator.normal(size=values.shape) * generator.uniform(0.005, 0.03, (count, 1))
    anomalous = generator.permutation(count) < count // 2
    starts = generator.integers(0, points - ANOMALY, count)
    ripple = 0.12 * np.sin(2 * np.pi * np.arange(ANOMALY) / 3.5)
    for row in np.flatnonzero(anomalous):
        values[row, starts[row] : starts[row] + ANOMALY] += ripple
    values = np.clip(values, 0, None)
    values /= values.max(axis=1, keepdims=True)
    return {"anomaly": anomalous} | {f"t_{i}": values[:, i] for i in range(points)}


def prices(bars: int, momentum: float, seed: int) -> dict[str, np.ndarray]:
    """Bars of half an hour whose percent changes lean on the one before by `momentum`.

    One step in 500 is followed by a hole of one to six bars, as in prices that were collected.

    Args:
        bars: before holes are cut out.
        momentum: the correlation of neighbouring changes.
        seed: of all that is drawn.

    Returns:
        `date`, `open`, `high`, `low` and `close`.
    """
    generator = np.random.default_rng(seed)
    noise = generator.standard_t(4, bars) * 0.002
    changes = np.empty(bars)
    last = 0.0
    for row in range(bars):
        last = momentum * last + noise[row]
        changes[row] = last
    close = 250.0 * np.exp(np.cumsum(changes))
    opened = np.concatenate([[250.0], close[:-1]])
    reach = np.abs(generator.normal(0, 0.001, (2, bars)))
    high = np.maximum(opened, close) * (1 + reach[0])
    low = np.minimum(opened, close) * (1 - reach[1])
    kept = np.ones(bars, dtype=bool)
    for row in np.flatnonzero(generator.random(bars) < 1 / 500).tolist():
        kept[row + 1 : row + 1 + int(generator.integers(1, 7))] = False
    date = (START + np.arange(bars) * np.timedelta64(1800, "s")).astype(str)
    columns = {"date": date, "open": opened, "high": high, "low": low, "close": close}
    return {name: values[kept] for name, values in columns.items()}
