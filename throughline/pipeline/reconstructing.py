"""What must hold where a network gives back what it is given: `target: features`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from throughline.pipeline.schema.judgement import BASELINES
from throughline.pipeline.strict import MisplacedKey

if TYPE_CHECKING:
    from throughline.pipeline.pipeline import Pipeline

# What is done to a column and cannot be undone, or makes no number of it.
NO_WAY_BACK = ("derive", "encode", "text", "image", "log", "smooth", "change")


def features_can_be_given_back(pipeline: Pipeline) -> Iterator[MisplacedKey]:
    """The rules of `target: features`; each says all that breaks it."""
    if not pipeline.target.features:
        return
    if pipeline.task != "regression":
        yield MisplacedKey(
            f"'target: features' answers with numbers, and the task is '{pipeline.task}'; write "
            "'task: regression'",
            "task",
        )
    if pipeline.time is not None:
        yield MisplacedKey("'target: features' gives back rows, not windows of a series", "target")
    if pipeline.inputs is not None and len(pipeline.inputs) > 1:
        yield MisplacedKey("'target: features' takes one network input; remove 'inputs'", "inputs")
    for name, column in pipeline.columns.items():
        for key in NO_WAY_BACK:
            if getattr(column, key) is not None:
                yield MisplacedKey(
                    f"'target: features' gives back numbers as they are, and '{key}' has no way "
                    "back; remove it, or leave the column out",
                    "columns",
                    name,
                    key,
                )
    for number, comparison in enumerate(pipeline.compare):
        if comparison.model not in BASELINES:
            yield MisplacedKey(
                f"'{comparison.model}' would be given the columns that it is to predict; name "
                "'mean' instead",
                "compare",
                number,
            )
    if pipeline.training.start is not None:
        yield MisplacedKey(
            "'start' begins with the linear function that gives back every column at once; remove "
            "it",
            "training",
            "start",
        )
