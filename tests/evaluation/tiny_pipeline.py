"""Small pipelines whose earlier stages are made by hand, following the files' formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import yaml
from onnx import TensorProto, helper

from throughline.paths import Workspace
from throughline.stages.evaluate import STAGE, evaluate
from throughline.stages.given import stage_input

NAME = "tiny"
SOURCE = {"sklearn": "iris", "licence": "CC BY 4.0"}


def linear_head(inputs: list[str], weights: np.ndarray, bias: np.ndarray) -> list[Any]:
    """Nodes from raw columns (N, 1) to `logits` (N, k), with their initialisers."""
    return [
        helper.make_node("Concat", inputs, ["features"], axis=1),
        helper.make_node("Gemm", ["features", "w", "b"], ["logits"]),
    ], [
        onnx.numpy_helper.from_array(weights.astype(np.float32), "w"),
        onnx.numpy_helper.from_array(bias.astype(np.float32), "b"),
    ]


def saved(
    path: Path, inputs: list[str], nodes: list[Any], constants: list[Any], outputs: dict[str, Any]
) -> None:
    """A model of float inputs (N, 1)."""
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 1]) for name in inputs],
        [helper.make_tensor_value_info(name, *kind) for name, kind in outputs.items()],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)


def classifier(path: Path, inputs: list[str], weights: np.ndarray, bias: np.ndarray) -> None:
    """A linear model of several classes: softmax and the position of the greatest."""
    nodes, constants = linear_head(inputs, weights, bias)
    nodes += [
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["probabilities"], ["label"], axis=1, keepdims=0),
    ]
    outputs = {
        "probabilities": (TensorProto.FLOAT, ["N", len(bias)]),
        "label": (TensorProto.INT64, ["N"]),
    }
    saved(path, inputs, nodes, constants, outputs)


def binary(path: Path, inputs: list[str], weights: np.ndarray, bias: np.ndarray) -> None:
    """A logistic model."""
    nodes, constants = linear_head(inputs, weights, bias)
    constants += [
        onnx.numpy_helper.from_array(np.array([1]), "last"),
        onnx.numpy_helper.from_array(np.array(0.5, dtype=np.float32), "half"),
    ]
    nodes += [
        helper.make_node("Sigmoid", ["logits"], ["column"]),
        helper.make_node("Squeeze", ["column", "last"], ["probability"]),
        helper.make_node("GreaterOrEqual", ["probability", "half"], ["positive"]),
        helper.make_node("Cast", ["positive"], ["label"], to=TensorProto.INT64),
    ]
    outputs = {"probability": (TensorProto.FLOAT, ["N"]), "label": (TensorProto.INT64, ["N"])}
    saved(path, inputs, nodes, constants, outputs)


def labels(path: Path, inputs: list[str], weights: np.ndarray, bias: np.ndarray) -> None:
    """A logistic model for each label."""
    nodes, constants = linear_head(inputs, weights, bias)
    constants.append(onnx.numpy_helper.from_array(np.array(0.5, dtype=np.float32), "half"))
    nodes += [
        helper.make_node("Sigmoid", ["logits"], ["probabilities"]),
        helper.make_node("GreaterOrEqual", ["probabilities", "half"], ["labels"]),
    ]
    shape = ["N", len(bias)]
    outputs = {"probabilities": (TensorProto.FLOAT, shape), "labels": (TensorProto.BOOL, shape)}
    saved(path, inputs, nodes, constants, outputs)


def regressor(path: Path, inputs: list[str], weights: np.ndarray, bias: np.ndarray) -> None:
    """A linear model of a number."""
    nodes, constants = linear_head(inputs, weights, bias)
    constants.append(onnx.numpy_helper.from_array(np.array([1]), "last"))
    nodes.append(helper.make_node("Squeeze", ["logits", "last"], ["prediction"]))
    saved(path, inputs, nodes, constants, {"prediction": (TensorProto.FLOAT, ["N"])})


def preprocessing(path: Path, inputs: list[str]) -> None:
    """A graph that only puts the raw columns side by side."""
    nodes = [helper.make_node("Concat", inputs, ["features"], axis=1)]
    saved(path, inputs, nodes, [], {"features": (TensorProto.FLOAT, ["N", len(inputs)])})


class Tiny:
    """A pipeline `tiny` below a root, whose files up to `evaluate` are made by hand."""

    def __init__(self, root: Path) -> None:
        self.workspace = Workspace(root, NAME)
        (root / "params.yaml").write_text("seed: 0\n")

    def write(
        self,
        file: dict[str, Any],
        training: pd.DataFrame,
        test: pd.DataFrame,
        classes: list[Any] | None = None,
        scores: dict[str, Any] | None = None,
    ) -> None:
        """Write the pipeline file and what `prepare` and `cross_validate` would."""
        space = self.workspace
        space.pipeline_file.parent.mkdir(parents=True, exist_ok=True)
        space.pipeline_file.write_text(yaml.safe_dump({"source": SOURCE, **file}))
        target = file["target"] if isinstance(file["target"], list) else [file["target"]]
        inputs = list(file["columns"])
        folder = space.training_data / "main"
        folder.mkdir(parents=True, exist_ok=True)
        (space.test_data / "main").mkdir(parents=True, exist_ok=True)
        training.to_parquet(folder / "rows.parquet")
        test.to_parquet(space.test_data / "main" / "rows.parquet")
        np.save(folder / "features.npy", training[inputs].to_numpy(np.float32))
        np.save(folder / "target.npy", _array(training[target], file["task"], classes))
        preprocessing(folder / "preprocess.onnx", inputs)
        prepared = {
            "inputs": [{"name": name, "type": "number"} for name in inputs],
            "features": {"features": inputs},
            "target": {
                "task": file["task"],
                "columns": target,
                "classes": classes,
                "scale": None,
                "unit": "cm",
            },
            "rows": len(training),
        }
        (folder / "prepared.json").write_text(json.dumps(prepared))
        space.cross_validation.mkdir(parents=True, exist_ok=True)
        content = {"main": None, "sweeps": {}} if scores is None else scores
        (space.cross_validation / "scores.json").write_text(json.dumps(content))

    def run(self) -> dict[str, Any]:
        """Evaluate, and give the content of report.json."""
        evaluate(stage_input(self.workspace, STAGE), self.workspace)
        report: dict[str, Any] = json.loads((self.workspace.evaluation / "report.json").read_text())
        return report


def _array(target: pd.DataFrame, task: str, classes: list[Any] | None) -> np.ndarray:
    if task in ("binary", "multiclass"):
        assert classes is not None
        numbers = [classes.index(value) for value in target.iloc[:, 0].tolist()]
        return (
            np.array(numbers, np.int32)
            if task == "multiclass"
            else np.array(numbers, np.float32)[:, None]
        )
    return target.to_numpy(np.float32)


def points(count: int, seed: int, noise: float = 0.5) -> pd.DataFrame:
    """Rows of two numbers with a class that their sum decides, up to noise, and a number."""
    generator = np.random.default_rng(seed)
    x, y = generator.normal(size=(2, count)).astype(np.float32)
    slope = 2 * x - 3 * y + 1
    return pd.DataFrame(
        {
            "x": x,
            "y": y,
            "side": (x + y + noise * generator.normal(size=count) > 0).astype(np.int64),
            "third": np.digitize(x + y, [-0.7, 0.7]),
            "amount": slope.astype(np.float64) + noise * generator.normal(size=count),
            "group": np.where(generator.random(count) < 0.3, "a", "b"),
        }
    )


BINARY = {
    "title": "Which side?",
    "task": "binary",
    "target": "side",
    "columns": {"x": {}, "y": {}},
}
