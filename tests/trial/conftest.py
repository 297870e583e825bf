"""Small models of each kind of contract, made by the project's own graphs around given weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper, numpy_helper

from throughline.export.graph.join import join
from throughline.pipeline.schema.columns import Column
from throughline.pipeline.schema.targets import NamedTarget, Target
from throughline.preprocessing.contract import contract
from throughline.preprocessing.fit import fit
from throughline.preprocessing.graph.answers import answers, several_answers
from throughline.preprocessing.plan import plan
from throughline.preprocessing.several import FittedSeveral
from throughline.preprocessing.target import FittedTarget, fit_target
from throughline.serving.model_metadata import KEY

LENGTH, HORIZONS = 6, 3


@dataclass(frozen=True)
class Asked:
    """A model's file, and rows to ask it by."""

    path: Path
    rows: list[dict[str, Any]]


def of_rows(path: Path, rows: pd.DataFrame, columns: dict[str, Any], target: str) -> Path:
    """A model of the classes of `target` with random weights."""
    goal = fit_target(rows, Target(columns=[target]), "multiclass")
    return of_goal(path, rows, columns, goal)


def of_goal(
    path: Path, rows: pd.DataFrame, columns: dict[str, Any], goal: FittedTarget | FittedSeveral
) -> Path:
    """A model of what is predicted of rows, with random weights."""
    checked = {name: Column.model_validate(column) for name, column in columns.items()}
    planned = plan(rows, checked, None, list(goal.columns))
    fitted = fit(rows, planned)
    (features,) = (
        value.type.tensor_type.shape.dim[1].dim_value for value in fitted.graph.graph.output
    )
    weights = np.random.default_rng(0).normal(0, 1, (features, goal.units)).astype(np.float32)
    network = helper.make_model(
        helper.make_graph(
            [
                helper.make_node("MatMul", ["features", "w"], ["logits"]),
                helper.make_node("Softmax", ["logits"], ["output"], axis=1),
            ],
            "network",
            [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", features])],
            [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["N", goal.units])],
            [numpy_helper.from_array(weights, "w")],
        ),
        opset_imports=[helper.make_opsetid("", 23)],
        ir_version=11,
    )
    several = isinstance(goal, FittedSeveral)
    back = several_answers(goal, "output") if several else answers(goal, "output")
    model = join(join(fitted.graph, network), back)
    return saved(
        path,
        model,
        {
            "inputs": contract(rows, planned),
            "target": goal.as_json(),
            "task": goal.task,
            "title": "Which?",
        },
    )


def saved(path: Path, model: onnx.ModelProto, metadata: dict[str, Any]) -> Path:
    entry = model.metadata_props.add()
    entry.key, entry.value = KEY, json.dumps(metadata)
    path.parent.mkdir(parents=True)
    onnx.save(model, path)
    return path


@pytest.fixture(scope="session")
def model_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The project's folder of a model, `models/NAME/model.onnx`, by the kind of its contract."""
    root = tmp_path_factory.mktemp("project")
    kinds = {
        "table": _table,
        "text": _text,
        "series": _series,
        "panel": _panel,
        "labels": _labels,
        "picture": _picture,
        "sound": _sound,
        "several": _several,
    }

    def made(kind: str) -> Path:
        path = root / "models" / kind / "model.onnx"
        return path if path.exists() else kinds[kind](path)

    return made


def _table(path: Path) -> Path:
    generator = np.random.default_rng(1)
    rows = pd.DataFrame(
        {
            "length": generator.uniform(4, 8, 60),
            "count": generator.integers(0, 9, 60).astype(float),
            "</script>": generator.choice(["a", "<b>", "c"], 60),
            "member": generator.random(60) > 0.5,
            "kind": generator.choice(["x", "y", "z"], 60),
        }
    )
    rows.loc[::7, "count"] = np.nan
    columns = {
        "length": {"scale": "standard", "unit": "cm"},
        "count": {"impute": "median", "scale": "standard"},
        "</script>": {"encode": "one-hot"},
        "member": {},
    }
    return of_rows(path, rows, columns, "kind")


def _several(path: Path) -> Path:
    generator = np.random.default_rng(4)
    rows = pd.DataFrame(
        {
            "area": generator.uniform(20, 150, 60),
            "rooms": generator.integers(1, 6, 60).astype(float),
            "price": generator.normal(300, 50, 60),
            "sold": generator.choice(["no", "yes"], 60),
            "kind": generator.choice(["flat", "house", "loft"], 60),
        }
    )
    asked = {
        "price": NamedTarget(task="regression", columns=["price"], scale="standard", unit="k€"),
        "sold": NamedTarget(task="binary", columns=["sold"]),
        "kind": NamedTarget(task="multiclass", columns=["kind"]),
    }
    goal = FittedSeveral({name: fit_target(rows, each, each.task) for name, each in asked.items()})
    return of_goal(path, rows, {"area": {"scale": "standard"}, "rooms": {}}, goal)


def _text(path: Path) -> Path:
    texts = ["Good, naïve film", "bad FILM", "the good one", "a bad bad plot", "Éclair, good plot"]
    rows = pd.DataFrame({"review": texts * 4, "mood": ["yes", "no", "yes", "no", "yes"] * 4})
    return of_rows(path, rows, {"review": {"text": {"encode": "tf-idf"}}}, "mood")


