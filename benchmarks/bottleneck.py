"""`python -m benchmarks.bottleneck`: what storing a frozen network's features saves.

    python -m benchmarks.bottleneck --network efficientnet_lite0_imagenet.keras --until top_relu

Times one pass of pictures through the frozen network, by onnxruntime on one thread, and one epoch
of a small head on the stored features, by our engine. Without storing, every epoch of every fold
would make the pass again; the last line says what that is for folds and epochs of `sports`.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

SIDE = 224
HEAD = [
    {"Dropout": {"rate": 0.5}},
    {"Dense": {"units": 16, "activation": "relu"}},
    {"Dropout": {"rate": 0.5}},
]


def main() -> None:
    """Print seconds a picture, seconds an epoch, and what is saved."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", type=Path, required=True, help="a .keras file")
    parser.add_argument("--until", default="top_relu", help="the last frozen layer")
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--trainings", type=int, default=6, help="five folds and the last one")
    chosen = parser.parse_args()
    passing, features = _pass(chosen.network, chosen.until)
    epoch = _epoch(chosen.pictures, features)
    stored = passing * chosen.pictures
    again = stored * chosen.epochs * chosen.trainings
    head = epoch * chosen.epochs * chosen.trainings
    print(f"frozen network: {1000 * passing:.1f} ms a picture, {stored:.0f} s for all")
    print(f"head: {epoch:.3f} s an epoch of {chosen.pictures} pictures, first epoch left out")
    print(
        f"{chosen.trainings} trainings of {chosen.epochs} epochs: {stored + head:.0f} s stored, "
        f"{again + head:.0f} s without ({(again + head) / (stored + head):.0f} times as long)"
    )


def _pass(network: Path, until: str) -> tuple[float, int]:
    """Seconds a picture, and how many features it has after the mean over all places."""
    from throughline.export.pretrained_graph import frozen_graph
    from throughline.pipeline.schema.pretrained import Pretrained
    from throughline.preprocessing.graph.runtime import session_of

    part = Pretrained(file=str(network), sha256="0" * 64, until=until)
    session = session_of(frozen_graph(network, part))
    name = session.get_inputs()[0].name
    pixels = np.random.default_rng(0).normal(size=(8, SIDE, SIDE, 3)).astype(np.float32)
    session.run(None, {name: pixels})
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        (found,) = session.run(None, {name: pixels})
        seconds.append((time.perf_counter() - began) / len(pixels))
    return min(seconds), found.shape[-1]


def _epoch(rows: int, features: int) -> float:
    """Seconds of an epoch of the head, compilation left out."""
    from throughline.training.engine.devices import configure

    configure(device="cpu", threads=1)
    from throughline.pipeline.schema.training import Training
    from throughline.training.engine.runs import Run
    from throughline.training.learner import Learner

    generator = np.random.default_rng(0)
    inputs = {"features": generator.normal(size=(rows, features)).astype(np.float32)}
    target = generator.integers(0, 2, (rows, 1)).astype(np.float32)
    run = Run(inputs, target, np.arange(rows), None, 0)
    taken = []
    # The first imports and compiles.
    for epochs in (1, 1, 41):
        training = Training(optimizer="rmsprop", batch_size=32, epochs=epochs)
        shapes, types = {"features": (features,)}, {"features": "float32"}
        began = time.perf_counter()
        Learner(HEAD, training, "binary", 1, shapes, types, 0).fit([run])
        taken.append(time.perf_counter() - began)
    return max((taken[2] - taken[1]) / 40, 1e-4)


if __name__ == "__main__":
    main()
