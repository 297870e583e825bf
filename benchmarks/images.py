"""Pictures: our decoding and training against Keras', each side in a process of its own.

    python -m benchmarks.images                       # both cases
    python -m benchmarks.images decode --files 1000   # or: train --rows 60000

decode reads JPEG files in folders and brings them to one size: into our one array on the disk,
against `keras.utils.image_dataset_from_directory` read to its end; small pictures, and a fifth as
many photos of half a million pixels. Ours are filtered where they shrink, and every file's faults,
checksum and range are noted; Keras' are not. train is one epoch of the text's
MNIST network (one convolution, batches of 128), the first with its compilation and one after it:
our engine, against `model.fit` on the same array. Prints seconds on the clock and of the processor,
and, from one more run of each side, the peak of the memory less what its libraries take; both of
the process and those that it begins.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil

SIZE = 64
# Heights and widths of the files, and how much fewer there are of the larger ones.
FILES = {"small": (180, 240, 1), "photos": (600, 800, 5)}
BATCH = 128
NETWORK = [
    {"Conv2D": {"filters": 32, "kernel_size": 3}},
    {"MaxPooling2D": {"pool_size": 2}},
    {"Activation": {"activation": "relu"}},
    "Flatten",
    {"Dense": {"units": 64, "activation": "relu"}},
]


def main() -> None:
    """Run the cases that are asked for; each side runs in turns, twice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", nargs="?", choices=("decode", "train"))
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--memory", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.side:
        Watch.memory = chosen.memory
        print(json.dumps(SIDES[chosen.side](chosen)))
        return
    with tempfile.TemporaryDirectory() as folder:
        if chosen.case in (None, "decode"):
            for name, (height, width, fewer) in FILES.items():
                count = max(chosen.files // fewer, 2)
                _write_files(Path(folder) / name, count, height, width)
                title = f"decode: {count} files of {height} x {width}"
                _compare("decode", title, Path(folder) / name, chosen)
        if chosen.case in (None, "train"):
            _compare("train", f"train: {chosen.rows} pictures", Path(folder), chosen)


def _compare(case: str, title: str, folder: Path, chosen: argparse.Namespace) -> None:
    found: dict[str, list[dict[str, float]]] = {"ours": [], "keras": []}
    for what in ([], [], [], ["--memory"]):
        for side, results in found.items():
            command = [sys.executable, "-m", "benchmarks.images", "--side", f"{case}-{side}", *what]
            command += ["--folder", str(folder), "--rows", str(chosen.rows)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            results.append(json.loads(done.stdout.splitlines()[-1]))
    best = {
        side: {
            key: min(each[key] for each in results if key in each)
            for key in results[0] | results[-1]
        }
        for side, results in found.items()
    }
    print(title)
    for key in best["ours"]:
        ours, keras = best["ours"][key], best["keras"][key]
        print(f"  {key:24} ours {ours:9.2f}   Keras {keras:9.2f}   ours / Keras {ours / keras:.2f}")


def _write_files(folder: Path, count: int, height: int, width: int) -> None:
    """JPEG files with structure and noise, as photographs have them, two classes."""
    from PIL import Image

    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[0:height, 0:width]
    for number in range(count):
        waves = np.sin(rows / generator.uniform(3, 30)) + np.cos(columns / generator.uniform(3, 30))
        pixels = 128 + 40 * waves[:, :, None] * generator.uniform(0.5, 1, 3)
        pixels = pixels + generator.normal(0, 8, pixels.shape)
        place = folder / f"class{number % 2}"
        place.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
        image.save(place / f"{number:05}.jpg", quality=85)


class Watch:
    """Seconds, or else memory, from its making on, of this process and those that it begins."""

    memory = False

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._before = self._peak = held() if self.memory else 0.0
        if self.memory:
            threading.Thread(target=self._look, daemon=True).start()
        self._clock, self._processor = time.perf_counter(), processor_seconds()

    def _look(self) -> None:
        """Often, for a process that has ended says nothing of the memory that it held."""
        while not self._stopped.wait(0.01):
            self._peak = max(self._peak, held())

    def read(self) -> dict[str, float]:
        """What has passed, in seconds or MB."""
        self._stopped.set()
        if self.memory:
            return {"more memory, MB": max(self._peak, held()) - self._before}
        return {
            "seconds": time.perf_counter() - self._clock,
            "processor seconds": processor_seconds() - self._processor,
        }


def processor_seconds() -> float:
    """Of this process and of those that it began and that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def held() -> float:
    """Memory of this process and those that it began, in MB; what they share counts once."""
    own = psutil.Process()
    total = 0
    for process in (own, *own.children()):
        try:
            total += process.memory_full_info().pss
        except psutil.Error:  # It has just ended.
            continue
    return total / 2**20


def decode_ours(chosen: argparse.Namespace) -> dict[str, float]:
    """Our array on the disk."""
    import pandas as pd  # noqa: F401  (a library, not the work)
    from PIL import Image  # noqa: F401

    from throughline.pipeline.schema.source import Source
    from throughline.sources.pictures.images import as_images
    from throughline.sources.tree import files_below

    images = {"size": [SIZE, SIZE], "fit": "stretch"}
    settings = Source.model_validate({"folder": str(chosen.folder), "images": images})
    with tempfile.TemporaryDirectory() as cache:
        watch = Watch()
        fetched = as_images(files_below(chosen.folder), settings, {}, Path(cache))
        result = watch.read()
        assert len(np.load(fetched.images["pixels"], mmap_mode="r")) == len(fetched.frame)
    return result


def decode_keras(chosen: argparse.Namespace) -> dict[str, float]:
    """Keras' data set, read to its end."""
    import keras

    watch = Watch()
    data = keras.utils.image_dataset_from_directory(
        chosen.folder, image_size=(SIZE, SIZE), shuffle=False, verbose=False
    )
    for _ in data:
        pass
    return watch.read()


def _rows(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of 28 x 28 and classes; their content changes no time."""
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (count, 28, 28, 1), dtype=np.uint8)
    return pixels, generator.integers(0, 10, (count, 1)).astype(np.int32)


def train_ours(chosen: argparse.Namespace) -> dict[str, float]:
    """Our engine."""
    from throughline.training.engine.devices import configure

    configure(device="cpu", threads=1, deterministic=False)
    import keras

    from throughline.pipeline.schema.training import Training
    from throughline.training.engine.engine import fit
    from throughline.training.engine.runs import Run
    from throughline.training.network.build import Output, build

    pixels, classes = _rows(chosen.rows)
    run = Run({"features": pixels}, classes, np.arange(len(pixels)), None, 0)

    def network(seed: int) -> keras.Model:
        shape, scaled = {"features": (28, 28, 1)}, {"features": (1 / 255, 0.0)}
        return build(NETWORK, shape, Output(10, "softmax"), seed=seed, rescaling=scaled)

    def seconds(epochs: int) -> dict[str, float]:
        watch = Watch()
        training = Training(optimizer="rmsprop", batch_size=BATCH, epochs=epochs)
        loss = "sparse_categorical_crossentropy"
        fit(network, training, [run], loss=loss, metrics=["accuracy"])
        return watch.read()

    return _first_and_next(seconds)


def train_keras(chosen: argparse.Namespace) -> dict[str, float]:
    """`model.fit`."""
    from throughline.training.engine.devices import configure

    configure(device="cpu", threads=1, deterministic=False)
    import keras

    from throughline.training.network.build import Output, build

    pixels, classes = _rows(chosen.rows)
    shape, scaled = {"features": (28, 28, 1)}, {"features": (1 / 255, 0.0)}
    model = build(NETWORK, shape, Output(10, "softmax"), rescaling=scaled)
    model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
    assert isinstance(model, keras.Model)

    def seconds(epochs: int) -> dict[str, float]:
        watch = Watch()
        model.fit(pixels, classes, batch_size=BATCH, epochs=epochs, verbose=0)
        return watch.read()

    return _first_and_next(seconds)


def _first_and_next(seconds: Callable[[int], dict[str, float]]) -> dict[str, float]:
    """The first epoch with its compilation, then one more."""
    first, second = seconds(1), seconds(1)
    figures = {f"first epoch, {key}": value for key, value in first.items()}
    return figures | {f"next, {key}": value for key, value in second.items()}


SIDES: dict[str, Callable[[argparse.Namespace], dict[str, float]]] = {
    "decode-ours": decode_ours,
    "decode-keras": decode_keras,
    "train-ours": train_ours,
    "train-keras": train_keras,
}


if __name__ == "__main__":
    main()
