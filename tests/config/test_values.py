"""Values that Keras refuses, or never looks at, are told by `check`, before anything is fetched."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.config.test_errors import RIGHT
from tests.config.test_mistakes import PYDANTIC
from throughline.cli import main, required
from throughline.paths import Workspace

DECAY = {"ExponentialDecay": {"initial_learning_rate": 0.1}}
PLATEAU = "training.schedule.ReduceLROnPlateau"


def optimizer(name: str, **arguments: Any) -> dict[str, Any]:
    return {"training": {"optimizer": {name: arguments}}}


def schedule(name: str, **arguments: Any) -> dict[str, Any]:
    return {"training": {"schedule": {name: arguments}, "validation": 0.2}}


def loss(name: str, **arguments: Any) -> dict[str, Any]:
    return {"training": {"loss": {name: arguments}}}


def layer(kind: str, **arguments: Any) -> dict[str, Any]:
    return {"network": [{kind: arguments}]}


# What stands in the file, the keys that the line begins with, and a part of what it says.
WRONG: list[tuple[dict[str, Any], str, str]] = [
    (optimizer("SGD", learning_rate=1), "training.optimizer.SGD.learning_rate", "Write 1.0"),
    (optimizer("SGD", learning_rate=DECAY), "training.optimizer.SGD.learning_rate", "'training.sc"),
    (optimizer("SGD", momentum=2), "training.optimizer.SGD.momentum", "from 0 to at most 1"),
    (optimizer("SGD", nesterov=True), "training.optimizer.SGD.nesterov", "without 'momentum'"),
    (optimizer("SGD", clipnorm=1.0, clipvalue=1.0), "training.optimizer.SGD", "clip in one way"),
    (optimizer("SGD", clipnorm=-1.0), "training.optimizer.SGD.clipnorm", "above 0"),
    (optimizer("SGD", ema_momentum=0.9), "training.optimizer.SGD.ema_momentum", "'use_ema'"),
    (optimizer("SGD", use_ema="yes"), "training.optimizer.SGD.use_ema", "true or false"),
    (
        optimizer("SGD", gradient_accumulation_steps=2.5),
        "training.optimizer.SGD.gradient_accumulation_steps",
        "a whole number from 2 on. Received: 2.5.",
    ),
    (optimizer("Adam", beta_1=1.5), "training.optimizer.Adam.beta_1", "from 0 below 1"),
    (optimizer("Adam", epsilon=-1), "training.optimizer.Adam.epsilon", "from 0 on"),
    (optimizer("AdamW", weight_decay=-1), "training.optimizer.AdamW.weight_decay", "from 0 on"),
    (
        {"training": {"warm_up": {"epochs": 1, "optimizer": {"SGD": {"momentum": 2}}}}},
        "training.warm_up.optimizer.SGD.momentum",
        "from 0 to at most 1",
    ),
    ({"training": {"warm_up": {"epochs": 1}}}, "training.warm_up", "'network' has none"),
    (schedule("ExponentialDecay"), "training.schedule.ExponentialDecay", "'initial_learning_rate'"),
    (
        schedule("CosineDecay", initial_learning_rate=0.1, decay_steps=0),
        "training.schedule.CosineDecay.decay_steps",
        "above 0",
    ),
    (
        schedule("ReduceLROnPlateau", factor=1.5),
        "training.schedule.ReduceLROnPlateau.factor",
        "1.5",
    ),
    (
        schedule("ReduceLROnPlateau", mode="mix"),
        "training.schedule.ReduceLROnPlateau.mode",
        "'min'",
    ),
    (
        {"training": {"optimizer": {"SGD": {"learning_rate": 0.1}}, "schedule": "CosineDecay"}},
        "training.schedule",
        "Remove its learning_rate",
    ),
    (
        loss("BinaryCrossentropy", label_smoothing=1.5),
        "training.loss.BinaryCrossentropy.label_smoothing",
        "from 0 to at most 1",
    ),
    (
        loss("BinaryCrossentropy", reduction="avg"),
        "training.loss.BinaryCrossentropy.reduction",
        "should be one of",
    ),
    (
        loss("BinaryFocalCrossentropy", alpha=0.3),
        "training.loss.BinaryFocalCrossentropy.alpha",
        "without 'apply_class_balancing'",
    ),
    ({"training": {"metrics": ["MeanIoU"]}}, "training.metrics[0].MeanIoU", "'num_classes'"),
    (
        {"training": {"metrics": [{"AUC": {"num_thresholds": 1}}]}},
        "training.metrics[0].AUC.num_thresholds",
        "from 2 on",
    ),
    ({"training": {"class_weight": {"maybe": 2, 0: 1}}}, "training.class_weight", "from 0 on"),
    ({"training": {"class_weight": {1: -2}}}, "training.class_weight.1", "not be below 0"),
    (
        {
            "training": {"epochs": {"max": 3, "choose": "cross_validation"}},
            "cross_validation": None,
        },
        "training.epochs.choose",
        "'cross_validation'",
    ),
    (layer("Dense"), "network[0].Dense", "the argument 'units'"),
    (layer("Dense", units=0), "network[0].Dense.units", "from 1 on. Received: 0."),
    (layer("Dense", units=2, use_bias="no"), "network[0].Dense.use_bias", "true or false"),
    (layer("Dense", units=2, dtype="float33"), "network[0].Dense.dtype", "'float32'?"),
    (
        layer("Dense", units=2, kernel_regularizer={"L2": {"l2": -1}}),
        "network[0].Dense.kernel_regularizer.L2.l2",
        "from 0 on",
    ),
    (layer("Dropout", rate=2), "network[0].Dropout.rate", "from 0 to at most 1"),
    (layer("Dropout", rate=0.2, seed="a"), "network[0].Dropout.seed", "a whole number"),
    (
        layer("BatchNormalization", momentum=3),
        "network[0].BatchNormalization.momentum",
        "at most 1",
    ),
    (layer("Flatten", data_format="last"), "network[0].Flatten.data_format", "channels_last"),
    (
        layer("Conv2D", filters=2, kernel_size=2, padding="causal"),
        "network[0].Conv2D.padding",
        "one of valid, same.",
    ),
    (
        layer("Conv2D", filters=2, kernel_size=[2, 0]),
        "network[0].Conv2D.kernel_size",
        "Received: [2, 0].",
    ),
    (
        layer("Bidirectional", layer={"Dense": {"units": 2}}),
        "network[0].Bidirectional.layer.Dense",
        "a recurrent layer",
    ),
    (layer("TimeDistributed", layer="Dense"), "network[0].TimeDistributed.layer.Dense", "'units'"),
    (
        {
            "network": {
                "layers": [
                    {"Dense": {"units": 2}, "name": "a"},
                    {"Dense": {"units": 2}, "from": "features"},
                ]
            }
        },
        "network.layers[0].Dense",
        "leads nowhere",
    ),
    (
        {
            "network": {"layers": [{"Dense": {"units": 2}, "from": "one"}]},
            "inputs": {"one": ["x"], "two": ["town"]},
        },
        "inputs.two",
        "would have no say",
    ),
    ({"columns": {"x": {"clip": [5, 1]}}}, "columns.x.clip", "its low end below"),
    (
        {"columns": {"town": {"text": {"tokens": "[a-", "vocabulary": 9}}}},
        "columns.town.text.tokens",
        "a pattern of RE2",
    ),
    (
        {"columns": {"town": {"text": {"tokens": "(?=a)b", "vocabulary": 9}}}},
        "columns.town.text.tokens",
        "which has no '(?='",
    ),
    (
        {"columns": {"a": {"derive": {"matches": {"of": ["town"], "to": "("}}}}},
        "columns.a.derive.matches.to",
        "a pattern of RE2",
    ),
    (
        {
            "expectations": {
                "rules": [
                    {
                        "expect_column_values_to_be_between": {
                            "column": "x",
                            "min_value": 5,
                            "max_value": 1,
                        }
                    }
                ]
            }
        },
        "expectations.rules[0].expect_column_values_to_be_between",
        "Received: 5 and 1.",
    ),
    ({"gates": {"accuracy": ">= 1.5"}}, "gates.accuracy", "lies between 0 and 1"),
    ({"compare": ["LinearRegression"]}, "compare.0", "Name a classifier"),
    ({"compare": [{"SVC": {"c": 1}}]}, "compare.0", "Did you mean 'C'?"),
    ({"sweeps": {"s": {"over": {"training.epoch": [1]}}}}, "sweeps.s.over", "mean 'epochs'?"),
    ({"sweeps": {"s": {"over": {"training.epochs": [1, "b"]}}}}, "sweeps.s.over", "a whole number"),
    (
        {"sweeps": {"s": {"over": {"network.0.Dense.units": [4, 0]}}}},
        "sweeps.s.over",
        "network[0].Dense.units should be a whole number from 1 on",
    ),
]
# What may look wrong and is not.
RIGHTS: list[dict[str, Any]] = [
    optimizer("SGD", learning_rate=0.0),
    optimizer("SGD", momentum=0.9, nesterov=True, use_ema=True, ema_momentum=0.9),
    schedule("ReduceLROnPlateau", factor=0.5),
    {"training": {"optimizer": {"SGD": {"learning_rate": 0.1}}, "schedule": "reduce_lr_on_plateau",
                  "validation": 0.2}},
    layer("GroupNormalization", groups=-1),
    {"network": {"layers": [{"Dense": {"units": 2}}, {"Dense": {"units": 2}, "from": "features"},
                            {"Concatenate": {}, "from": ["dense", "dense_1"]}]}},
    {"columns": {"town": {"text": {"tokens": r"a(?i)\pL+[(?=]", "vocabulary": 9}}}},
    {"gates": {"accuracy": "<= 1"}},
]  # fmt: skip


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.chdir(tmp_path)
    workspace = Workspace(Path(), "rain")
    workspace.pipeline_file.parent.mkdir(parents=True)
    return workspace


@pytest.mark.parametrize(("changes", "place", "told"), WRONG, ids=[f"{p}-{t}" for _, p, t in WRONG])
def test_a_value_that_cannot_be(
    changes: dict[str, Any], place: str, told: str, project: Workspace, capsys: Any
) -> None:
    project.pipeline_file.write_text(yaml.safe_dump(RIGHT | changes, sort_keys=False))
    assert main(["check", "rain"]) == 2
    said = capsys.readouterr().err
    begun = rf"error: pipelines/rain/pipeline\.yaml:\d+:\d+: {re.escape(place)}[: ]"
    assert any(re.match(begun, line) and told in line for line in said.splitlines()), said
    assert not PYDANTIC.search(said)


@pytest.mark.parametrize("changes", RIGHTS, ids=[str(i) for i in range(len(RIGHTS))])
def test_a_value_that_may_be(changes: dict[str, Any], project: Workspace, capsys: Any) -> None:
    project.pipeline_file.write_text(yaml.safe_dump(RIGHT | changes, sort_keys=False))
    assert main(["check", "rain"]) == 0, capsys.readouterr().err


def test_what_keras_cannot_do_without_is_known() -> None:
    assert required.FILE.read_text() == required.written(required.collect())
