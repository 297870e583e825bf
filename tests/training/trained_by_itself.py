"""Train one small network in this process and print the sha256 of everything that came out.

Run as `python trained_by_itself.py BACKEND NETWORK FOLDER` by the determinism tests.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tasks.training.devices import configure

NETWORKS: dict[str, tuple[list[Any], tuple[int, ...]]] = {
    "dense": (
        [{"Dense": {"units": 16}}, {"Dropout": {"rate": 0.3}}, "BatchNormalization"],
        (6,),
    ),
    "conv": ([{"Conv2D": {"filters": 4, "kernel_size": 3}}, "Flatten"], (8, 8, 1)),
    "lstm": ([{"LSTM": {"units": 8, "dropout": 0.2}}], (9, 3)),
}


def main(backend: str, name: str, folder: Path) -> None:
    """Train and print digests of predictions and of both files."""
    configure(device="cpu", threads=1, backend=backend)
    from tasks.config.training import Training
    from tasks.training.engine import fit
    from tasks.training.network import Output, build
    from tasks.training.runs import Run
    from tasks.training.save import load, save

    layers, shape = NETWORKS[name]
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, *shape)).astype(np.float32)
    y = rng.integers(0, 3, 50)

    def make(seed: int) -> Any:
        return build(layers, {"features": shape}, Output(3, "softmax"), seed=seed)

    run = Run({"features": x}, y, np.arange(40), np.arange(40, 50), 11)
    loss = "sparse_categorical_crossentropy"
    (fitted,) = fit(make, Training(batch_size=16, epochs=3), [run], loss=loss)
    model = make(0)
    model.set_weights(fitted.weights)
    save(model, folder)
    again = load(folder)
    assert all(map(np.array_equal, again.get_weights(), fitted.weights))
    assert fitted.validation_predictions is not None
    print(hashlib.sha256(fitted.validation_predictions.tobytes()).hexdigest())
    for path in sorted(folder.iterdir()):
        print(path.name, hashlib.sha256(path.read_bytes()).hexdigest())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
