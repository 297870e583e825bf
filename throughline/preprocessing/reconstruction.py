"""A target that is the features themselves: the network gives back what it was given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadData
from throughline.preprocessing.columns.kinds.number import FittedNumber, fit_number
from throughline.preprocessing.raw import raw_values
from throughline.preprocessing.several import FittedSeveral
from throughline.preprocessing.target import FittedTarget

if TYPE_CHECKING:
    import pandas as pd

    from throughline.preprocessing.plan import Plan

AMBIGUOUS = (
    "'features' means all columns, and the rows have a column of that name; write "
    "'target: {column: features}' for it, or rename it in 'source.read.rename'"
)


@dataclass(frozen=True)
class FittedReconstruction:
    """The features as the target, and the way back to the columns' own units.

    Attributes:
        numbers: what happens to each column before the network sees it, in the features' order.
    """

    numbers: Sequence[FittedNumber]

    task = "regression"
    classes = None

    @property
    def columns(self) -> list[str]:
        """The columns that are given back."""
        return [each.name for each in self.numbers]

    @property
    def units(self) -> int:
        """Of the network's output layer."""
        return len(self.numbers)

    @property
    def subtract(self) -> np.ndarray:
        """Of each column, (columns,); the graph adds it."""
        return np.array([each.subtract for each in self.numbers], dtype=np.float64)

    @property
    def divide(self) -> np.ndarray:
        """Of each column, (columns,); the graph multiplies by it."""
        return np.array([each.divide for each in self.numbers], dtype=np.float64)

    @property
    def scaled(self) -> bool:
        """Whether a column is."""
        return any((each.subtract, each.divide) != (0.0, 1.0) for each in self.numbers)

    def as_json(self) -> dict[str, Any]:
        """For prepared.json and for the metadata of the model."""
        scale = {"subtract": self.subtract.tolist(), "divide": self.divide.tolist()}
        return {
            "task": self.task,
            "columns": self.columns,
            "classes": None,
            "scale": scale,
            "unit": "",
            "features": [asdict(each) for each in self.numbers],
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> FittedReconstruction:
        """What `as_json` wrote."""
        held = content["features"]
        return cls([FittedNumber(**{**each, "missing": tuple(each["missing"])}) for each in held])

    def array(self, rows: Mapping[str, Any] | pd.DataFrame) -> np.ndarray:
        """What the network is given of rows, to the last bit: float32 (rows, columns)."""
        return np.column_stack([_given(each, rows[each.name]) for each in self.numbers])


def _given(fitted: FittedNumber, column: Any) -> np.ndarray:
    """A column by the steps of `write_numbers`, in the graph's own numbers."""
    if hasattr(column, "to_numpy"):
        column = column.to_numpy(dtype=np.float64, na_value=np.nan)
    values = np.asarray(column).astype(np.float64).astype(np.float32)
    for value in fitted.missing:
        values = np.where(values == np.float32(value), np.float32(np.nan), values)
    if fitted.impute is not None:
        values = np.where(np.isnan(values), np.float32(fitted.impute), values)
    if fitted.low is not None:
        values = np.maximum(values, np.float32(fitted.low))
    if fitted.high is not None:
        values = np.minimum(values, np.float32(fitted.high))
    scaled = (values - np.float32(fitted.subtract)) / np.float32(fitted.divide)
    return np.asarray(scaled, dtype=np.float32)


def read_target(content: dict[str, Any]) -> FittedTarget | FittedReconstruction | FittedSeveral:
    """The target of the prepared.json of rows."""
    if "targets" in content:
        return FittedSeveral.from_json(content)
    if "features" in content:
        return FittedReconstruction.from_json(content)
    return FittedTarget.from_json(content)


def fit_reconstruction(rows: pd.DataFrame, plan: Plan) -> FittedReconstruction:
    """Fit the steps of every column on training rows, as the features' own are.

    Args:
        rows: training rows, nothing else.
        plan: what happens to which column; all are numbers of one network input.

    Raises:
        BadData: a column that cannot be treated as the pipeline file asks, or one that is called
            `features`.
    """
    if "features" in rows.columns:
        raise BadData(f"'target': {AMBIGUOUS}")
    (planned,) = plan.inputs.values()
    return FittedReconstruction(
        [
            fit_number(
                each.name, raw_values(rows, each.name, each.kind).astype(np.float64), each.column
            )
            for each in planned
        ]
    )
