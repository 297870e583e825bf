"""The sections `target` and `targets` of a pipeline file: what a network answers."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from throughline.pipeline.problem import SEVERAL, Task
from throughline.pipeline.schema.columns import Scalar, Scaling
from throughline.pipeline.schema.time import Changing
from throughline.pipeline.schema.training import Choice
from throughline.pipeline.strict import MisplacedKey, Strict


class Target(Strict):
    """What is to be predicted; written as a column's name, a list of names, or `features`.

    `target: features` is an autoencoder: the network is given the columns and gives them back, in
    their own units, with the error that it makes in each row.

    Args:
        columns: the columns that are predicted.
        features: true is the long form of `target: features`.
        scale: of a regression's target, for training only: predictions come out in its own unit.
        classes: their order; the last one of two is the positive class. Default: sorted.
        change: predicts by how much the target will have changed, and the graph turns that into the
            value itself; `direction` asks whether it will have risen.
        unit: of the target, for reports and pages.
        unseen: `allow` takes classes that no training row has, which a pretrained network may know
            all the same.
        letters: what classes are that differ in capitals or spaces only: one (`fold`, in small
            letters), several (`keep`), or a mistake (`refuse`).
    """

    columns: list[str] = []
    features: bool = False
    scale: Scaling = None
    classes: list[Scalar] | None = Field(default=None, min_length=2)
    change: Changing = None
    unit: str = ""
    unseen: Literal["refuse", "allow"] = "refuse"
    letters: Literal["refuse", "fold", "keep"] = "refuse"

    @model_validator(mode="after")
    def _columns_or_features(self) -> Target:
        if not self.features and not self.columns:
            raise ValueError("must name a column, or be 'features', which the network gives back")
        fields = type(self).model_fields.items()
        given = [name for name, field in fields if getattr(self, name) != field.default]
        useless = [name for name in given if name != "features"]
        if self.features and useless:
            raise ValueError(f"'{useless[0]}' has no effect beside 'features'")
        return self


def short_target(value: Any) -> Any:
    """The long form of `target: NAME`, `[NAME, NAME]`, `{column: NAME}` or `features`."""
    if value == "features":
        return {"features": True}
    if isinstance(value, str):
        return {"columns": [value]}
    if isinstance(value, list):
        return {"columns": value}
    if isinstance(value, dict) and "column" in value and "columns" not in value:
        return {"columns": [value["column"]], **{k: v for k, v in value.items() if k != "column"}}
    if not isinstance(value, (dict, Target)):
        raise ValueError("must be the name of a column, a list of names or a mapping")
    return value


class NamedTarget(Target):
    """One of several targets, with a task, a loss and figures of its own.

    Args:
        task: the problem type; the last layer, loss, metric and baseline follow from it.
        loss: a Keras loss. Default: the one of the task.
        metrics: Keras metrics. Default: those of the task.
        weight: of its loss in the sum that is trained on. Default: 1.
    """

    task: Task
    loss: Choice | None = None
    metrics: list[Choice] | None = None
    weight: float = Field(default=1.0, gt=0)


def named_columns(targets: Any) -> Any:
    """The long form of targets whose column is called like the target itself."""
    if not isinstance(targets, dict):
        return targets
    return {name: _with_column(name, each) for name, each in targets.items()}


def _with_column(name: str, target: Any) -> Any:
    if isinstance(target, str):
        raise MisplacedKey(f"must be a mapping such as {{task: {target}}}", name)
    if not isinstance(target, dict) or "columns" in target:
        return target
    return {
        "columns": [target.get("column", name)],
        **{k: v for k, v in target.items() if k != "column"},
    }


def with_targets(document: Any) -> Any:
    """The document of several targets with the `task` and `target` that stand for all of them.

    Raises:
        MisplacedKey: one of these is there beside them.
    """
    if not isinstance(document, dict) or not isinstance(document.get("targets"), dict):
        return document
    if not document["targets"]:
        return document
    for key in ("task", "target"):
        if key in document and document[key] != SEVERAL:
            raise MisplacedKey("has no place beside 'targets', each of which has its own", key)
    names = [
        column
        for name, each in named_columns(document["targets"]).items()
        for column in _columns(name, each)
    ]
    return {**document, "task": SEVERAL, "target": {"columns": names}}


def _columns(name: str, target: Any) -> list[str]:
    found = target.get("columns", [target.get("column", name)]) if isinstance(target, dict) else []
    return [str(column) for column in found] if isinstance(found, list) else [str(found)]


def one_or_several(schema: dict[str, Any]) -> None:
    """Tell editors that a file has `task` and `target`, or `targets`."""
    alone = ("task", "target")
    schema["required"] = [key for key in schema["required"] if key not in alone]
    schema["anyOf"] = [{"required": list(alone)}, {"required": ["targets"]}]
