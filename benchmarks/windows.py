"""Windows by index against Keras' data set of windows and against the textbook's generator.

    python -m benchmarks.windows                # 420,551 x 14, as the Jena file; about 2 minutes
    python -m benchmarks.windows --samples 2000 # fewer samples a side

Lookback 1440, step 6, horizon 144, batch 128, on a series of the size of the Jena climate file
drawn at random. Each side gathers its batches and does nothing with them; peak memory is measured
in a process of its own for each side, over that of the process with the series alone. The last
figure is the time of gathering inside a compiled training step of a GRU of 32 units.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import psutil

ROWS, COLUMNS = 420_551, 14
LOOKBACK, STEP, HORIZON, BATCH = 1440, 6, 144, 128
KERAS_RATIO, GENERATOR_RATIO, LARGEST_MEMORY, LARGEST_SHARE = 50, 3, 1.1, 0.02

Batches = Iterator[tuple[np.ndarray, np.ndarray]]


def series() -> np.ndarray:
    """A walk of the size of the Jena climate file."""
    return np.random.default_rng(0).standard_normal((ROWS, COLUMNS), dtype=np.float32)


def ends(count: int) -> np.ndarray:
    """The newest rows of so many windows, in random order."""
    possible = np.arange(LOOKBACK - 1, ROWS - HORIZON, dtype=np.int32)
    return np.random.default_rng(1).choice(possible, count, replace=False)


def ours(data: np.ndarray, positions: np.ndarray) -> Batches:
    """Batches gathered by index."""
    from tasks.series.gathered import Ahead, Windowed
    from tasks.series.windows import Extent

    extent = Extent(LOOKBACK, LOOKBACK, STEP, LOOKBACK, (HORIZON,))
    seen = Windowed(data, positions, extent.offsets)
    scale = np.array([[0.0], [1.0]], np.float32)
    horizons = np.array([HORIZON], np.int32)
    ahead = Ahead(data[:, 1:2], positions, horizons, None, None, scale, np.array([1], np.int32))
    for start in range(0, len(positions), BATCH):
        rows = slice(start, start + BATCH)
        yield seen[rows], ahead[rows]


def keras_data_set(data: np.ndarray, positions: np.ndarray) -> Batches:
    """`keras.utils.timeseries_dataset_from_array`, shuffled as a training asks for."""
    import keras

    reach = LOOKBACK + HORIZON - 1
    found = keras.utils.timeseries_dataset_from_array(
        data[:-reach], data[reach:, 1], LOOKBACK // STEP, sampling_rate=STEP, batch_size=BATCH,
        shuffle=True, seed=0,
    )  # fmt: skip
    for number, (x, y) in enumerate(found):
        if number * BATCH >= len(positions):
            return
        yield x, y


def textbook(data: np.ndarray, positions: np.ndarray) -> Batches:
    """The generator of the textbook, with its loop over the samples of a batch."""
    for start in range(0, len(positions), BATCH):
        rows = positions[start : start + BATCH] + 1
        samples = np.zeros((len(rows), LOOKBACK // STEP, COLUMNS))
        targets = np.zeros((len(rows),))
        for j, row in enumerate(rows):
            indices = range(row - LOOKBACK, row, STEP)
            samples[j] = data[indices]
            targets[j] = data[row - 1 + HORIZON][1]
        yield samples, targets


SIDES: dict[str, Callable[[np.ndarray, np.ndarray], Batches]] = {
    "ours": ours,
    "keras": keras_data_set,
    "textbook": textbook,
}


class Peak:
    """The largest memory of this process while it is watched, bytes."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._going = True
        self.most = self._process.memory_info().rss
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while self._going:
            self.most = max(self.most, self._process.memory_info().rss)
            time.sleep(0.002)

    def stop(self) -> int:
        self._going = False
        self._thread.join()
        return self.most


