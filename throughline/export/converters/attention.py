"""Attention layers.

Source: `keras/src/layers/attention` and `dot_product_attention` of its TensorFlow backend.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from throughline.export.graph.builder import Builder
from throughline.export.graph.tensor import Tensor
from throughline.export.registry import Layer, converts

# What TensorFlow's kernel puts where the mask forbids; a wholly masked row then weighs all alike.
FORBIDDEN = -0.7 * float(np.finfo(np.float32).max)


@converts("MultiHeadAttention")
def multi_head_attention(layer: Layer, inputs: list[Tensor], builder: Builder) -> list[Tensor]:
    """Attention of several heads over sequences of vectors."""
    query, value, key = _operands(layer, inputs)
    if query.rank != 3 or layer.config.get("attention_axes") not in (None, [1], 1):
        raise layer.unsupported(f"attention_axes: {layer.config.get('attention_axes')}")
    if layer.flag("use_gate"):
        raise layer.unsupported("use_gate: True")
    heads = int(layer.config["num_heads"])
    scale = np.float32(1 / math.sqrt(float(layer.config["key_dim"])))
    q = _projected(layer, "query_dense", query, heads, scale, builder)
    k = _projected(layer, "key_dense", key, heads, np.float32(1), builder)
    v = _projected(layer, "value_dense", value, heads, np.float32(1), builder)
    scores = builder.op("MatMul", q, k.transposed((0, 1, 3, 2)))
    mask = _mask(layer, query, value, key, builder)
    allowed = builder.unsqueeze(mask, 1) if mask is not None else None
    scores_wanted = bool(layer.arguments.get("return_attention_scores"))
    zeroed = float(layer.config.get("dropout") or 0) > 0 or scores_wanted
    weights = _weights(scores, allowed, zeroed, builder)
    joined = builder.op("MatMul", weights, v).transposed((0, 2, 1, 3))
    output = _output(layer, joined, builder).masked(query.mask)
    return [output, weights] if scores_wanted else [output]


def _operands(layer: Layer, inputs: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Query, value and key from positional and keyword arguments."""
    positional = layer.arguments.get("args", inputs)
    given: dict[str, Any] = dict(zip(("query", "value", "key"), positional, strict=False))
    for name in ("query", "value", "key"):
        if layer.arguments.get(name) is not None:
            given[name] = layer.arguments[name]
    key = given.get("key")
    return given["query"], given["value"], given["value"] if key is None else key


def _projected(
    layer: Layer, part: str, x: Tensor, heads: int, scale: np.float32, builder: Builder
) -> Tensor:
    """`x` through one projection, as (batch, heads, time, size)."""
    kernel, *rest = layer.weights(part)
    flat = builder.op("MatMul", x, kernel.reshape(kernel.shape[0], -1) * scale)
    if rest:
        flat = builder.op("Add", flat, rest[0].reshape(-1) * scale)
    return builder.reshape(flat, [0, 0, heads, kernel.shape[2]]).transposed((0, 2, 1, 3))


def _output(layer: Layer, joined: Tensor, builder: Builder) -> Tensor:
    """Heads side by side, through the output projection."""
    kernel, *rest = layer.weights("output_dense")
    size = kernel.shape[0] * kernel.shape[1]
    flat = builder.reshape(joined, [0, 0, size])
    output = builder.op("MatMul", flat, kernel.reshape(size, -1))
    output = builder.op("Add", output, rest[0].reshape(-1)) if rest else output
    if kernel.ndim > 3:
        return builder.reshape(output, [0, 0, *kernel.shape[2:]])
    return output