def _labels(path: Path) -> Path:
    """Three labels, of which any may hold, by a weighted sum of two columns."""
    goal = FittedTarget("multilabel", ["red", "green", "blue"], None, 0.0, 1.0, "")
    weights = np.array([[2.0, -2.0, 0.5], [-0.25, 0.5, 1.0]], np.float32)
    nodes = [
        helper.make_node("Concat", ["hue", "light"], ["both"], axis=1),
        helper.make_node("MatMul", ["both", "w"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["output"]),
    ]
    given = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 1])
        for name in ("hue", "light")
    ]
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, ["N", goal.units])
    held = [numpy_helper.from_array(weights, "w")]
    network = helper.make_model(
        helper.make_graph(nodes, "labels", given, [output], held),
        opset_imports=[helper.make_opsetid("", 23)],
        ir_version=11,
    )
    number = {"type": "number", "may_be_missing": False, "unit": "", "min": -1.0, "max": 1.0}
    spread = {"mean": 0.0, "sd": 0.5, "deciles": [-1.0, 0.0, 1.0],
              "at_or_below": [0.1, 0.5, 1.0]}  # fmt: skip
    told = {
        "inputs": [{"name": name, **number, **spread} for name in ("hue", "light")],
        "target": goal.as_json(),
        "task": "multilabel",
        "title": "Which colours?",
    }
    return saved(path, join(network, answers(goal, "output")), told)


def _panel(path: Path) -> Path:
    """The model of `_series` for several shops."""
    return _series(path, ["shop"])


def _series(path: Path, group: Sequence[str] = ()) -> Path:
    """Ahead of a window of `load`: weighted sums of its values and the newest hour of the day."""
    weights = np.random.default_rng(2).normal(0, 1, (LENGTH, HORIZONS)).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["load", "w"], ["weighted"]),
        helper.make_node("Gather", ["timestamp", "newest"], ["last"], axis=1),
        helper.make_node("Mod", ["last", "day"], ["into"]),
        helper.make_node("Cast", ["into"], ["seconds"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["seconds", "hour"], ["hours"]),
        helper.make_node("Add", ["weighted", "hours"], ["prediction"]),
    ]
    constants = [
        numpy_helper.from_array(weights, "w"),
        numpy_helper.from_array(np.array([LENGTH - 1]), "newest"),
        numpy_helper.from_array(np.array(86_400), "day"),
        numpy_helper.from_array(np.array(3600.0, np.float32), "hour"),
    ]
    shape = ["N", LENGTH]
    inputs = [
        helper.make_tensor_value_info("timestamp", TensorProto.INT64, shape),
        helper.make_tensor_value_info("load", TensorProto.FLOAT, shape),
    ]
    output = helper.make_tensor_value_info("prediction", TensorProto.FLOAT, ["N", HORIZONS])
    graph = helper.make_graph(nodes, "series", inputs, [output], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    number = {"min": 0.0, "max": 10.0, "mean": 5.0, "sd": 2.0, "deciles": [0.0, 5.0, 10.0]}
    window = {
        "extent": {"length": LENGTH, "lookback": LENGTH, "horizons": [1, 2, 3]},
        "every": "1h",
        "grid": {"unit": "s", "every": 3600, "origin": 0},
        "group": list(group),
        "index": {"columns": ["when"], "formats": ["%d/%m/%Y %H:%M"], "hour": None, "zone": None},
        "resample": None,
        "gaps": "refuse",
    }
    told = {
        "inputs": [
            {"name": "timestamp", "type": "time", "may_be_missing": False},
            {"name": "load", "type": "number", "may_be_missing": False, "unit": "MW", **number,
             "at_or_below": [0.1, 0.5, 1.0]},
        ],
        "target": {"columns": ["load"], "horizons": [1, 2, 3], "unit": "MW", "classes": None},
        "task": "forecast",
        "window": window,
        "reading": {"decimal": ","},
        "title": "How much?",
    }  # fmt: skip
    return saved(path, model, told)


def _picture(path: Path) -> Path:
    """Two classes by a weighted sum of all pixels."""
    shape = [5, 7, 3]
    return of_bytes(path, "pixels", shape, {"fixed_size": True, "fit": "crop"})


def _sound(path: Path) -> Path:
    """Two classes by a weighted sum of all bytes of 40 samples."""
    return of_bytes(path, "sound", [40, 2, 1], {"fixed_size": True, "rate": 8000})


def of_bytes(path: Path, name: str, shape: list[int], said: dict[str, Any]) -> Path:
    """A model of two classes of what is stored in bytes."""
    count = int(np.prod(shape))
    weights = np.random.default_rng(3).normal(0, 0.01, (count, 2)).astype(np.float32)
    nodes = [
        helper.make_node("Cast", [name], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["numbers"], ["flat"], axis=1),
        helper.make_node("MatMul", ["flat", "w"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    given = helper.make_tensor_value_info(name, TensorProto.UINT8, ["N", *shape])
    output = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 2])
    held = [numpy_helper.from_array(weights, "w")]
    graph = helper.make_graph(nodes, "bytes", [given], [output], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    entry = {"name": name, "type": "image", "shape": shape, **said}
    told = {
        "inputs": [{**entry, "may_be_missing": False, "missing": 0.0, "unit": ""}],
        "target": {"columns": ["class"], "classes": ["cat", "dog"], "unit": ""},
        "task": "multiclass",
        "title": "Cat or dog?",
    }
    return saved(path, model, told)
