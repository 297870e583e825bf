"""Random networks through training and export, held against Keras in old and new runtimes.

    python -m benchmarks.networks --count 500

Each network is trained for two steps by the engine and by `model.fit`, exported, and its answers
are compared with those of Keras in this process, in the oldest onnxruntime that its file names, in
the newest one and in WASM, which are installed from the registry. A number names a network, so
`--first N --count 1` tries one again. One in five is trained by the compiled program, the others by
the same code step by step, which takes a tenth of the time. Exit code 1 where one departs or fails
without a line.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import multiprocessing
import os
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
# The engine and Keras add in another order; a weight may depart by so much of the array's largest.
NEAR = 1e-4
BATCH = 6
NETWORKS_A_PROCESS = 40
COMPILED_EVERY = 5
EVERYWHERE = ("onnxruntime, newest", "onnxruntime-web")


@dataclass
class Tried:
    """What became of one network in this process.

    Args:
        number: of the network.
        training: `equal`, or what is wrong.
        export: likewise.
        by: who converted it, `throughline` or `tf2onnx`; empty without a file.
        oldest: the oldest runtime that takes the file.
        layers: the network's layers, where something is wrong.
    """

    number: int
    training: str
    export: str
    by: str = ""
    oldest: str = ""
    layers: tuple[str, ...] = ()

    @property
    def right(self) -> bool:
        """Whether nothing departed or failed; what is refused in a line is right."""
        return all(each.startswith(("equal", "refused")) for each in (self.training, self.export))


def tried(number: int, folder: Path) -> Tried:
    """One network, trained and exported; its requests and Keras' answers stay in `folder`."""
    import random_networks

    made = random_networks.network(number)
    training = _said(partial(_trained, made, number))
    result = Tried(number, training, "")
    result.export = _said(partial(_exported, made, result, folder))
    if not result.right:
        result.layers = tuple(random_networks.described(made.model))
    return result


