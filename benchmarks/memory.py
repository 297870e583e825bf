"""Memory of a training over that of the series it reads: a series is held once, on a CPU.

    python -m benchmarks.memory              # a series of 400 MB; about a minute
    python -m benchmarks.memory --rows 1e6   # one of 40 MB

A GRU of 4 units learns 640 windows of 24 steps for an epoch, each time in a process of its own.
`stored`: the series that `prepare` wrote, as stage `train` reads it. `phases`: the same with a step
of 6, for which the series is reordered in place. `computed`: a series that a fold computed.
`folds`: two folds in one program that share it. Memory counts from the process before it had the
series.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil

COLUMNS, WINDOWS, LOOKBACK, BATCH = 10, 640, 24, 128
LARGEST = 1.2
WAYS = ("stored", "phases", "computed", "folds")


class Peak:
    """The largest memory of this process while it is watched, bytes."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._first = self._most = self._process.memory_info().rss
        self._going = True
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while self._going:
            self._most = max(self._most, self._process.memory_info().rss)
            time.sleep(0.0005)

    def stop(self) -> int:
        """By how many bytes it grew."""
        self._going = False
        self._thread.join()
        return self._most - self._first


def trained(way: str, folder: Path, rows: int) -> None:
    """Train windows of the series in a folder."""
    from throughline.pipeline.schema.training import Training
    from throughline.preprocessing import aligned
    from throughline.samples.windows.phases import windows
    from throughline.samples.windows.positions import Extent
    from throughline.training.engine.engine import fit
    from throughline.training.engine.runs import Run
    from throughline.training.network.build import Output, build

    step = 6 if way == "phases" else 1
    extent = Extent(LOOKBACK * step, LOOKBACK * step, step, LOOKBACK * step, (1,))
    ends = np.linspace(LOOKBACK * step, rows - 2, WINDOWS).astype(np.int32)
    answers = np.zeros((WINDOWS, 1), np.float32)
    if way == "computed":
        series = aligned.empty((rows, COLUMNS), np.float32)
        series.fill(1)
    else:
        series = np.load(folder / "features.npy", mmap_mode="c")
    inputs = {"features": windows(series, ends, extent.offsets)}
    shape = {"features": inputs["features"].shape[1:]}
    everyone = np.arange(WINDOWS)
    runs = [
        Run(inputs, answers, everyone[BATCH:], everyone[:BATCH], seed)
        for seed in range(2 if way == "folds" else 1)
    ]
    fit(
        lambda seed: build([{"GRU": {"units": 4}}], shape, Output(1, "linear"), seed=seed),
        Training(optimizer="adam", batch_size=BATCH, epochs=1),
        runs, loss="mse", together=len(runs) > 1,
    )  # fmt: skip


def growth(way: str, folder: Path, rows: int) -> float:
    """Memory in sizes of the series, in this process."""
    from throughline.training.engine.devices import configure

    configure(backend="tensorflow", device="cpu", threads=2)
    small = folder / "small"
    small.mkdir(exist_ok=True)
    written(small, 1000)
    # What libraries take, and what they compile, is no part of it.
    trained(way, small, 1000)
    peak = Peak()
    trained(way, folder, rows)
    return peak.stop() / (rows * COLUMNS * 4)


def written(folder: Path, rows: int) -> None:
    """A series as `prepare` writes it."""
    shape = (rows, COLUMNS)
    stored = np.lib.format.open_memmap(folder / "features.npy", "w+", np.float32, shape)
    stored[:] = 1
    stored.flush()


def ratios(rows: int) -> dict[str, float]:
    """For each way its memory, measured in a process of its own."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        written(Path(folder), rows)
        for way in WAYS:
            command = [sys.executable, "-m", "benchmarks.memory", "--only", way, folder]
            done = subprocess.run(
                [*command, "--rows", str(rows)], check=True, capture_output=True, text=True
            )
            found[way] = float(done.stdout.splitlines()[-1])
    return found


def main() -> int:
    """Print the figures and return 0 when all are within their budget."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=float, default=1e7)
    parser.add_argument("--only", nargs=2, help="a way and a folder, measured in this process")
    chosen = parser.parse_args()
    if chosen.only:
        print(growth(chosen.only[0], Path(chosen.only[1]), int(chosen.rows)))
        return 0
    found = ratios(int(chosen.rows))
    for way, ratio in found.items():
        print(f"{way:9} {ratio:.2f} x the series (at most {LARGEST})")
    return 0 if max(found.values()) <= LARGEST else 1


if __name__ == "__main__":
    sys.exit(main())
