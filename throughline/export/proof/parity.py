"""How far an exported graph is from the network it was made of, and where it departs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.pipeline.several_targets import answer

if TYPE_CHECKING:
    import onnx

# The contract for a float32 model: |expected − received| ≤ 1e-5 · max(scale, |expected|). The
# scale is 1, and of an answer in the unit of a scaled target what one of the network's units stands
# for: 3 pieces of one shop have no more digits than the 300 of another.
TOLERANCE = 1e-5


@dataclass(frozen=True)
class OutputParity:
    """One output compared.

    Args:
        output: the output's name.
        max_absolute_error: the largest |expected − received|.
        max_relative_error: the largest |expected − received| / max(scale, |expected|).
        passed: True when the relative error is within the tolerance everywhere.
        shape: the expected shape.
        note: what else is wrong, such as another shape; empty when nothing is.
    """

    output: str
    max_absolute_error: float
    max_relative_error: float
    passed: bool
    shape: tuple[int, ...]
    note: str = ""


@dataclass(frozen=True)
class Departure:
    """The first node whose value is not the layer's.

    Args:
        node: the node's name.
        operator: its operator.
        layer: the Keras layer.
        max_relative_error: as in `OutputParity`.
    """

    node: str
    operator: str
    layer: str
    max_relative_error: float


def scales_of(target: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """What one of the network's units stands for in each place of the answer `prediction`.

    Args:
        target: of prepared.json. A change in percent has no unit of the target; of several targets
            each prediction is called like its own.
    """
    if "targets" in target:
        return {
            answer(part["name"], name): scale
            for part in target["targets"]
            for name, scale in scales_of(part).items()
        }
    scale = target.get("scale")
    if not scale or target.get("change") == "percent":
        return {}
    divide = np.atleast_1d(np.asarray(scale["divide"], dtype=np.float64))
    return {"prediction": np.tile(divide, len(target.get("horizons") or [1]))}


def compare(
    expected: Mapping[str, np.ndarray],
    received: Mapping[str, np.ndarray],
    tolerance: float,
    scales: Mapping[str, np.ndarray] | None = None,
) -> list[OutputParity]:
    """Each expected output against the received one of the same name.

    A place that is NaN or the same infinity on both sides is equal. Text and whole numbers have
    to be equal.

    Args:
        expected: arrays by output name, from the trained network.
        received: arrays by output name, from the exported graph.
        tolerance: the largest |expected − received| / max(scale, |expected|) that passes.
        scales: of outputs, as `scales_of` gives them. Default: 1.

    Returns:
        One comparison per expected output, in their order.
    """
    known = scales or {}
    return [
        _compared(name, array, received.get(name), tolerance, known.get(name, np.ones(1)))
        for name, array in expected.items()
    ]


def _compared(
    name: str,
    expected: np.ndarray,
    received: np.ndarray | None,
    tolerance: float,
    scale: np.ndarray,
) -> OutputParity:
    expected = np.asarray(expected)
    worst = float("inf")
    if received is None:
        return OutputParity(name, worst, worst, False, expected.shape, "not among the outputs")
    received = np.asarray(received)
    if received.shape != expected.shape:
        note = f"shape {received.shape} for {expected.shape}"
        return OutputParity(name, worst, worst, False, expected.shape, note)
    if expected.dtype.kind not in "fiub" or received.dtype.kind not in "fiub":
        different = float(np.mean(expected.astype(str) != received.astype(str)))
        return OutputParity(name, different, different, different == 0, expected.shape)
    each = scale.reshape(expected.shape[1:]) if scale.size > 1 else scale
    absolute, relative = errors(expected, received, each)
    largest = float(relative.max(initial=0.0))
    return OutputParity(
        name, float(absolute.max(initial=0.0)), largest, largest <= tolerance, expected.shape
    )


def errors(
    expected: np.ndarray, received: np.ndarray, scale: np.ndarray | float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Absolute and relative errors, value by value, in double precision.

    A place that is not finite on one side only has an infinite error.
    """
    first, second = expected.astype(np.float64), received.astype(np.float64)
    same = (first == second) | (np.isnan(first) & np.isnan(second))
    with np.errstate(invalid="ignore"):
        absolute = np.where(same, 0.0, np.abs(first - second))
        absolute = np.where(np.isnan(absolute), np.inf, absolute)
        size = np.maximum(scale, np.abs(np.where(np.isfinite(first), first, 1.0)))
    return absolute, absolute / size


def first_departing_node(
    layers: Mapping[str, np.ndarray],
    model: onnx.ModelProto,
    inputs: Mapping[str, np.ndarray],
    tolerance: float = TOLERANCE,
) -> Departure | None:
    """The first node, in the graph's order, whose value departs from its layer's output.

    Args:
        layers: outputs of the Keras layers by the name that their nodes carry
            (`throughline.export.traversal.exported_names`). Layers that are folded away are
            skipped.
        model: the exported network, or a joined model.
        inputs: the model's inputs.
        tolerance: as in `compare`. Defaults to `TOLERANCE`.

    Returns:
        The departure, or None when every layer's value is within the tolerance.
    """
    last: dict[str, onnx.NodeProto] = {}
    for node in model.graph.node:
        parts = node.name.split("/")
        for end in range(1, len(parts)):
            last["/".join(parts[:end])] = node
    watched = {layer: node for layer, node in last.items() if layer in layers}
    values = _inner_values(model, [node.output[0] for node in watched.values()], inputs)
    order = {node.name: place for place, node in enumerate(model.graph.node)}
    for layer, node in sorted(watched.items(), key=lambda item: order[item[1].name]):
        error = _closest(np.asarray(layers[layer]), values[node.output[0]])
        if error is not None and not error <= tolerance:
            return Departure(node.name, node.op_type, layer, error)
    return None


def _inner_values(
    model: onnx.ModelProto, names: list[str], inputs: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Values inside the graph, by making them outputs."""
    import onnx
    import onnxruntime

    opened = onnx.ModelProto()
    opened.CopyFrom(model)
    present = {output.name for output in opened.graph.output}
    for name in dict.fromkeys(names):
        if name not in present:
            opened.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    # Fused operators would hide the values between them.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        opened.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    wanted = list(dict.fromkeys(names))
    return dict(zip(wanted, session.run(wanted, dict(inputs)), strict=True))


def _closest(expected: np.ndarray, received: np.ndarray) -> float | None:
    """The error under the order of axes that fits best; None when the shapes never fit.

    Graph values may be stored with channels or time first, and may keep axes of length one.
    """
    plain, stored = expected.squeeze(), received.squeeze()
    if sorted(plain.shape) != sorted(stored.shape):
        return None
    candidates = [
        float(errors(plain, stored.transpose(order))[1].max(initial=0.0))
        for order in permutations(range(stored.ndim))
        if stored.transpose(order).shape == plain.shape
    ]
    return min(candidates)
