"""The states of a forecaster that carries them: in and out of the file, zero where it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx


def carried(front: onnx.ModelProto) -> dict[str, str]:
    """For each input that is a state the output that is the state one step on."""
    outputs = {value.name for value in front.graph.output}
    pairs = {
        value.name: "_next_state_".join(value.name.rsplit("_state_", 1))
        for value in front.graph.input
        if "_state_" in value.name
    }
    return {name: following for name, following in pairs.items() if following in outputs}


def zero_states(model: onnx.ModelProto, rows: int) -> dict[str, np.ndarray]:
    """States of zeros for the inputs that are states, each (rows, units)."""
    names = carried(model)
    return {
        value.name: np.zeros((rows, value.type.tensor_type.shape.dim[1].dim_value), np.float32)
        for value in model.graph.input
        if value.name in names
    }
