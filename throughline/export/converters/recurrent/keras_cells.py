"""Keras' recurrent cells as the weights and activations of ONNX' RNN, GRU and LSTM.

Source: the ONNX operator reference; `keras/src/layers/rnn`. Keras keeps the gates of an LSTM in
the order input, forget, cell, output and ONNX in input, output, forget, cell; a GRU's order is
update, reset, candidate in both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from throughline.export.registry import Layer

# Keras' activation: ONNX' name, alpha, beta; None where the function has no such number. Without
# Softplus: onnxruntime's recurrent operators take the exponential, which is infinite from 89 on.
ACTIVATIONS: dict[str | None, tuple[str, float | None, float | None]] = {
    None: ("Affine", 1.0, 0.0),
    "elu": ("Elu", 1.0, None),
    "hard_sigmoid": ("HardSigmoid", 1 / 6, 0.5),
    "leaky_relu": ("LeakyRelu", 0.2, None),
    "linear": ("Affine", 1.0, 0.0),
    "relu": ("Relu", None, None),
    "sigmoid": ("Sigmoid", None, None),
    "softsign": ("Softsign", None, None),
    "sparse_sigmoid": ("HardSigmoid", 0.5, 0.5),
    "tanh": ("Tanh", None, None),
}
DEFAULTS = {
    "RNN": ["Tanh"],
    "GRU": ["Sigmoid", "Tanh"],
    "LSTM": ["Sigmoid", "Tanh", "Tanh"],
}
OPERATORS = {
    "SimpleRNN": "RNN", "SimpleRNNCell": "RNN", "GRU": "GRU", "GRUCell": "GRU", "LSTM": "LSTM",
    "LSTMCell": "LSTM",
}  # fmt: skip
LSTM_GATES = (0, 3, 1, 2)


@dataclass(frozen=True)
class Cell:
    """One direction of a recurrent operator.

    Args:
        operator: "RNN", "GRU" or "LSTM".
        units: the size of the state.
        kernel: shape (gates · units, features).
        recurrent: shape (gates · units, units).
        bias: shape (2 · gates · units,): for the input, then for the state.
        activations: (name, alpha, beta) of each function, in the operator's order.
        reset_after: True when a GRU resets after the product with the state.
    """

    operator: str
    units: int
    kernel: np.ndarray
    recurrent: np.ndarray
    bias: np.ndarray | None
    activations: tuple[tuple[str, float | None, float | None], ...]
    reset_after: bool

    @property
    def state_count(self) -> int:
        """How many state tensors the cell carries from step to step."""
        return 2 if self.operator == "LSTM" else 1


def cell_of(layer: Layer, part: str = "cell") -> Cell:
    """The cell of a recurrent layer; `part` names where its weights are."""
    operator = OPERATORS[layer.class_name]
    kernel, recurrent, *rest = layer.weights(part)
    units = int(layer.config["units"])
    reset_after = operator == "GRU" and layer.flag("reset_after")
    bias = None
    if layer.flag("use_bias"):
        given = rest[0] if rest[0].ndim == 2 else np.stack([rest[0], np.zeros_like(rest[0])])
        bias = np.concatenate([_gates(row, operator, units) for row in given])
    return Cell(
        operator=operator,
        units=units,
        kernel=_gates(kernel, operator, units).T,
        recurrent=_gates(recurrent, operator, units).T,
        bias=bias,
        activations=_activations(layer, operator),
        reset_after=reset_after,
    )


def _gates(array: np.ndarray, operator: str, units: int) -> np.ndarray:
    """The last axis with its gates in ONNX' order."""
    if operator != "LSTM":
        return array
    parts = [array[..., gate * units : (gate + 1) * units] for gate in LSTM_GATES]
    return np.concatenate(parts, axis=-1)


def _activations(layer: Layer, operator: str) -> tuple[tuple[str, float | None, float | None], ...]:
    """The functions of one direction: gates first, then candidate, then what an LSTM shows."""
    keys = {
        "RNN": ["activation"],
        "GRU": ["recurrent_activation", "activation"],
        "LSTM": ["recurrent_activation", "activation", "activation"],
    }
    found = []
    for key in keys[operator]:
        name: Any = layer.config.get(key)
        if not (name is None or isinstance(name, str)) or name not in ACTIVATIONS:
            raise layer.unsupported(f"{key}: {name}")
        found.append(ACTIVATIONS[name])
    return tuple(found)


def activation_attributes(cells: list[Cell]) -> dict[str, Any]:
    """The activation attributes of an operator; none when all functions are its defaults."""
    functions = [function for cell in cells for function in cell.activations]
    if [name for name, _, _ in functions] == DEFAULTS[cells[0].operator] * len(cells):
        return {}
    alphas = [alpha for _, alpha, _ in functions if alpha is not None]
    betas = [beta for _, _, beta in functions if beta is not None]
    return {
        "activations": [name for name, _, _ in functions],
        "activation_alpha": alphas or None,
        "activation_beta": betas or None,
    }
