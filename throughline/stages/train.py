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
    from throughline.samples.samples import Samples
    from throughline.stages.given import StageInput
    from throughline.training.engine.runs import Fitted, Run
    from throughline.training.learner import Learner

# Training rows whose answers are kept, so that the exported file can be held against the network.
GOLDEN_ROWS = 64
AUGMENTED_PICTURES = 4

PLACE = {"after": "cross_validate", "help": "train the networks"}
STAGE = Stage(
    "train",
    takes=(*PREPARED, *TRAINED),
    calls=("network", "targets", "training", "variants"),
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
    from throughline.samples.samples import read_samples
    from throughline.training.checkpoints import FOLDER
    from throughline.training.engine.devices import configure

    configure(**stage_input.keras)
    scores = read_json(needed(workspace.cross_validation / "scores.json", "cross_validate"))
    checkpoints = workspace.root / FOLDER / workspace.name
    with replaced(workspace.networks) as folder:
        for branch, view in stage_input.branches.items():
            prepared = needed(workspace.training_data, "prepare") / stage_input.prepared_by[branch]
            samples = read_samples(prepared, workspace.bottleneck)
            epochs = _epochs(view, scores.get(branch), branch)
            learns, run = _training(view, samples, stage_input.shared["seed"])
            kept = checkpoints / branch
            (fitted,) = learns.fit([run], epochs, title=f"train {branch}", checkpoints=kept)
            _write(learns, fitted, samples, folder / branch)
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


def _training(view: Pipeline, samples: Samples, default_seed: int) -> tuple[Learner, Run]:
    from throughline.guards.set_aside import still_apart
    from throughline.samples.samples import FoldArrays
    from throughline.training.engine.runs import Run
    from throughline.training.learner import learner_of

    arrays = FoldArrays(samples.inputs, samples.vectors, samples.rescaling)
    learns = learner_of(view, samples, arrays, default_seed)
    trained, held = samples.parted(view, learns.seed)
    if held is not None:
        held = still_apart(samples, trained, held, view, "training.validation")
    weights = samples.weights(view)
    return learns, Run(arrays.inputs, samples.answers, trained, held, learns.seed, weights)


def _write(learns: Learner, fitted: Fitted, samples: Samples, folder: Path) -> None:
    from throughline.training.network.heads import are_probabilities, with_answers
    from throughline.training.network.layers import forget
    from throughline.training.save import save

    model = learns.build(learns.seed)
    model.set_weights(fitted.weights)
    forget(model)
    model = with_answers(model, learns.heads)
    folder.mkdir(parents=True)
    save(model, folder)
    _write_history(folder / "history.csv", fitted)
    write_json(folder / "training.json", _summary(learns, fitted, model))
    are_probabilities(_write_golden(model, samples, folder), learns.heads)
    _write_augmented(learns, samples.folder, folder)


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


def _write_golden(model: Any, samples: Samples, folder: Path) -> np.ndarray:
    """Raw samples and what the network, behind the same graph, answers, which it returns."""
    raw, features = samples.golden(GOLDEN_ROWS)
    # An edge may have no logarithm or no ratio; the network has no answer there.
    answerable = np.logical_and.reduce(
        [np.isfinite(array).reshape(len(array), -1).all(axis=1) for array in features.values()]
    )
    kept = {name: array[answerable] for name, array in features.items()}
    outputs = np.asarray(_answers_from_zero(model, kept), dtype=np.float32)
    samples.write_golden(raw, answerable, folder)
    np.save(folder / "golden.npy", outputs)
    return outputs


def _answers_from_zero(model: Any, features: dict[str, np.ndarray]) -> np.ndarray:
    """The network's answers, each from a state of zeros."""
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
