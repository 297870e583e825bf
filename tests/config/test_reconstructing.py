"""`target: features`: what may stand beside it, and one line for what may not."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from throughline.cli.named_columns import unknown_columns
from throughline.pipeline.pipeline import Pipeline

DOCUMENT: dict[str, Any] = {
    "title": "What is unlike the rest?",
    "task": "regression",
    "source": {"sklearn": "wine", "licence": "CC BY 4.0"},
    "target": "features",
    "columns": {"ash": {"scale": "standard"}, "proline": {"impute": "mean", "clip": [0, 2000]}},
}


def test_names_no_column() -> None:
    pipeline = Pipeline.model_validate(DOCUMENT)
    assert pipeline.target.features and not pipeline.target.columns
    assert Pipeline.model_validate(pipeline.model_dump()) == pipeline
    assert not list(unknown_columns(pipeline, ["ash", "proline"]))
    (line,) = unknown_columns(pipeline, ["ash", "proline", "features"])
    assert line.startswith("target: 'features' means all columns") and "{column: features}" in line


def test_a_column_of_that_name_is_still_one() -> None:
    pipeline = Pipeline.model_validate({**DOCUMENT, "target": {"column": "features"}})
    assert (pipeline.target.columns, pipeline.target.features) == (["features"], False)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"task": "binary"}, "the task is 'binary'; write 'task: regression'"),
        ({"time": {"index": "day", "every": "1d", "lookback": 3}}, "not windows of a series"),
        ({"inputs": {"a": ["ash"], "b": ["proline"]}}, "one network input; remove 'inputs'"),
        ({"columns": {"ash": {"log": "natural"}}}, "'log' has no way back"),
        ({"columns": {"ash": {"encode": "one-hot"}}}, "'encode' has no way back"),
        ({"columns": {"ash": {"text": {"encode": "multi-hot"}}}}, "'text' has no way back"),
        ({"columns": {"two": {"derive": {"sum": ["ash", "proline"]}}}}, "'derive' has no way"),
        ({"compare": ["LinearRegression"]}, "given the columns that it is to predict; name 'mean'"),
        ({"training": {"start": "linear"}}, "gives back every column at once"),
        ({"target": {"features": True, "unit": "g"}}, "'unit' has no effect beside 'features'"),
        ({"target": {"features": True, "columns": ["ash"]}}, "'columns' has no effect beside"),
        ({"target": {"scale": "standard"}}, "must name a column, or be 'features'"),
        ({"target": "ash"}, "write 'target: features'"),
    ],
)
def test_refuses_what_cannot_be_given_back(section: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Pipeline.model_validate(DOCUMENT | section)
