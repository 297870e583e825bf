"""What a model answered on some rows, beside what was true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from throughline.errors import BadData, listed
from throughline.pipeline.problem import PROBLEMS
from throughline.pipeline.several_targets import answer
from throughline.preprocessing.reconstruction import FittedReconstruction

# Probabilities are kept this far from 0 and 1 in logarithms, as scikit-learn's log_loss does for
# float32.
CLOSEST = float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class Outcome:
    """Truth and answers, row by row.

    Attributes:
        task: the problem type.
        actual: positions of the classes (N,), 0/1 labels (N, L), or numbers (N, k).
        predicted: likewise.
        probabilities: (N, C) or (N, L); None for a model that decides without them.
        names: the classes, the labels or the target columns.
        reconstruction: what scaled the numbers, where a network gives back its columns.
    """

    task: str
    actual: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray | None
    names: tuple[str, ...]
    reconstruction: FittedReconstruction | None = field(default=None, kw_only=True)

    def __len__(self) -> int:
        return len(self.actual)

    def part(self, rows: np.ndarray) -> Outcome:
        """The outcome of some of the rows.

        Args:
            rows: positions or a mask.
        """
        probabilities = None if self.probabilities is None else self.probabilities[rows]
        return replace(
            self,
            actual=self.actual[rows],
            predicted=self.predicted[rows],
            probabilities=probabilities,
        )

    def of(self, place: int) -> Outcome:
        """The outcome of one target of several."""
        chosen = slice(place, place + 1)
        return replace(
            self,
            actual=self.actual[:, chosen],
            predicted=self.predicted[:, chosen],
            names=self.names[chosen],
        )

    def in_units(self) -> Outcome:
        """The outcome in the columns' own units."""
        given = self.reconstruction
        if given is None:
            return self
        return replace(
            self,
            actual=self.actual * given.divide + given.subtract,
            predicted=self.predicted * given.divide + given.subtract,
            reconstruction=None,
        )


@dataclass(frozen=True)
class Target:
    """What is predicted, as `prepare` fixed it.

    Attributes:
        task: the problem type.
        columns: the raw target columns.
        classes: the classes in order, for one class a row.
        scale: what training subtracted from and divided the target by.
        unit: of the target.
        reconstruction: the columns as the network sees them, where it gives them back. What is
            measured then is so scaled, since a mean over columns of different units says nothing.
        name: of one of several targets; empty where there is one.
    """

    task: str
    columns: tuple[str, ...]
    classes: tuple[Any, ...] | None
    subtract: np.ndarray
    divide: np.ndarray
    unit: str
    reconstruction: FittedReconstruction | None = None
    name: str = ""

    @classmethod
    def of(cls, task: str, prepared: Mapping[str, Any], name: str = "") -> Target:
        """The target that `prepared.json` describes, or the one of several that has this name."""
        target = prepared["target"]
        if name:
            (target,) = (each for each in target["targets"] if each["name"] == name)
        scale = target.get("scale") or {}
        classes = target.get("classes")
        if "features" in target:
            fitted = FittedReconstruction.from_json(target)
            columns = tuple(fitted.columns)
            return cls(task, columns, None, np.zeros(1), np.ones(1), "", fitted)
        return cls(
            task=task,
            columns=tuple(target["columns"]),
            classes=None if classes is None else tuple(classes),
            subtract=np.asarray(scale.get("subtract", 0.0), dtype=np.float64),
            divide=np.asarray(scale.get("divide", 1.0), dtype=np.float64),
            unit=target.get("unit") or "",
            name=name,
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The classes, labels or target columns as text."""
        if self._one_class:
            return tuple(str(value) for value in self.classes or ())
        return self.columns

    @property
    def _one_class(self) -> bool:
        return self.task in ("binary", "multiclass")

    def actual(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """The truth of raw rows, as `Outcome.actual` holds it.

        Raises:
            BadData: a class that training has not seen.
        """
        if self._one_class:
            return self.positions(columns[self.columns[0]])
        if self.reconstruction is not None:
            return self.reconstruction.array(columns).astype(np.float64)
        values = np.column_stack([columns[name] for name in self.columns])
        return values.astype(np.int64 if self.task == "multilabel" else np.float64)

    def positions(self, values: Sequence[Any] | np.ndarray) -> np.ndarray:
        """The position of each value among the classes, shape (N,)."""
        known = {_key(value): position for position, value in enumerate(self.classes or ())}
        keys = [_key(value) for value in values]
        unseen = sorted({str(key) for key in keys if key not in known})
        if unseen:
            raise BadData(
                f"Every class of '{self.columns[0]}' must be one of {listed(self.names)}",
                listed(unseen),
                "List all classes in `target: {column: ..., classes: [...]}`",
            )
        return np.array([known[key] for key in keys], dtype=np.int64)

    def outcome(
        self, columns: Mapping[str, np.ndarray], answers: Mapping[str, np.ndarray]
    ) -> Outcome:
        """Raw rows beside the outputs of `model.onnx` for them, those of the target alone."""
        probabilities: np.ndarray | None = None
        answers = {name: answers[answer(self.name, name)] for name in PROBLEMS[self.task].answers}
        if self.task == "binary":
            positive = answers["probability"].astype(np.float64).reshape(-1)
            probabilities = np.column_stack([1 - positive, positive])
            predicted = self.positions(answers["label"].reshape(-1))
        elif self.task == "multiclass":
            probabilities = answers["probabilities"].astype(np.float64)
            predicted = self.positions(answers["label"].reshape(-1))
        elif self.task == "multilabel":
            probabilities = answers["probabilities"].astype(np.float64)
            predicted = answers["labels"].astype(np.int64)
        else:
            predicted = answers["prediction"].astype(np.float64)
            predicted = predicted.reshape(len(predicted), -1)
            if self.reconstruction is not None:
                predicted -= self.reconstruction.subtract
                predicted /= self.reconstruction.divide
        actual, given = self.actual(columns), self.reconstruction
        return Outcome(
            self.task, actual, predicted, probabilities, self.names, reconstruction=given
        )


def _key(value: Any) -> Any:
    """A class so that 1, 1.0, True and numpy's own ones are the same one, and "1" another."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        return int(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value