def _mask(
    layer: Layer, query: Tensor, value: Tensor, key: Tensor, builder: Builder
) -> Tensor | None:
    """Which step may read which, (batch, query steps, value steps); None without any mask."""
    given = layer.arguments
    has_key = given.get("key") is not None or len(given.get("args", [])) > 2
    parts = [
        (query.mask, 2),
        (given.get("value_mask") or value.mask, 1),
        (given.get("key_mask") or (key.mask if has_key else None), 1),
    ]
    found = [builder.unsqueeze(mask, axis) for mask, axis in parts if mask is not None]
    if given.get("use_causal_mask"):
        found.append(_causal(query, value, builder))
    if layer.config.get("sliding_window"):
        raise layer.unsupported(f"sliding_window: {layer.config['sliding_window']}")
    if given.get("attention_mask") is not None:
        found.append(builder.cast(given["attention_mask"], "bool"))
    return _all_of(found, builder)


def _all_of(masks: list[Tensor], builder: Builder) -> Tensor | None:
    if not masks:
        return None
    together = masks[0]
    for mask in masks[1:]:
        together = builder.op("And", together, mask)
    return together


def _causal(query: Tensor, value: Tensor, builder: Builder) -> Tensor:
    """Each step may read itself and the steps before it, (1, query steps, value steps)."""
    steps = [
        builder.op("Range", 0, builder.squeeze(builder.op("Shape", t, start=1, end=2), 0), 1)
        for t in (query, value)
    ]
    readers = builder.unsqueeze(steps[0], 0, 2)
    return builder.op("GreaterOrEqual", readers, builder.unsqueeze(steps[1], 0, 1))


def _weights(scores: Tensor, allowed: Tensor | None, zeroed: bool, builder: Builder) -> Tensor:
    """Softmax of the scores that the mask allows."""
    if allowed is None:
        return builder.op("Softmax", scores, axis=-1)
    low = -1e9 if zeroed else FORBIDDEN
    weights = builder.op("Softmax", builder.op("Where", allowed, scores, low), axis=-1)
    return builder.op("Where", allowed, weights, 0.0) if zeroed else weights


@converts("Attention", "AdditiveAttention")
def attention(layer: Layer, inputs: list[Tensor], builder: Builder) -> list[Tensor]:
    """Luong's attention by products, or Bahdanau's by a sum and a tanh."""
    query, value = inputs[0], inputs[1]
    key = inputs[2] if len(inputs) > 2 else value
    scores = _scores(layer, query, key, builder)
    found = [builder.unsqueeze(value.mask, 1)] if value.mask is not None else []
    if layer.arguments.get("use_causal_mask"):
        found.append(_causal(query, value, builder))
    allowed = _all_of(found, builder)
    if allowed is not None:
        lowered = builder.op("Sub", scores, 1e9)
        scores = builder.op("Where", allowed, scores, lowered)
    weights = builder.op("Softmax", scores, axis=-1)
    output = builder.op("MatMul", weights, value)
    if query.mask is not None:
        output = builder.op("Where", builder.unsqueeze(query.mask, 2), output, 0.0)
    output = output.masked(query.mask)
    return [output, weights] if layer.arguments.get("return_attention_scores") else [output]


def _scores(layer: Layer, query: Tensor, key: Tensor, builder: Builder) -> Tensor:
    """How well each query step fits each key step, (batch, query steps, key steps)."""
    weights = layer.weights()
    scale = weights.pop(0) if layer.flag("use_scale") else None
    additive = layer.class_name == "AdditiveAttention"
    if not additive and layer.config.get("score_mode", "dot") == "dot":
        product = builder.op("MatMul", query, key.transposed((0, 2, 1)))
        return product if scale is None else builder.op("Mul", product, scale)
    total = builder.op("Add", builder.unsqueeze(query, 2), builder.unsqueeze(key, 1))
    if not additive and scale is not None:
        total = builder.op("Mul", total, scale)
    fit = builder.op("Tanh", total)
    if additive and scale is not None:
        fit = builder.op("Mul", fit, scale)
    summed = builder.op("ReduceSum", fit, np.array([-1], np.int64), keepdims=0)
    return summed if additive else builder.op("Mul", summed, weights[0])
