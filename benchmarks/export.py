"""Our ONNX files against tf2onnx's, same weights, side by side in one run.

    python -m benchmarks.export            all cases
    python -m benchmarks.export gru lstm   some of them

tf2onnx runs as Keras' own `model.export(format="onnx")` runs it. Each case prints nodes, bytes,
export seconds and latency at three batch sizes; a ratio above one is in our favour. Both files
answer in one call of a session with one thread. They take turns of several calls, so that a busy
machine hits both alike and each finds its caches as it left them, as in a process that serves one
model; the median of all calls counts. The last line is about many rows as a user asks for them: our
predictor, which takes 64 rows a call and every core, against tf2onnx's file in one call with one
thread or all, whichever is quicker.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from throughline.serving.chunks import answered, cores

BATCHES = (1, 64, 1024)
TURNS = {1: 20, 64: 8, 1024: 4}
CALLS_A_TURN = {1: 20, 64: 10, 1024: 4}


def cases() -> dict[str, Callable[[], Any]]:
    """The networks by name; each builds a Keras model with an input `features`."""
    from keras import Input, Sequential, layers

    def series(*stack: Any) -> Any:
        return Sequential([Input((60, 14), name="features"), *stack, layers.Dense(1)])

    def words(*stack: Any) -> Any:
        embedding = layers.Embedding(10_000, 32, mask_zero=True)
        return Sequential([Input((80,), dtype="int32", name="features"), embedding, *stack])

    return {
        "gru": lambda: series(layers.GRU(32)),
        "lstm": lambda: series(layers.LSTM(32)),
        "simple-rnn": lambda: series(layers.SimpleRNN(32)),
        "gru-stacked": lambda: series(layers.GRU(32, return_sequences=True), layers.GRU(16)),
        "bidirectional": lambda: series(layers.Bidirectional(layers.LSTM(32))),
        "masked-lstm": lambda: words(layers.LSTM(64), layers.Dense(1, activation="sigmoid")),
        "dense": lambda: Sequential(
            [
                Input((784,), name="features"),
                layers.Dense(512, activation="relu"),
                layers.BatchNormalization(),
                layers.Dropout(0.2),
                layers.Dense(10, activation="softmax"),
            ]
        ),
        "cnn": lambda: Sequential(
            [
                Input((28, 28, 1), name="features"),
                layers.Conv2D(32, 3, activation="relu"),
                layers.MaxPooling2D(),
                layers.Conv2D(64, 3, use_bias=False),
                layers.BatchNormalization(),
                layers.ReLU(),
                layers.MaxPooling2D(),
                layers.Flatten(),
                layers.Dense(64, activation="relu"),
                layers.Dense(10, activation="softmax"),
            ]
        ),
        "conv1d": lambda: Sequential(
            [
                Input((200, 1), name="features"),
                layers.Conv1D(16, 5, activation="relu"),
                layers.MaxPooling1D(3),
                layers.Conv1D(16, 5, activation="relu"),
                layers.GlobalAveragePooling1D(),
                layers.Dense(1, activation="sigmoid"),
            ]
        ),
    }


def ours(model: Any, folder: Path) -> bytes:
    """The file that the export stage writes, from what training stores."""
    from throughline.export.graph.canonical import canonical_bytes
    from throughline.export.network import network_graph, read_weights

    configuration = json.loads((folder / "network.json").read_text())
    weights = read_weights(folder / "network.weights.h5", configuration)
    return canonical_bytes(network_graph(configuration, weights))


def theirs(model: Any, folder: Path) -> bytes:
    """The file that Keras' own export writes through tf2onnx."""
    path = folder / "theirs.onnx"
    model.export(path, format="onnx", verbose=False)
    return path.read_bytes()


def timed(make: Callable[[Any, Path], bytes], model: Any, folder: Path) -> tuple[bytes, float]:
    """A file and the seconds that it took to make."""
    start = time.perf_counter()
    data = make(model, folder)
    return data, time.perf_counter() - start


