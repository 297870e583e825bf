"""Several targets of one network, each fitted by itself, side by side in one array."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.pipeline.problem import PROBLEMS, SEVERAL
from throughline.pipeline.several_targets import answer, of_each
from throughline.preprocessing import target
from throughline.preprocessing.target import FittedTarget, fit_target

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.pipeline import Pipeline


@dataclass(frozen=True)
class FittedSeveral:
    """How the columns of several targets are read.

    Attributes:
        parts: each target by its name, in the order of the network's outputs.
    """

    parts: Mapping[str, FittedTarget]

    task = SEVERAL
    classes = None

    @property
    def columns(self) -> list[str]:
        """The columns of all targets."""
        return [name for part in self.parts.values() for name in part.columns]

    @property
    def units(self) -> int:
        """Of all outputs of the network together."""
        return sum(part.units for part in self.parts.values())

    @property
    def divides(self) -> dict[str, float]:
        """What each target was divided by."""
        return {name: part.divide for name, part in self.parts.items()}

    def as_json(self) -> dict[str, Any]:
        """For prepared.json and for the metadata of the model."""
        return {
            "task": self.task,
            "columns": self.columns,
            "classes": None,
            "scale": None,
            "unit": "",
            # A list, since outputs have an order and our files sort the keys of an object.
            "targets": [
                {
                    "name": name,
                    "answers": {each: answer(name, each) for each in PROBLEMS[part.task].answers},
                    **part.as_json(),
                }
                for name, part in self.parts.items()
            ],
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> FittedSeveral:
        """What `as_json` wrote."""
        return cls(several_of(content))

    def array(self, rows: pd.DataFrame) -> np.ndarray:
        """The targets as the network is trained on, float32, each in its columns.

        The number of a class is a float here; whoever judges makes it a whole number again.
        """
        arrays = [part.array(rows) for part in self.parts.values()]
        return np.column_stack([array.astype(np.float32) for array in arrays])

    def own(self, array: np.ndarray, name: str) -> np.ndarray:
        """The part of `array` that is one target's, as a pipeline of it alone has it."""
        first = 0
        for each, part in self.parts.items():
            width = 1 if part.task == "multiclass" else part.units
            if each == name:
                found = array[:, first : first + width]
                return found[:, 0].astype(np.int32) if part.task == "multiclass" else found
            first += width
        raise KeyError(name)


def several_of(content: Mapping[str, Any]) -> dict[str, FittedTarget]:
    """Each of several targets by its name; none where there is one.

    Args:
        content: the entry `target` of prepared.json, or of a model's metadata.
    """
    return {each["name"]: FittedTarget.from_json(each) for each in content.get("targets", ())}


def fit_targets(rows: pd.DataFrame, view: Pipeline) -> FittedTarget | FittedSeveral:
    """Fit the target, or each of several, on training rows.

    Args:
        rows: training rows, nothing else.
        view: a pipeline with `target`, `targets` and `task`.

    Raises:
        BadPipeline: a target column that the rows do not have.
        BadData: as `fit_target` does, of any of them.
    """
    fitted = {
        name: fit_target(rows, each.target, each.task) for name, each in of_each(view).items()
    }
    return FittedSeveral(fitted) if view.targets else fitted[""]


def with_plain_classes(rows: pd.DataFrame, view: Pipeline) -> pd.DataFrame:
    """The rows with the classes of every target spelt as `target.with_plain_classes` has them."""
    for each in of_each(view).values():
        rows = target.with_plain_classes(rows, each.target, each.task)
    return rows


def is_scaled(view: Pipeline) -> bool:
    """Whether the target, or one of several, is."""
    return any(each.target.scale is not None for each in of_each(view).values())
