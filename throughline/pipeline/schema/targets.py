"""The `targets:` section of a pipeline file: several answers of one network."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from throughline.pipeline.problem import SEVERAL, Task
from throughline.pipeline.schema.columns import Target
from throughline.pipeline.schema.training import Choice
from throughline.pipeline.strict import MisplacedKey


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