def operators(data: bytes) -> list[str]:
    """The operators of a file, those inside loops included."""
    import onnx

    from throughline.export.graph.rewriting import subgraphs

    def inside(graph: Any) -> list[str]:
        found = []
        for node in graph.node:
            found.append(node.op_type)
            for inner in subgraphs(node):
                found += inside(inner)
        return found

    return inside(onnx.load_from_string(data).graph)


def session(data: bytes, threads: int = 1) -> Any:
    """A session with so many threads."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def served(runtime: Any, rows: np.ndarray) -> np.ndarray:
    """The answers to all rows, as `throughline.serving.predictor` gets them."""
    output = runtime.get_outputs()[0].name
    return answered(runtime, [output], {runtime.get_inputs()[0].name: rows})[output]


def at_once(runtime: Any, rows: np.ndarray) -> np.ndarray:
    """The answers to all rows in one call."""
    found: np.ndarray = runtime.run(None, {runtime.get_inputs()[0].name: rows})[0]
    return found


def latencies(runs: Sequence[Callable[[], object]], batch: int) -> list[float]:
    """Median seconds of a call of each run, which take turns of several calls."""
    for run in runs:
        run()
    times: list[list[float]] = [[] for _ in runs]
    for _ in range(TURNS[batch]):
        for taken, run in zip(times, runs, strict=True):
            for _ in range(CALLS_A_TURN[batch]):
                start = time.perf_counter()
                run()
                taken.append(time.perf_counter() - start)
    return [float(np.median(taken)) for taken in times]


def measure(name: str, build: Callable[[], Any]) -> None:
    """One case, printed."""
    model = build()
    model(inputs(model, 1))  # Keras exports only what has been called.
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "network.json").write_text(model.to_json())
        model.save_weights(folder / "network.weights.h5")
        files = [timed(make, model, folder) for make in (ours, theirs)]
    nodes = [len(operators(data)) for data, _ in files]
    loops = [operators(data).count("Loop") for data, _ in files]
    sizes = [len(data) for data, _ in files]
    print(f"{name}")
    print(f"  nodes {nodes[0]} : {nodes[1]}   bytes {sizes[0]:,} : {sizes[1]:,}   "
          f"loops {loops[0]} : {loops[1]}   "
          f"export {files[0][1]:.3f} s : {files[1][1]:.3f} s = "
          f"{files[1][1] / files[0][1]:.1f}×")  # fmt: skip
    mine, other = (session(data) for data, _ in files)
    many = [session(files[1][0], threads) for threads in sorted({1, cores()})]
    for batch in BATCHES:
        rows = inputs(model, batch)
        error = float(np.abs(at_once(mine, rows) - model(rows)).max())
        runs = [partial(at_once, each, rows) for each in (mine, other)]
        show(f"batch {batch:>4}", latencies(runs, batch), f"difference to Keras {error:.1e}")
    runs = [partial(served, mine, rows), *(partial(at_once, each, rows) for each in many)]
    predictor, *others = latencies(runs, BATCHES[-1])
    show("predictor ", [predictor, min(others)], f"{BATCHES[-1]} rows")


def show(title: str, seconds: Sequence[float], note: str) -> None:
    """One line: our seconds, theirs, the ratio."""
    mine, other = seconds
    print(
        f"  {title}: {mine * 1e3:8.3f} ms : {other * 1e3:8.3f} ms = {other / mine:5.2f}×   {note}"
    )


def inputs(model: Any, batch: int) -> np.ndarray:
    """Random rows; word ids padded at the left as texts are."""
    generator = np.random.default_rng(0)
    shape = (batch, *model.inputs[0].shape[1:])
    if model.inputs[0].dtype == "int32":
        ids = generator.integers(1, 10_000, size=shape)
        ids[np.arange(shape[1]) < generator.integers(0, shape[1], size=(batch, 1))] = 0
        return ids.astype("int32")
    return generator.normal(size=shape).astype("float32")


def main(chosen: list[str]) -> None:
    """Measure the chosen cases, or all of them."""
    print(f"ours : tf2onnx, median of calls in turns, {cores()} cores")
    for name, build in cases().items():
        if not chosen or name in chosen:
            measure(name, build)


if __name__ == "__main__":
    main(sys.argv[1:])
