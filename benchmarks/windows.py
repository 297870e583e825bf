"""Windows by index against Keras' data set of windows and against the textbook's generator.

    python -m benchmarks.windows             # 420,551 x 14, as the Jena file; about 2 minutes
    python -m benchmarks.windows --turns 1   # one turn of every side instead of three

Lookback 1440, step 6, horizon 144, batch 128, on a series of the size of the Jena climate file
drawn at random. Each side gathers its batches and does nothing with them, in a process of its own,
the sides in turn. Of each the best quarter of a second counts, because other programs may share
the cores. What a side sets up once, ours the reordering of the series, is printed beside that. Peak
memory is measured in other runs, of 12,800 windows, over that of the process before it had the
series. The last figure is the time of gathering inside a compiled training step of a GRU of 32
units.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
import psutil

from benchmarks.memory import Peak

ROWS, COLUMNS = 420_551, 14
LOOKBACK, STEP, HORIZON, BATCH = 1440, 6, 144, 128
SLICE, SLICES = 0.25, 10
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
    from throughline.samples.windows.gathered import Ahead
    from throughline.samples.windows.phases import windows
    from throughline.samples.windows.positions import Extent

    extent = Extent(LOOKBACK, LOOKBACK, STEP, LOOKBACK, (HORIZON,))
    seen = windows(data, positions, extent.offsets)
    scale = np.array([[0.0], [1.0]], np.float32)
    # The target is a column of the reordered series itself; a horizon of whole steps lies so many
    # places farther in it.
    horizons = np.array([HORIZON // STEP], np.int32)
    ahead = Ahead(data[:, 1:2], seen.ends, horizons, None, None, scale, np.array([1], np.int32))
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
    yield from found.take(-(-len(positions) // BATCH))


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


def warmed(name: str) -> None:
    """Let a side import and call what it needs, on a small series: no part of its windows."""
    small = np.zeros((2 * (LOOKBACK + HORIZON), COLUMNS), np.float32)
    for batch in SIDES[name](small, np.arange(LOOKBACK - 1, LOOKBACK + BATCH, dtype=np.int32)):
        del batch


def speed(name: str) -> dict[str, float]:
    """Samples a second of a side in this process, by the clock and by processor time."""
    warmed(name)
    data, positions = series(), np.tile(ends(ROWS - HORIZON - LOOKBACK + 1), 4)
    began = time.perf_counter()
    batches = SIDES[name](data, positions)
    next(batches)
    setup = time.perf_counter() - began
    found = {"samples": 0.0, "by_processor": 0.0, "setup": setup}
    for _ in range(SLICES):
        for name_of, rate in zip(("samples", "by_processor"), _rates(batches), strict=True):
            found[name_of] = max(found[name_of], rate)
    return found | ({"copies": _copies(data)} if name == "ours" else {})


def _rates(batches: Batches) -> tuple[float, float]:
    """Samples a second of the next batches, by the clock and by processor time."""
    count, processor, began = 0, time.process_time(), time.perf_counter()
    for batch in batches:
        count += len(batch[0])
        # A training step is done with its batch before it asks for the next.
        del batch
        if time.perf_counter() - began > SLICE:
            break
    return (
        count / (time.perf_counter() - began),
        count / max(time.process_time() - processor, 1e-9),
    )


def _copies(data: np.ndarray) -> float:
    """Batches of the size of ours that memory alone lets a processor copy, in samples a second."""
    held = np.empty(BATCH * LOOKBACK // STEP * COLUMNS, np.float32)
    pieces = data.reshape(-1)[: data.size // held.size * held.size].reshape(-1, held.size)
    times = []
    for _ in range(20):
        began = time.perf_counter()
        for piece in pieces:
            np.copyto(held, piece)
        times.append(time.perf_counter() - began)
    return BATCH * len(pieces) / min(times)


def memory(name: str) -> dict[str, float]:
    """Peak memory of a side in this process, in sizes of the series."""
    warmed(name)
    positions = ends(100 * BATCH)
    before = psutil.Process().memory_info().rss
    data = series()
    held = psutil.Process().memory_info().rss - before
    peak = Peak()
    for batch in SIDES[name](data, positions):
        del batch
    return {"memory": (held + peak.stop()) / data.nbytes}


def in_a_training(steps: int = 10) -> dict[str, float]:
    """Seconds of a compiled GRU(32) step with windows gathered, and of gathering alone."""
    import keras
    import tensorflow as tf

    from throughline.samples.windows.gathered import rows_of
    from throughline.samples.windows.phases import windows
    from throughline.samples.windows.positions import Extent
    from throughline.training.engine import backends

    backend = backends.current()
    extent = Extent(LOOKBACK, LOOKBACK, STEP, LOOKBACK, (HORIZON,))
    seen = windows(series(), ends(BATCH * 50), extent.offsets)
    held = seen.on_device(backend.device_array)
    model = keras.Sequential(
        [keras.Input(seen.shape[1:]), keras.layers.GRU(32), keras.layers.Dense(1)]
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


MEASURED: dict[str, Callable[..., dict[str, float]]] = {
    "speed": speed,
    "memory": memory,
    "training": in_a_training,
}


def main() -> int:
    """Print the figures and return 0 when all are within their budgets."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--only", nargs="+", help="a measurement and its side, printed as JSON")
    chosen = parser.parse_args()
    if chosen.only:
        print(json.dumps(MEASURED[chosen.only[0]](*chosen.only[1:])))
        return 0
    turns = [{name: _in_a_process("speed", name) for name in SIDES} for _ in range(chosen.turns)]
    best = {
        name: {key: max(turn[name][key] for turn in turns) for key in turns[0][name]}
        for name in SIDES
    }
    sizes = {name: _in_a_process("memory", name)["memory"] for name in SIDES}
    for name, found in best.items():
        setup = min(turn[name]["setup"] for turn in turns)
        print(
            f"{name:9} {found['samples']:10,.0f} samples a second, peak memory "
            f"{sizes[name]:.2f} x the series, set up in {setup:.2f} s"
        )
    print(f"a plain copy of as many bytes: {best['ours']['copies']:,.0f} samples a second")
    fine = True
    for name, title, wanted in (
        ("keras", "Keras", KERAS_RATIO),
        ("textbook", "the textbook", GENERATOR_RATIO),
    ):
        ratio, processor = (best["ours"][k] / best[name][k] for k in ("samples", "by_processor"))
        print(
            f"against {title} {ratio:.1f} x (wanted {wanted}), by processor time {processor:.1f} x"
        )
        fine &= ratio >= wanted
    trained = _in_a_process("training")
    share = trained["gather"] / trained["step"]
    print(f"memory {sizes['ours']:.2f} x the series (at most {LARGEST_MEMORY})")
    print(f"input {100 * share:.1f} % of a GRU(32) step (at most {100 * LARGEST_SHARE:g} %)")
    return 0 if fine and sizes["ours"] <= LARGEST_MEMORY and share <= LARGEST_SHARE else 1


def _in_a_process(*measurement: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.windows", "--only", *measurement]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    sys.exit(main())
