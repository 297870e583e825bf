"""What convolution and pooling share: order of axes, padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from throughline.export.graph.builder import Builder
from throughline.export.graph.tensor import Tensor
from throughline.export.registry import Layer


def channels_first(layer: Layer, rank: int) -> tuple[int, ...]:
    """The stored order (batch, channels, places) for a layer of either data format."""
    if layer.config.get("data_format") == "channels_first":
        return tuple(range(rank))
    return (0, rank - 1, *range(1, rank - 1))


def per_axis(value: int | Sequence[int], count: int) -> list[int]:
    """One number per axis."""
    return [int(value)] * count if isinstance(value, int) else [int(number) for number in value]


def padding(
    layer: Layer,
    raw: Tensor,
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
) -> dict[str, Any]:
    """The padding attribute of a window operator, as TensorFlow pads.

    "same" pads so that ceil(size / stride) windows fit, with the odd place at the end. Where the
    size is open and the stride isn't one, the operator's own `auto_pad` does that at run time.
    """
    kind = layer.config.get("padding", "valid")
    spans = [(size - 1) * dilation for size, dilation in zip(kernel, dilations, strict=True)]
    if kind == "valid":
        return {}
    if kind == "causal":
        return {"pads": [*spans, *(0 for _ in spans)]}
    totals = []
    for span, stride, size in zip(spans, strides, raw.stored_shape[2:], strict=True):
        if stride == 1 or span == 0:
            totals.append(span)
        elif isinstance(size, int):
            totals.append(max((-(-size // stride) - 1) * stride + span + 1 - size, 0))
        elif span + 1 < stride:
            # onnxruntime's own padding would be negative for some sizes.
            raise layer.unsupported(f"open size, padding same, window {span + 1} < stride {stride}")
        else:
            return {"auto_pad": "SAME_UPPER"}
    if not any(totals):
        return {}
    return {"pads": [total // 2 for total in totals] + [-(-total // 2) for total in totals]}


def placed(x: Tensor, order: tuple[int, ...], builder: Builder) -> Tensor:
    """`x` stored with channels first."""
    return builder.stored(builder.floating(x), order)
