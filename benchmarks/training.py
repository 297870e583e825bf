"""Training of usual networks: our engine against `model.fit`, both in this process.

    python -m benchmarks.training                  # all cases; some minutes on two cores
    python -m benchmarks.training conv lstm        # some of them

Prints seconds for the first epoch, compile time included, and for an epoch after it, with the
processor time in brackets, which a busy machine changes less than the clock.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from throughline.training.engine.devices import configure

SLOWEST = 1.05
CLASSES, LOSS = 10, "sparse_categorical_crossentropy"
EPOCHS = {16: 3, 512: 10}


class Case(NamedTuple):
    """A network and random rows for it."""

    layers: list[Any]
    shape: tuple[int, ...]
    rows: int
    dtype: str


class Times(NamedTuple):
    """Seconds on the clock and of the processor."""

    clock: float
    processor: float


def dense(units: int) -> dict[str, Any]:
    """A layer of the cases."""
    return {"Dense": {"units": units, "activation": "relu"}}


def convolution(filters: int) -> dict[str, Any]:
    """A layer of the cases."""
    return {"Conv2D": {"filters": filters, "kernel_size": 3, "activation": "relu"}}


CASES = {
    "dense": Case([dense(64), dense(64)], (50,), 4096, "float32"),
    "wide": Case([{"Rescaling": {"scale": 1 / 255}}, dense(512)], (784,), 4096, "uint8"),
    "conv": Case(
        [
            {"Rescaling": {"scale": 1 / 255}},
            convolution(16),
            "MaxPooling2D",
            convolution(32),
            "Flatten",
        ],
        (28, 28, 1),
        1024,
        "uint8",
    ),
    "lstm": Case([{"LSTM": {"units": 32}}], (30, 8), 1024, "float32"),
}


def timed(work: Callable[[], object]) -> Times:
    """Time of one call."""
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return Times(time.perf_counter() - clock, time.process_time() - processor)


def compared(case: Case, batch: int) -> tuple[list[Times], list[Times]]:
    """First call and one later epoch: of the engine, and of Keras."""
    from throughline.pipeline.schema.training import Training
    from throughline.training.engine.engine import fit
    from throughline.training.engine.runs import Run
    from throughline.training.network.build import Output, build

    rng = np.random.default_rng(0)
    x = (rng.random((case.rows, *case.shape)) * 255).astype(case.dtype)
    y = rng.integers(0, CLASSES, case.rows)
    epochs = EPOCHS[batch]

    def make(seed: int) -> Any:
        return build(case.layers, {"x": case.shape}, Output(CLASSES, "softmax"), seed=seed)

    run = Run({"x": x}, y, np.arange(case.rows), None, 0)
    training = Training(optimizer="adam", batch_size=batch, epochs=epochs)
    model = make(0)
    model.compile("adam", LOSS, metrics=["accuracy"])

    def ours() -> None:
        fit(make, training, [run], loss=LOSS, metrics=["accuracy"])

    def theirs() -> None:
        model.fit(x, y, batch_size=batch, epochs=epochs, verbose=0)

    calls = [[timed(work) for work in (ours, theirs)] for _ in range(2)]
    return [first for first, _ in calls], [second for _, second in calls]


def main() -> None:
    """Print the table; fail when a case is slower than Keras."""
    parser = argparse.ArgumentParser(description="Our engine against model.fit.")
    parser.add_argument("cases", nargs="*", help=f"of {', '.join(CASES)}; all by default")
    parser.add_argument("--backend", default="tensorflow")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    configure(options.device, backend=options.backend, deterministic=False)
    slow = []
    print("case   batch | with compiling: ours, Keras, ratio | an epoch: ours, Keras, ratio")
    for name in options.cases or CASES:
        for batch, epochs in EPOCHS.items():
            ours, theirs = compared(CASES[name], batch)
            texts = []
            for i, count in ((0, 1), (1, epochs)):
                a, b = (Times(*(t / count for t in side[i])) for side in (ours, theirs))
                ratio = b.processor / a.processor
                texts.append(f"{_shown(a)} {_shown(b)} {ratio:5.1f}")
            print(f"{name:6} {batch:5} | {texts[0]} | {texts[1]}", flush=True)
            if ours[1].processor > SLOWEST * theirs[1].processor:
                slow.append(f"{name} {batch}")
    if slow:
        raise SystemExit(f"slower than model.fit: {', '.join(slow)}")


def _shown(times: Times) -> str:
    return f"{times.clock:6.3f} ({times.processor:6.3f})"


if __name__ == "__main__":
    main()
