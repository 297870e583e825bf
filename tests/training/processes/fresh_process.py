"""Train a small network twice over in this process and print digests of what came out.

Run as `python fresh_process.py BACKEND NETWORK FOLDER CHECKPOINTS [EPOCH]`. First two seeds are
trained to the end; their predictions and the files of one are digested. Then the same two are
trained with checkpoints: in epoch EPOCH of the second the process kills itself as `kill -9` would;
without EPOCH that training goes on from the checkpoints that are there.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np

from throughline.training.engine.devices import configure

NETWORKS: dict[str, tuple[list[Any], tuple[int, ...]]] = {
    "dense": (
        [{"Dense": {"units": 8}}, {"Dropout": {"rate": 0.3}}, "BatchNormalization"],
        (6,),
    ),
    "conv": (
        [{"Conv2D": {"filters": 4, "kernel_size": 3}}, {"Dropout": {"rate": 0.3}}, "Flatten"],
        (8, 8, 1),
    ),
    "lstm": ([{"LSTM": {"units": 8, "dropout": 0.2}}], (9, 3)),
    "compiled": ([{"Dense": {"units": 8, "activation": "tanh"}}, "BatchNormalization"], (6,)),
}
# Its steps divide by a root.
OPTIMIZERS = {"compiled": "rmsprop"}


def main(backend: str, name: str, folder: Path, kept: Path, last: int) -> None:
    """Train; print one line for each thing that must not change."""
    configure(device="cpu", threads=1, backend=backend)
    from throughline.pipeline.schema.training import Training
    from throughline.training import checkpoints
    from throughline.training.engine.engine import fit
    from throughline.training.engine.runs import Fitted, Run
    from throughline.training.network.build import Output, build
    from throughline.training.save import load, save

    checkpoints.SECONDS_BETWEEN = 0.0
    layers, shape = NETWORKS[name]
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, *shape)).astype(np.float32)
    y = rng.integers(0, 3, 50)
    runs = [Run({"features": x}, y, np.arange(40), np.arange(40, 50), seed) for seed in (11, 12)]

    def make(seed: int) -> Any:
        return build(layers, {"features": shape}, Output(3, "softmax"), seed=seed)

    def trained(**more: Any) -> list[Fitted]:
        rule = {"max": 7, "patience": 6}
        training = Training(
            optimizer=OPTIMIZERS.get(name, "adam"), batch_size=16, epochs=rule,
            xla="auto" if name != "compiled" else True,
        )  # fmt: skip
        return fit(make, training, runs, loss="sparse_categorical_crossentropy", **more)

    def watcher(run: Run, epoch: int, curves: dict[str, float], ended: bool) -> None:
        print("epoch", run.seed, epoch, file=sys.stderr)
        if last and run.seed == 12 and epoch >= last:
            os.kill(os.getpid(), signal.SIGKILL)

    fitted = trained()
    model = make(0)
    model.set_weights(fitted[0].weights)
    save(model, folder)
    assert all(map(np.array_equal, load(folder).get_weights(), fitted[0].weights))
    for path in sorted(folder.iterdir()):
        print(path.name, hashlib.sha256(path.read_bytes()).hexdigest())
    print("whole", digest(fitted), flush=True)
    print("with checkpoints", digest(trained(watcher=watcher, checkpoints=kept)))


def digest(fitted: list[Any]) -> str:
    """Of weights, curves and predictions."""
    content = hashlib.sha256()
    for one in fitted:
        for weights in one.weights:
            content.update(weights.tobytes())
        content.update(repr(one.history).encode() + one.validation_predictions.tobytes())
    return content.hexdigest()


if __name__ == "__main__":
    epoch = int(sys.argv[5]) if len(sys.argv) > 5 else 0
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]), epoch)
