"""Stage `train`: arrays become the trained network of every branch."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadPipeline
from throughline.paths import Workspace, needed, read_json, replaced, write_json
from throughline.stages.stage import KERAS, PREPARED, TRAINED, Entry, Stage, has_pretrained

if TYPE_CHECKING:
    from throughline.pipeline.pipeline import Pipeline
    from throughline.stages.given import StageInput
    from throughline.training.engine.runs import Fitted, Run
    from throughline.training.learner import Learner

# Training rows whose answers are kept, so that the exported file can be held against the network.
GOLDEN_ROWS = 64
AUGMENTED_PICTURES = 4

STAGE = Stage(
    "train",
    takes=(*PREPARED, *TRAINED),
    calls=("network", "training", "variants"),
    shared=("seed", *KERAS),
    inputs=(
        Entry("training_data"),
        Entry("cross_validation"),
        Entry("bottleneck", has_pretrained),
    ),
    outputs=(Entry("networks"),),
    libraries=("keras", "tensorflow"),
)


def train(stage_input: StageInput, workspace: Workspace) -> None:
    """Train the network of every branch on all its training rows.

    A stage that was killed goes on from its last checkpoints when it runs again, and ends with
    the weights it would have had.

    Raises:
        BadPipeline: epochs are to come from a cross-validation that the file does not ask for.
    """
    from throughline.training.checkpoints import FOLDER
    from throughline.training.engine.devices import configure
    from throughline.training.network.pretrained import located

    configure(**stage_input.keras)
    scores = read_json(needed(workspace.cross_validation / "scores.json", "cross_validate"))
    checkpoints = workspace.root / FOLDER / workspace.name
    with replaced(workspace.networks) as folder:
        for branch, view in stage_input.branches.items():
            prepared = needed(workspace.training_data, "prepare") / stage_input.prepared_by[branch]
            epochs = _epochs(view, scores.get(branch), branch)
            network = located(view.network, workspace.bottleneck)
            learns, run = _training(view, network, prepared, stage_input.shared["seed"])
            kept = checkpoints / branch
            (fitted,) = learns.fit([run], epochs, title=f"train {branch}", checkpoints=kept)
            _write(learns, fitted, prepared, folder / branch)
    # Not earlier: branches that are done are not trained again after a kill.
    shutil.rmtree(checkpoints, ignore_errors=True)


def _epochs(view: Pipeline, scores: dict[str, Any] | None, branch: str) -> int | None:
    """The number of epochs that cross-validation chose, or None to follow the file."""
    epochs = view.training.epochs
    if isinstance(epochs, int) or epochs.choose is None:
        return None
    if not scores:
        raise BadPipeline(
            f"training.epochs.choose of '{branch}' needs the section cross_validation",
            remedy="Add one, or give the number of epochs",
        )
    return int(scores["epochs"]["chosen"])


def _training(
    view: Pipeline, network: Any, prepared: Path, default_seed: int
) -> tuple[Learner, Run]:
    from throughline.guards.set_aside import still_apart
    from throughline.preprocessing.pictures import read_rows
    from throughline.preprocessing.target import FittedTarget
    from throughline.samples.splits.watched import watched
    from throughline.samples.windows.token_arrays import read_array
    from throughline.training.engine.runs import Run
    from throughline.training.learner import learner
    from throughline.training.row_weights import row_weights

    summary = read_json(prepared / "prepared.json")
    if "window" in summary:
        return _windows(view, network, prepared, default_seed)
    arrays = {name: read_array(prepared, name) for name in summary["features"]}
    target = FittedTarget.from_json(summary["target"])
    vectors = {
        name: np.load(prepared / f"{name}.vectors.npy")
        for name in arrays
        if (prepared / f"{name}.vectors.npy").exists()
    }
    rescaling = summary["rescaling"]
    learns = learner(view, arrays, target.units, default_seed, rescaling, network, vectors)
    training_rows, held, weights = np.arange(summary["rows"]), None, None
    if view.training.sample_weight:
        weights = row_weights(read_rows(prepared / "rows.parquet"), view.training.sample_weight)
    if view.training.validation:
        rows = read_rows(prepared / "rows.parquet")
        training_rows, held = watched(rows, view.split, view.training.validation, learns.seed)
        assert held is not None
        dropped = summary["dropped"]
        held = still_apart(rows, training_rows, held, view, dropped, "training.validation")
    answers = np.load(prepared / "target.npy")
    return learns, Run(arrays, answers, training_rows, held, learns.seed, weights)


def _windows(
    view: Pipeline, network: Any, prepared: Path, default_seed: int
) -> tuple[Learner, Run]:
    from throughline.samples.windows.parts import last_share
    from throughline.samples.windows.prepared import read_learned
    from throughline.training.engine.runs import Run
    from throughline.training.learner import learner

    learned = read_learned(prepared)
    inputs = learned.inputs
    learns = learner(view, inputs, learned.target.units, default_seed, {}, network)
    newest = learned.series.steps[learned.ends]
    rows, watched = last_share(newest, view.training.validation, learned.extent, view.split.gap)
    return learns, Run(inputs, learned.answers, rows, watched, learns.seed)


def _write(learns: Learner, fitted: Fitted, prepared: Path, folder: Path) -> None:
    from throughline.training.network.agreement import are_probabilities, with_answers
    from throughline.training.network.layers import forget
    from throughline.training.save import save

    model = learns.build(learns.seed)
    model.set_weights(fitted.weights)
    forget(model)
    model = with_answers(model, learns.training, learns.task)
    folder.mkdir(parents=True)
    save(model, folder)
    _write_history(folder / "history.csv", fitted)
    write_json(folder / "training.json", _summary(learns, fitted, model))
    are_probabilities(_write_golden(model, prepared, folder), learns.task)
    _write_augmented(learns, prepared, folder)


def _write_augmented(learns: Learner, prepared: Path, folder: Path) -> None:
    """Samples of the augmentation, where the network begins with random layers on pictures."""
    from throughline.training.augmented import augmented

    (name, *others) = learns.shapes
    if others or len(learns.shapes[name]) != 3:
        return
    pictures = np.load(prepared / f"{name}.npy", mmap_mode="r")[:AUGMENTED_PICTURES]
    # A fresh network: its random layers have drawn nothing yet, so the samples repeat.
    samples = augmented(learns.build(learns.seed), pictures, learns.rescaling.get(name))
    if samples is not None:
        np.save(folder / "augmented.npy", samples)


def _summary(learns: Learner, fitted: Fitted, model: Any) -> dict[str, Any]:
    return {
        "seed": learns.seed,
        "epochs": fitted.epochs_run,
        "best_epoch": fitted.best_epoch,
        "parameters": int(model.count_params()),
        "final": {name: values[fitted.best_epoch - 1] for name, values in fitted.history.items()},
    }


def _write_history(path: Path, fitted: Fitted) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["epoch", *fitted.history])
        for epoch, values in enumerate(zip(*fitted.history.values(), strict=True), start=1):
            writer.writerow([epoch, *(f"{value:.8g}" for value in values)])


def _write_golden(model: Any, prepared: Path, folder: Path) -> np.ndarray:
    """Raw rows and what the network, behind the same graph, answers to them, which it returns."""
    import onnx

    from throughline.preprocessing.golden import golden_rows
    from throughline.preprocessing.graph.run import run
    from throughline.preprocessing.pictures import read_rows, write_rows

    summary = read_json(prepared / "prepared.json")
    if "window" in summary:
        return _write_golden_windows(model, prepared, folder)
    rows = golden_rows(read_rows(prepared / "rows.parquet"), summary["inputs"], GOLDEN_ROWS)
    kinds = {entry["name"]: entry["type"] for entry in summary["inputs"]}
    graph = onnx.load(prepared / "preprocess.onnx")
    features = run(graph, rows, kinds, summary["types"], finite=False)
    # An edge may have no logarithm or no ratio; the network has no answer there.
    answerable = np.logical_and.reduce(
        [np.isfinite(f).reshape(len(f), -1).all(axis=1) for f in features.values()]
    )
    rows = rows[answerable].reset_index(drop=True)
    features = {name: array[answerable] for name, array in features.items()}
    single = next(iter(features.values())) if len(features) == 1 else features
    outputs = np.asarray(model.predict_on_batch(single), dtype=np.float32)
    write_rows(rows, folder / "golden.parquet")
    np.save(folder / "golden.npy", outputs)
    return outputs


def _write_golden_windows(model: Any, prepared: Path, folder: Path) -> np.ndarray:
    """Raw windows, one below the other, and what the network answers to them."""
    import onnx

    from throughline.preprocessing.graph.runtime import session_of
    from throughline.samples.windows.answers import fixed
    from throughline.samples.windows.prepared import golden_windows, read_learned, save_windows

    learned = read_learned(prepared)
    windows = golden_windows(learned, learned.summary["inputs"], GOLDEN_ROWS)
    session = session_of(fixed(onnx.load(prepared / "preprocess.onnx"), learned.extent))
    names = [output.name for output in session.get_outputs()]
    arrays = session.run(names, {name: windows[name] for name in learned.kinds})
    answerable = np.logical_and.reduce([np.isfinite(array).all(axis=(1, 2)) for array in arrays])
    kept = [array[answerable] for array in arrays]
    features = dict(zip(names, kept, strict=True))
    outputs = np.asarray(_answers_from_zero(model, features), dtype=np.float32)
    save_windows({name: array[answerable] for name, array in windows.items()}, folder)
    np.save(folder / "golden.npy", outputs)
    return outputs


def _answers_from_zero(model: Any, features: dict[str, np.ndarray]) -> np.ndarray:
    """The network's answers to windows, each from a state of zeros."""
    from throughline.training.network.layers import forget

    def answered(rows: slice) -> np.ndarray:
        forget(model)
        chosen = {name: array[rows] for name, array in features.items()}
        single = next(iter(chosen.values())) if len(chosen) == 1 else chosen
        return np.asarray(model.predict_on_batch(single))

    count = len(next(iter(features.values())))
    if model.inputs[0].shape[0] is None:
        return answered(slice(None))
    return np.concatenate([answered(slice(row, row + 1)) for row in range(count)])