def prepare() -> None:
    """Set up a process: quiet libraries, and none of the time that TensorFlow takes to optimise."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    warnings.simplefilter("ignore")
    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
    sys.path.insert(0, str(ROOT / "tests" / "export"))
    import tensorflow as tf

    from throughline.training.engine.devices import configure_by_default

    # As the stages do before anything is computed; afterwards it would be refused.
    configure_by_default()
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


def _said(act: Any) -> str:
    """A verdict: what `act` says, or the line of a refusal, or where it failed."""
    from throughline.errors import ThroughlineError

    try:
        return str(act())
    except ThroughlineError as error:
        return f"refused: {error}"
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        what = " ".join(str(error).split())[:300]
        return f"FAILED: {type(error).__name__} at {place.name}:{place.lineno}: {what}"


def _trained(made: Any, number: int) -> str:
    """Two steps of the engine against two of `model.fit`, which leaves its weights in the model.

    A network of two outputs learns both, each with a loss and a weight of its own.
    """
    import keras
    import tensorflow as tf
    from keras_parity import randomise

    from throughline.pipeline.schema.training import Training
    from throughline.training.divergence import Diverged
    from throughline.training.engine.engine import fit
    from throughline.training.engine.runs import Run
    from throughline.training.network.heads import Head, side_by_side
    from throughline.training.objects import optimizers

    model, target = made.model, made.target
    randomise(model, number)
    rule = {"SGD": {"momentum": 0.9}} if number % 2 else {"Adam": {"epsilon": 0.1}}
    ((name, arguments),) = rule.items()
    optimizer = {name: {"learning_rate": 0.05, "global_clipnorm": 1.0, **arguments}}
    training = Training(optimizer=optimizer, batch_size=BATCH, shuffle=False, epochs=1, xla=False)
    loss: Any = "sparse_categorical_crossentropy" if made.classes else "mse"
    heads, together, weighed = [], model, None
    learned: Any = target
    if len(model.outputs) > 1:
        task = "multiclass" if made.classes else "regression"
        heads = [Head("answer", task, 2, loss), Head("beside", "regression", 2, "mae", (), 0.3)]
        beside = np.random.default_rng(number).normal(size=(len(target), 2)).astype(np.float32)
        learned, loss, weighed = [target, beside], [loss, "mae"], [1.0, 0.3]
        target = np.column_stack([target.astype(np.float32), beside])
        together = keras.Model(model.inputs, side_by_side(model.outputs, "output"))
    run = Run(made.rows, target, np.arange(len(target)), None, number)
    tf.config.run_functions_eagerly(number % COMPILED_EVERY != 0)
    try:
        (ours,) = fit(
            lambda seed: together, training, [run], loss=loss, heads=heads, predictions=False
        )
        weights = ours.weights
    except Diverged:
        weights = None
    model.compile(optimizers.optimizer(training), loss=loss, loss_weights=weighed, run_eagerly=True)
    model.fit(made.rows, learned, batch_size=BATCH, shuffle=False, verbose=0)
    tf.config.run_functions_eagerly(False)
    if weights is None:
        # As where all steps of a row are masked and Keras takes their mean.
        finite = all(np.isfinite(np.asarray(weight.value)).all() for weight in model.weights)
        randomise(model, number)
        return "WRONG: the engine diverges and Keras does not" if finite else "equal: both diverge"
    worst = 0.0
    for weight, own in zip(together.weights, weights, strict=True):
        theirs = np.asarray(weight.value)
        departs = np.abs(theirs - own).max() / max(np.abs(theirs).max(), 1e-2)
        if not departs <= NEAR:
            return f"WRONG: {weight.path} departs by {departs:.1g}"
        worst = max(worst, float(departs))
    return "equal"


def _exported(made: Any, result: Tried, folder: Path) -> str:
    import onnx
    from keras_parity import keras_outputs, session

    from tests.export.runtimes.runtimes import request
    from throughline.export.graph.reach import lower, oldest_runtime
    from throughline.export.network import stored_network
    from throughline.export.proof.parity import TOLERANCE, compare
    from throughline.export.proof.parity_contract import running

    with tempfile.TemporaryDirectory() as own:
        (Path(own) / "network.json").write_text(made.model.to_json())
        made.model.save_weights(Path(own) / "network.weights.h5")
        graph, result.by = stored_network(Path(own))
    lower(graph)
    onnx.checker.check_model(graph)
    result.oldest = oldest_runtime(graph)
    rows = list(made.rows.values())
    answers = keras_outputs(made.model, rows)
    # What another wrote, for a layer without a converter, the stage refuses in a line.
    ours = result.by == "throughline"
    with contextlib.nullcontext() if ours else running("main"):
        runtime = session(graph)
        outputs = [value.name for value in runtime.get_outputs()]
        names = [value.name for value in runtime.get_inputs()]
        given = dict(zip(names, rows, strict=True))
        received = dict(zip(outputs, runtime.run(outputs, given), strict=True))
    expected = dict(zip(outputs, answers, strict=True))
    for each in compare(expected, received, TOLERANCE):
        if not each.passed:
            verdict = "WRONG" if ours else "refused"
            return f"{verdict}: {each.output} departs by {each.max_relative_error:.1g} {each.note}"
    path = folder / f"{result.number}.onnx"
    path.write_bytes(graph.SerializeToString())
    np.savez(folder / f"{result.number}.npz", **expected)
    for asked in asked_of(result.oldest):
        (folder / asked).mkdir(exist_ok=True)
        request(folder / asked, str(result.number), path, outputs, given)
    return "equal"


def asked_of(oldest: str) -> list[str]:
    """The runtimes that a file is tried in: the oldest that we can install, the newest, WASM."""
    from tests.export.runtimes.runtimes import PACKAGES

    def number(version: str) -> list[int]:
        return [int(part) for part in version.split(".")]

    old = [each for each in PACKAGES if each.startswith("onnxruntime 1")]
    takes = [each for each in old if number(each.split()[1]) >= number(oldest)]
    return [*takes[:1], *EVERYWHERE]


def asked(folder: Path, environments: Path) -> dict[str, dict[str, str]]:
    """By runtime the verdict on each network that it was asked."""
    from tests.export.runtimes.runtimes import answers, command, verdict

    found = {}
    for requests in sorted(path for path in folder.iterdir() if path.is_dir()):
        own = environments / requests.name.replace(" ", "-").replace(",", "")
        own.parent.mkdir(parents=True, exist_ok=True)
        lines = answers(command(requests.name, own), requests, seconds=3600)
        found[requests.name] = {
            number: verdict(dict(np.load(folder / f"{number}.npz")), line)
            + (f": {line['refused']}" if "refused" in line else "")
            for number, line in lines.items()
        }
    return found


def every(numbers: range, folder: Path, processes: int) -> list[Tried]:
    """All networks, in processes that end after some, since Keras keeps what it made."""
    found: list[Tried] = []
    while len(found) < len(numbers):
        # A pool a share: with `max_tasks_per_child` it stops for good in CPython 3.11 (gh-115634).
        waiting = numbers[len(found) :][: NETWORKS_A_PROCESS * processes]
        spawned = multiprocessing.get_context("spawn")
        try:
            with ProcessPoolExecutor(processes, spawned, initializer=prepare) as pool:
                for each in pool.map(partial(tried, folder=folder), waiting):
                    found.append(each)
                    tell(each)
        except BrokenProcessPool:
            found.append(Tried(numbers[len(found)], "FAILED: the process ended", ""))
            tell(found[-1])
    return found


def tell(each: Tried) -> None:
    """Print what is not equal."""
    if (each.training, each.export) != ("equal", "equal"):
        print(f"{each.number}: training {each.training}; export {each.export}", flush=True)
    for layer in each.layers:
        print(f"    {layer}", flush=True)


def main() -> int:
    """Try all networks and print a table of verdicts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--environments", type=Path, help="a folder that keeps the runtimes")
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT / "tests" / "export"))
    begun = time.perf_counter()
    wrong = 0
    with tempfile.TemporaryDirectory() as top:
        folder = Path(top) / "networks"
        folder.mkdir()
        numbers = range(options.first, options.first + options.count)
        found = every(numbers, folder, options.processes)
        wrong += sum(not each.right for each in found)
        table = {
            "training": Counter(each.training.partition(":")[0] for each in found),
            "export": Counter(each.export.partition(":")[0] for each in found),
            "converted by": Counter(each.by for each in found if each.by),
        }
        for runtime, verdicts in asked(folder, options.environments or Path(top) / "own").items():
            bad = {name: each for name, each in verdicts.items() if not each.endswith("µs")}
            for name, each in bad.items():
                print(f"{name}: {runtime}: {each}")
            wrong += len(bad)
            table[runtime] = Counter({"equal": len(verdicts) - len(bad), "WRONG": len(bad)})
    for name, counts in table.items():
        print(f"{name:>22}: {json.dumps(dict(counts))}")
    print(f"{len(found)} networks in {time.perf_counter() - begun:.0f} s, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
