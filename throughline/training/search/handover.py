"""Trainings as files that another process can read: JSON and arrays, never a pickle."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from throughline.pipeline.schema.training import Training
from throughline.preprocessing.sparse import Sparse
from throughline.samples.windows.gathered import Ahead, Windowed
from throughline.training.engine.runs import Fitted, Run
from throughline.training.learner import Learner
from throughline.training.network.heads import Head

DESCRIPTION = "trainings.json"


class Arrays:
    """Arrays in a folder, each written once however many runs share it.

    Args:
        folder: where they are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.written: dict[int, str] = {}
        self.read: dict[str, Any] = {}

    def put(self, array: Any) -> Any:
        """Write an array or windows; returns what JSON says about it."""
        if array is None:
            return None
        if isinstance(array, Windowed | Ahead | Sparse):
            fields = {f.name: getattr(array, f.name) for f in dataclasses.fields(array)}
            kind = fields.pop("kind", None)
            parts = {name: self.put(part) for name, part in fields.items()}
            return {"of": type(array).__name__, "parts": parts, "kind": kind}
        if id(array) not in self.written:
            name = f"{len(self.written)}.npy"
            np.save(self.folder / name, array, allow_pickle=False)
            self.written[id(array)] = name
        return self.written[id(array)]

    def get(self, described: Any) -> Any:
        """The array that `put` described, mapped into memory, which processes share."""
        if described is None:
            return None
        key = json.dumps(described)
        if key not in self.read:
            self.read[key] = self._got(described)
        return self.read[key]

    def _got(self, described: Any) -> Any:
        if isinstance(described, str):
            return np.load(self.folder / described, mmap_mode="r", allow_pickle=False)
        parts = {name: self.get(part) for name, part in described["parts"].items()}
        if described["of"] == Windowed.__name__:
            return Windowed(**parts)
        if described["of"] == Sparse.__name__:
            return Sparse(**parts)
        return Ahead(**parts, kind=described["kind"])


def write(folder: Path, learner: Learner, runs: Sequence[Run], settings: Mapping[str, Any]) -> None:
    """Write a learner, its runs and more settings of the call."""
    arrays = Arrays(folder)
    fields = {f.name: getattr(learner, f.name) for f in dataclasses.fields(learner)}
    fields["training"] = learner.training.model_dump(mode="json")
    fields["vectors"] = {name: arrays.put(array) for name, array in learner.vectors.items()}
    described = [
        {
            "inputs": {name: arrays.put(array) for name, array in run.inputs.items()},
            "target": arrays.put(run.target),
            "train_rows": arrays.put(run.train_rows),
            "validation_rows": arrays.put(run.validation_rows),
            "seed": run.seed,
            "sample_weight": arrays.put(run.sample_weight),
            "learning_rate": run.learning_rate,
            "watched_rows": arrays.put(run.watched_rows),
        }
        for run in runs
    ]
    content = {"learner": fields, "runs": described, "settings": dict(settings)}
    (folder / DESCRIPTION).write_text(json.dumps(content), encoding="utf-8")


def read(folder: Path) -> tuple[Learner, list[Run], dict[str, Any]]:
    """What `write` wrote."""
    content = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    arrays = Arrays(folder)
    fields = content["learner"]
    fields["training"] = Training.model_validate(fields["training"])
    fields["shapes"] = {name: tuple(shape) for name, shape in fields["shapes"].items()}
    fields["vectors"] = {name: arrays.get(array) for name, array in fields["vectors"].items()}
    fields["several"] = tuple(Head(*values) for values in fields["several"])
    runs = [
        Run(
            {name: arrays.get(array) for name, array in run["inputs"].items()},
            arrays.get(run["target"]),
            arrays.get(run["train_rows"]),
            arrays.get(run["validation_rows"]),
            run["seed"],
            arrays.get(run["sample_weight"]),
            run["learning_rate"],
            arrays.get(run["watched_rows"]),
        )
        for run in content["runs"]
    ]
    return Learner(**fields), runs, content["settings"]


def write_fitted(folder: Path, position: int, fitted: Fitted) -> None:
    """Write the result of a run."""
    arrays = {f"weights{i}": value for i, value in enumerate(fitted.weights)}
    if fitted.validation_predictions is not None:
        arrays["predictions"] = fitted.validation_predictions
    np.savez(folder / f"fitted{position}.npz", **arrays)  # type: ignore[arg-type]
    numbers = {
        "history": fitted.history,
        "best_epoch": fitted.best_epoch,
        "epochs_run": fitted.epochs_run,
        "seconds": fitted.seconds,
    }
    (folder / f"fitted{position}.json").write_text(json.dumps(numbers), encoding="utf-8")


def read_fitted(folder: Path, position: int) -> Fitted:
    """What `write_fitted` wrote."""
    numbers = json.loads((folder / f"fitted{position}.json").read_text(encoding="utf-8"))
    with np.load(folder / f"fitted{position}.npz", allow_pickle=False) as file:
        weights = [file[f"weights{i}"] for i in range(sum("weights" in n for n in file.files))]
        predictions = file["predictions"] if "predictions" in file.files else None
    return Fitted(weights, validation_predictions=predictions, **numbers)
