"""`targets`: what may stand beside them, and one line for what may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from tests.repositories import write_pipeline
from throughline.cli.check import problems_of
from throughline.cli.named_columns import unknown_columns
from throughline.cli.schema import content
from throughline.pipeline.pipeline import Pipeline
from throughline.pipeline.several_targets import of_each

DOCUMENT: dict[str, Any] = {
    "title": "What will a flat cost, and will it sell?",
    "source": {"sklearn": "wine", "licence": "CC BY 4.0"},
    "targets": {
        "price": {"task": "regression", "loss": "mae", "weight": 0.5, "scale": "standard"},
        "sold": {"task": "binary", "column": "sale"},
    },
    "columns": {"area": {"scale": "standard"}, "rooms": {}},
    "compare": ["price.mean", {"price.SVR": {"C": 2}}, "sold.LogisticRegression"],
    "gates": {"beat": "price.mean", "lower(price.mae)": "<= 3", "sold.accuracy": ">= 0.9"},
    "network": {
        "layers": [
            {"Dense": {"units": 3}},
            {"Output": {}, "name": "price"},
            {"Output": {}, "name": "sold"},
        ]
    },
}


def test_each_sees_the_pipeline_as_its_own() -> None:
    pipeline = Pipeline.model_validate(DOCUMENT)
    assert pipeline.target.columns == ["price", "sale"] and pipeline.class_columns == ["sale"]
    price, sold = of_each(pipeline).values()
    assert (price.task, price.target.columns, price.training.loss) == (
        "regression",
        ["price"],
        "mae",
    )
    assert [(each.model, each.arguments) for each in price.compare] == [
        ("mean", {}),
        ("SVR", {"C": 2}),
    ]
    assert (price.gates.beat, price.gates.metrics) == (["mean"], {"lower(mae)": "<= 3"})
    assert (sold.problem.baseline, sold.gates.metrics) == ("majority", {"accuracy": ">= 0.9"})
    assert not price.targets and price.columns == pipeline.columns
    lines = list(unknown_columns(pipeline, ["area", "rooms", "price", "sold"]))
    assert len(lines) == 1 and "no column 'sale'" in lines[0]


def test_one_target_is_the_pipeline_itself() -> None:
    alone = {key: DOCUMENT[key] for key in ("title", "source", "columns")}
    pipeline = Pipeline.model_validate(alone | {"task": "binary", "target": "sale"})
    assert of_each(pipeline) == {"": pipeline}


def test_editors_know_both_ways() -> None:
    schema = content()
    jsonschema.validate(DOCUMENT, schema)
    alone = {key: DOCUMENT[key] for key in ("title", "source", "columns")}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(alone | {"task": "binary"}, schema)


WATCHED = {"max": 9, "patience": 2, "monitor": "val_mae"}
PRICE = DOCUMENT["targets"]["price"]


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"task": "binary"}, "no place beside 'targets'"),
        ({"target": "price"}, "no place beside 'targets'"),
        ({"targets": {"price": PRICE}}, "one target is written as 'task' and 'target'"),
        ({"targets": {"price": PRICE, "sold": "binary"}}, r"a mapping such as \{task: binary\}"),
        ({"targets": {"price": PRICE, "sold": {"task": "forecast"}}}, "a task of binary"),
        ({"targets": {"price": PRICE, "a.b": {"task": "binary"}}}, "holds no '.'"),
        ({"targets": {"price": PRICE, "features": {"task": "binary"}}}, "another thing"),
        ({"targets": {"price": PRICE, "area": {"task": "binary"}}}, "cannot be a feature too"),
        ({"targets": {"price": PRICE, "two": {**PRICE, "column": "price"}}}, "by 'price' already"),
        ({"targets": {"price": PRICE, "sold": {"task": "binary", "scale": "standard"}}}, "scale"),
        ({"targets": {"price": PRICE, "sold": {"task": "binary", "weight": 0}}}, "greater than 0"),
        ({"columns": {"sold_label": {}}}, "'sold_label' is what the model answers"),
        ({"time": {"index": "day", "every": "1d", "lookback": 3}}, "not of windows of a series"),
        ({"training": {"loss": "mae"}}, "give each of 'targets' its own"),
        ({"training": {"class_weight": "balanced"}}, "weighs the classes of one target"),
        ({"compare_by": "price.mae"}, "compared by its first gate"),
        ({"export": {"precisions": ["float16"]}}, "smaller files are judged by one target"),
        ({"cross_validation": {"stratify": True}}, "shares of one target's classes"),
        ({"compare": ["mean"]}, "begin with its target, such as 'price.mean'"),
        ({"compare": ["prize.mean"]}, "Did you mean 'price'"),
        ({"compare": ["price.persistence"]}, "forecasts series"),
        ({"gates": {"mae": "<= 3"}}, "such as 'price.mae'"),
        ({"gates": {"sold.precision_at": "<= 3"}}, None),
    ],
)  # fmt: skip
def test_refuses_in_one_line(section: dict[str, Any], message: str | None, tmp_path: Path) -> None:
    if message is not None:
        with pytest.raises(ValidationError, match=message):
            Pipeline.model_validate(DOCUMENT | section)
    lines = list(problems_of(write_pipeline(tmp_path, "flats", DOCUMENT | section)))
    assert lines and not any("Traceback" in line or "\n" in line for line in lines)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"gates": {"sold.mae": "<= 3"}}, "gates.sold.mae: no metric 'mae' of a binary problem"),
        ({"targets": {"price": {**PRICE, "loss": "maa"}}}, "targets.price.loss"),
        ({"targets": {"price": {**PRICE, "metrics": ["mape"]}}}, "targets.price.metrics: mape"),
        ({"targets": {"price": {**PRICE, "loss": {"Huber": {"reduction": "sum"}}}}}, "each row"),
        ({"targets": {"sold": {"task": "binary", "loss": "CategoricalCrossentropy"}}},
         "targets.sold.loss: CategoricalCrossentropy takes a probability for each class"),
        ({"network": [{"Dense": {"units": 2}}, {"Output": {}}]}, "name of its target"),
        ({"network": {"layers": [{"Output": {}, "name": "price"}]}}, "none is 'sold'"),
        ({"network": {"layers": [
            {"Output": {}, "name": "price"}, {"Output": {"activation": "relu"}, "name": "sold"},
        ]}}, "should be sigmoid"),
        ({"training": {"validation": 0.1, "epochs": WATCHED}}, "Did you mean 'val_price.mae'"),
    ],
)  # fmt: skip
def test_check_knows_the_names_of_each(
    section: dict[str, Any], message: str, tmp_path: Path
) -> None:
    if "targets" in section:
        section = {"targets": DOCUMENT["targets"] | section["targets"]}
    lines = list(problems_of(write_pipeline(tmp_path, "flats", DOCUMENT | section)))
    assert any(message in line for line in lines), lines


@pytest.mark.parametrize("choice", [{}, {"a": 1, "b": 2}, {"Huber": 0.1}])
def test_an_object_of_keras_is_one_name(choice: Any, tmp_path: Path) -> None:
    """Of a target and of section `training` alike: an argument without its name had no effect."""
    line = "must be a name, or a mapping of one name to a mapping of its arguments"
    targets = DOCUMENT["targets"] | {"price": {**PRICE, "loss": choice}}
    (found,) = problems_of(write_pipeline(tmp_path, "flats", DOCUMENT | {"targets": targets}))
    assert found.endswith(f"targets.price.loss: {line}.")
    for key in ("optimizer", "schedule"):
        document = DOCUMENT | {"training": {key: choice}}
        (found,) = problems_of(write_pipeline(tmp_path, "flats", document))
        assert found.endswith(f"training.{key}: {line}.")


def test_right_ones_are_right(tmp_path: Path) -> None:
    rows = {name: [1.0, 2.0] for name in ("area", "rooms", "price")} | {"sale": ["a", "b"]}
    right = {**DOCUMENT, "source": {"rows": rows}}
    assert not list(problems_of(write_pipeline(tmp_path, "flats", right)))
    linear = {**right, "network": []}
    assert not list(problems_of(write_pipeline(tmp_path, "linear", linear)))


@pytest.mark.parametrize(
    ("compare", "said"),
    [
        ({"price.SVR": {"C": -1}}, "compare.0: The 'C' parameter of SVR must be"),
        ({"sold.SVC": {"kernel": "rbff"}}, "compare.0: The 'kernel' parameter of SVC must be"),
    ],
)
def test_values_that_a_comparison_refuses_are_told(
    compare: dict[str, Any], said: str, tmp_path: Path
) -> None:
    """They were a traceback of `evaluate`, after all training."""
    document = DOCUMENT | {"compare": [compare], "gates": {}}
    (found,) = problems_of(write_pipeline(tmp_path, "flats", document))
    assert said in found