def side(name: str, count: int) -> dict[str, float]:
    """Samples a second and peak memory over the series, of one side in this process."""
    if name == "keras":
        import keras

        # Its import and its first call are no part of its windows.
        next(iter(keras.utils.timeseries_dataset_from_array(np.zeros((9, 1)), None, 2)))
    positions = ends(count)
    before = psutil.Process().memory_info().rss
    data = series()
    peak = Peak()
    times = []
    began = time.perf_counter()
    for batch in SIDES[name](data, positions):
        times.append(time.perf_counter() - began)
        # A training step is done with its batch before it asks for the next.
        del batch
        began = time.perf_counter()
    # The first batch pays for what is set up once.
    return {
        "samples_a_second": BATCH * (len(times) - 1) / sum(times[1:]),
        "memory_over_series": (peak.stop() - before) / data.nbytes,
    }


def in_a_training(steps: int) -> dict[str, float]:
    """Seconds of a compiled GRU(32) step with windows gathered, and of gathering alone."""
    import keras
    import tensorflow as tf

    from tasks.series.gathered import Windowed, rows_of
    from tasks.series.windows import Extent
    from tasks.training import backends

    backend = backends.current()
    extent = Extent(LOOKBACK, LOOKBACK, STEP, LOOKBACK, (HORIZON,))
    windows = Windowed(series(), ends(BATCH * 50), extent.offsets)
    held = windows.on_device(backend.device_array)
    model = keras.Sequential(
        [keras.Input(windows.shape[1:]), keras.layers.GRU(32), keras.layers.Dense(1)]
    )
    batches = tf.reshape(tf.range(BATCH * 50), (50, BATCH))

    def gathering() -> tf.Tensor:
        return tf.map_fn(
            lambda rows: tf.reduce_sum(rows_of(held, rows, backend.gather)[:, -1]),
            batches[:steps],
            fn_output_signature=tf.float32,
        )

    def training() -> tf.Tensor:
        def one(rows: tf.Tensor) -> tf.Tensor:
            x = rows_of(held, rows, backend.gather)
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(model(x, training=True) ** 2)
            gradients = tape.gradient(loss, model.trainable_variables)
            return loss + sum(tf.reduce_sum(g) for g in gradients) * 0.0

        return tf.map_fn(one, batches[:steps], fn_output_signature=tf.float32)

    return {name: _seconds(f, steps) for name, f in (("gather", gathering), ("step", training))}


def _seconds(function: Callable[[], object], steps: int) -> float:
    import tensorflow as tf

    compiled = tf.function(function)
    compiled()
    times = []
    for _ in range(3):
        began = time.perf_counter()
        compiled()
        times.append(time.perf_counter() - began)
    return min(times) / steps


def main() -> int:
    """Print the figures and return 0 when all are within their budgets."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--samples", type=int, default=12_800)
    parser.add_argument("--side", choices=[*SIDES, "training"], help="one side, as JSON")
    chosen = parser.parse_args()
    if chosen.side:
        found = (
            in_a_training(10) if chosen.side == "training" else side(chosen.side, chosen.samples)
        )
        print(json.dumps(found))
        return 0
    results = {name: _in_a_process(name, chosen.samples) for name in [*SIDES, "training"]}
    for name in SIDES:
        speed, memory = results[name].values()
        print(f"{name:9} {speed:10,.0f} samples a second, peak memory {memory:.2f} x the series")
    ratios = [
        results["ours"]["samples_a_second"] / results[n]["samples_a_second"]
        for n in ("keras", "textbook")
    ]
    share = results["training"]["gather"] / results["training"]["step"]
    memory = results["ours"]["memory_over_series"]
    print(f"against Keras {ratios[0]:.1f} x (wanted {KERAS_RATIO})")
    print(f"against the textbook {ratios[1]:.1f} x (wanted {GENERATOR_RATIO})")
    print(f"memory {memory:.2f} x the series (at most {LARGEST_MEMORY})")
    print(f"input {100 * share:.1f} % of a GRU(32) step (at most {100 * LARGEST_SHARE:g} %)")
    fine = ratios[0] >= KERAS_RATIO and ratios[1] >= GENERATOR_RATIO
    return 0 if fine and memory <= LARGEST_MEMORY and share <= LARGEST_SHARE else 1


def _in_a_process(name: str, count: int) -> dict[str, float]:
    arguments = [sys.executable, "-m", "benchmarks.windows", "--side", name]
    done = subprocess.run(
        [*arguments, "--samples", str(count)], check=True, capture_output=True, text=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    sys.exit(main())
