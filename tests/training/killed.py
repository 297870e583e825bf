"""Train with checkpoints until killed, or to the end; print a digest of the weights.

Run as `python killed.py FOLDER EPOCH`: in epoch EPOCH of the second run the process kills itself
as `kill -9` would; with EPOCH 0 it trains to the end.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tasks.training.devices import configure


def main(folder: Path, last: int) -> None:
    """Train two runs."""
    configure(device="cpu", threads=1)
    from tasks.config.training import Training
    from tasks.training import checkpoints
    from tasks.training.engine import fit
    from tasks.training.network import Output, build
    from tasks.training.runs import Run

    checkpoints.SECONDS_BETWEEN = 0.0
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 5)).astype(np.float32), rng.normal(size=60).astype(np.float32)
    network = [{"Dense": {"units": 8}}, {"Dropout": {"rate": 0.3}}, "BatchNormalization"]

    def make(seed: int) -> Any:
        return build(network, {"features": (5,)}, Output(1, "linear"), seed=seed)

    def watcher(run: Run, epoch: int, curves: dict[str, float]) -> None:
        print("epoch", run.seed, epoch, file=sys.stderr)
        if last and run.seed == 2 and epoch >= last:
            os.kill(os.getpid(), signal.SIGKILL)

    runs = [Run({"features": x}, y, np.arange(45), np.arange(45, 60), seed) for seed in (1, 2)]
    rule = {"max": 9, "patience": 8}
    training = Training(optimizer="adam", batch_size=8, epochs=rule)
    fitted = fit(make, training, runs, loss="mse", watcher=watcher, checkpoints=folder)
    digest = hashlib.sha256()
    for one in fitted:
        for weights in one.weights:
            digest.update(weights.tobytes())
        digest.update(repr(one.history).encode())
    print(digest.hexdigest())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
