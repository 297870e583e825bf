"""A small model file, made by the project's own graphs around a hand-made network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper, numpy_helper

from throughline.export.graph.join import join
from throughline.pipeline.schema.columns import Column
from throughline.pipeline.schema.targets import Target
from throughline.preprocessing.fit import fit
from throughline.preprocessing.graph.answers import answers
from throughline.preprocessing.plan import plan
from throughline.preprocessing.target import fit_target

ROWS = pd.DataFrame(
    {
        "age": [20.0, 40.0, 60.0, 30.0],
        "town": ["a", "b", "a", "b"],
        "grade": ["low", "high", "low", "high"],
        "member": [True, False, True, True],
        "bought": ["no", "yes", "no", "yes"],
    }
)
COLUMNS = {
    "age": {"scale": "standard"},
    "town": {"encode": "one-hot", "impute": "most-frequent"},
    "grade": {"encode": {"ordinal": ["low", "high"]}},
    "member": {},
}


@pytest.fixture(scope="session")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A binary model of age, town, grade and member."""
    columns = {name: Column.model_validate(column) for name, column in COLUMNS.items()}
    fitted = fit(ROWS, plan(ROWS, columns, None, ["bought"]))
    target = fit_target(ROWS, Target(columns=["bought"]), "binary")
    weights = numpy_helper.from_array(
        np.array([[1.0], [-2.0], [2.0], [1.0], [0.5]], np.float32), "w"
    )
    network = helper.make_model(
        helper.make_graph(
            [
                helper.make_node("MatMul", ["features", "w"], ["logit"]),
                helper.make_node("Sigmoid", ["logit"], ["output"]),
            ],
            "network",
            [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", 5])],
            [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["N", 1])],
            [weights],
        ),
        opset_imports=[helper.make_opsetid("", 23)],
        ir_version=11,
    )
    model = join(join(fitted.graph, network), answers(target, "output"))
    entry = model.metadata_props.add()
    entry.key = "throughline"
    entry.value = json.dumps(
        {
            "inputs": [
                {"name": "age", "type": "number", "may_be_missing": False},
                {"name": "town", "type": "string", "may_be_missing": True, "closed": False},
                {
                    "name": "grade",
                    "type": "string",
                    "may_be_missing": False,
                    "closed": True,
                    "categories": {"low": 0.5, "high": 0.5},
                },
                {"name": "member", "type": "boolean", "may_be_missing": False},
            ],
            "target": target.as_json(),
        }
    )
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    onnx.save(model, path)
    return path
