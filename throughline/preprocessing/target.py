"""The target: classes to numbers for training, numbers back to the target's unit in the graph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadData, BadPipeline, listed, nearest
from throughline.pipeline.problem import PROBLEMS
from throughline.pipeline.schema.targets import Target
from throughline.preprocessing.columns.kinds.number import scaling

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class FittedTarget:
    """How a target column is read.

    Attributes:
        task: the problem type.
        columns: the target columns.
        classes: in the order of their numbers; None for regression.
        subtract, divide: the scaling that training sees; the graph undoes it.
        unit: of the target.
    """

    task: str
    columns: Sequence[str]
    classes: Sequence[Any] | None
    subtract: float
    divide: float
    unit: str

    @property
    def units(self) -> int:
        """The number of units of the network's output layer."""
        if self.task == "multiclass":
            assert self.classes is not None
            return len(self.classes)
        return len(self.columns)

    @property
    def divides(self) -> float:
        """What errors are multiplied by to be in the target's unit."""
        return self.divide

    def as_json(self) -> dict[str, Any]:
        """For prepared.json and for the metadata of the model."""
        scale = None
        if (self.subtract, self.divide) != (0.0, 1.0):
            scale = {"subtract": self.subtract, "divide": self.divide}
        return {
            "task": self.task,
            "columns": list(self.columns),
            "classes": None if self.classes is None else list(self.classes),
            "scale": scale,
            "unit": self.unit,
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> FittedTarget:
        """What `as_json` wrote."""
        scale = content["scale"] or {"subtract": 0.0, "divide": 1.0}
        return cls(
            content["task"],
            content["columns"],
            content["classes"],
            scale["subtract"],
            scale["divide"],
            content["unit"],
        )

    def array(self, rows: pd.DataFrame) -> np.ndarray:
        """The target as the network is trained on.

        Returns:
            binary and multilabel: float32 (rows, columns) of 0 and 1; multiclass: int32 (rows,);
            regression and proportion: float32 (rows, columns), scaled.
        """
        if self.task in ("binary", "multiclass"):
            assert self.classes is not None
            number = {value: position for position, value in enumerate(self.classes)}
            labels = plain(rows[self.columns[0]])
            numbers = [number.get(value, -1) for value in labels]
            if -1 in numbers:
                raise BadData(
                    f"Target '{self.columns[0]}' must be one of {listed(self.classes)}",
                    labels[numbers.index(-1)],
                )
            if self.task == "multiclass":
                return np.array(numbers, dtype=np.int32)
            return np.array(numbers, dtype=np.float32)[:, None]
        values = rows[list(self.columns)].to_numpy(dtype=np.float64)
        return np.asarray((values - self.subtract) / self.divide, dtype=np.float32)


def plain(column: pd.Series) -> list[Any]:
    """The values of a column as Python's own numbers, strings and booleans."""
    return [value.item() if hasattr(value, "item") else value for value in column.tolist()]


def with_plain_classes(rows: pd.DataFrame, target: Target, task: str) -> pd.DataFrame:
    """The rows with classes of one spelling, and 1.0 and 2.0, which blanks made, as 1 and 2."""
    if task not in ("binary", "multiclass") or target.columns[0] not in rows.columns:
        return rows
    name = target.columns[0]
    values = rows[name]
    if target.letters == "fold":
        return rows.assign(**{name: values.map(folded, na_action="ignore").astype(values.dtype)})
    if values.dtype.kind != "f" or values.isna().any() or (values % 1 != 0).any():
        return rows
    return rows.assign(**{name: values.astype("int64")})


def folded(label: Any) -> Any:
    """A class in small letters, with single spaces.

    Example:
        >>> folded(" Very  GOOD ")
        'very good'
    """
    return " ".join(label.lower().split()) if isinstance(label, str) else label


def alike(labels: Iterable[Any]) -> list[Any]:
    """The classes that differ from another one in capitals or spaces only, those alike together."""
    found: dict[Any, list[Any]] = {}
    for label in sorted(set(labels), key=str):
        found.setdefault(folded(label), []).append(label)
    return [label for same in found.values() if len(same) > 1 for label in same]


def fit_target(rows: pd.DataFrame, target: Target, task: str) -> FittedTarget:
    """Fit the classes, or the scaling, of the target on training rows.

    Raises:
        BadPipeline: a target column that the rows do not have.
        BadData: missing targets, one class only, two classes wanted and more found, a number
            outside [0, 1] for a proportion, texts for a regression.
    """
    for name in target.columns:
        if name not in rows.columns:
            raise BadPipeline(
                f"target: the rows have no column '{name}'", remedy=nearest(name, rows.columns)
            )
        absent = rows[name].isna().to_numpy()
        if absent.any():
            raise BadData(
                f"Target '{name}' must be known in every row; it is missing in {int(absent.sum())}",
                f"first in row {int(np.flatnonzero(absent)[0])}",
                "Mend or remove the rows, or set them aside with "
                "`expect_column_values_to_not_be_null` and `on_failure: quarantine`",
            )
    if task in ("binary", "multiclass"):
        classes = _classes(rows, target, task)
        return FittedTarget(task, target.columns, classes, 0.0, 1.0, target.unit)
    values = _numbers(rows, target)
    if task in ("multilabel", "proportion"):
        allowed = np.isin(values, (0, 1)) if task == "multilabel" else (values >= 0) & (values <= 1)
        if not allowed.all():
            expected = "0 or 1" if task == "multilabel" else "between 0 and 1"
            raise BadData(
                f"Target of a {task} problem must be {expected}", float(values[~allowed][0])
            )
    if PROBLEMS[task].classifies:
        return FittedTarget(task, target.columns, list(target.columns), 0.0, 1.0, target.unit)
    subtract, divide = scaling(listed(target.columns), values.ravel(), target.scale)
    return FittedTarget(task, target.columns, None, subtract, divide, target.unit)


def _classes(rows: pd.DataFrame, target: Target, task: str) -> list[Any]:
    name = target.columns[0]
    found = set(plain(rows[name]))
    classes = list(target.classes) if target.classes else sorted(found)
    refused = target.unseen == "refuse"
    absent = [value for value in classes if value not in found] if refused else []
    strangers = sorted(found.difference(classes))
    if absent or strangers:
        raise BadData(
            f"target.classes must be the classes of the training rows, {listed(sorted(found))}",
            listed(classes),
        )
    same = alike(classes)
    if same and target.letters == "refuse":
        raise BadData(
            f"Classes of target '{name}' must differ in more than capitals and spaces",
            listed(map(repr, same)),
            "Set `target.letters: fold` to make them one, or `keep` where they are several",
        )
    if len(classes) < 2:
        raise BadData(
            f"Target '{name}' must have at least two classes in the training rows",
            f"only {listed(classes)}",
            "Bring rows of the other class, or change the split",
        )
    if task == "binary" and len(classes) != 2:
        raise BadData(
            f"Target '{name}' of a binary problem must have two classes",
            listed(classes),
            "Use `task: multiclass`",
        )
    if any(isinstance(value, float) for value in classes):
        raise BadData(
            f"Classes of target '{name}' must be whole numbers, texts or booleans",
            listed(classes),
            "Use `task: regression` for a quantity",
        )
    return [int(value) if isinstance(value, bool) else value for value in classes]


def _numbers(rows: pd.DataFrame, target: Target) -> np.ndarray:
    try:
        return rows[target.columns].to_numpy(dtype=np.float64)
    except (TypeError, ValueError):
        raise BadData(f"Target {listed(target.columns)} must hold numbers") from None
