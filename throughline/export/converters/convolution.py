"""Convolutions: plain, depthwise, separable, transposed.

Source: `keras/src/layers/convolutional`; kernels are (places, inputs, outputs) in Keras and
(outputs, inputs, places) in ONNX.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from throughline.export.converters.activations import activate
from throughline.export.converters.windowed import channels_first, padding, per_axis, placed
from throughline.export.graph.builder import Builder
from throughline.export.graph.tensor import Tensor
from throughline.export.registry import Layer, converts


def _geometry(layer: Layer, kernel: Sequence[int]) -> tuple[list[int], list[int]]:
    """Strides and dilations, one per spatial axis."""
    places = len(kernel)
    strides = per_axis(layer.config["strides"], places)
    return strides, per_axis(layer.config.get("dilation_rate", 1), places)


def _convolved(
    layer: Layer,
    raw: Tensor,
    kernel: np.ndarray,
    bias: np.ndarray | None,
    group: int,
    builder: Builder,
) -> Tensor:
    """A `Conv` with ONNX' kernel and the layer's strides, dilations and padding."""
    places = kernel.shape[2:]
    strides, dilations = _geometry(layer, places)
    attributes: dict[str, Any] = padding(layer, raw, places, strides, dilations)
    return builder.op(
        "Conv",
        raw,
        kernel,
        bias,
        group=group if group != 1 else None,
        strides=strides if any(s != 1 for s in strides) else None,
        dilations=dilations if any(d != 1 for d in dilations) else None,
        **attributes,
    )


def _bias(layer: Layer) -> np.ndarray | None:
    return layer.weights()[-1] if layer.flag("use_bias") else None


def _finished(layer: Layer, raw: Tensor, order: tuple[int, ...], builder: Builder) -> Tensor:
    return activate(layer, builder.logical(raw, order), builder)


def _outputs_first(kernel: np.ndarray) -> np.ndarray:
    """A Keras kernel (places, inputs, outputs) as (outputs, inputs, places)."""
    return kernel.transpose(kernel.ndim - 1, kernel.ndim - 2, *range(kernel.ndim - 2))


def _depthwise_kernel(kernel: np.ndarray) -> np.ndarray:
    """A Keras kernel (places, inputs, multiplier) as (inputs · multiplier, 1, places)."""
    places = kernel.shape[:-2]
    channels = kernel.transpose(kernel.ndim - 2, kernel.ndim - 1, *range(kernel.ndim - 2))
    return channels.reshape(-1, 1, *places)


@converts("Conv1D", "Conv2D", "Conv3D")
def convolution(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Convolution."""
    order = channels_first(layer, inputs[0].rank)
    raw = placed(inputs[0], order, builder)
    kernel = _outputs_first(layer.weights()[0])
    group = int(layer.config.get("groups", 1))
    return _finished(
        layer, _convolved(layer, raw, kernel, _bias(layer), group, builder), order, builder
    )


@converts("DepthwiseConv1D", "DepthwiseConv2D")
def depthwise_convolution(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """One convolution per channel."""
    order = channels_first(layer, inputs[0].rank)
    raw = placed(inputs[0], order, builder)
    kernel = layer.weights()[0]
    result = _convolved(
        layer, raw, _depthwise_kernel(kernel), _bias(layer), kernel.shape[-2], builder
    )
    return _finished(layer, result, order, builder)


@converts("SeparableConv1D", "SeparableConv2D")
def separable_convolution(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """A convolution per channel, then one over the channels alone."""
    order = channels_first(layer, inputs[0].rank)
    raw = placed(inputs[0], order, builder)
    depthwise, pointwise = layer.weights()[:2]
    between = _convolved(
        layer, raw, _depthwise_kernel(depthwise), None, depthwise.shape[-2], builder
    )
    result = builder.op("Conv", between, _outputs_first(pointwise), _bias(layer))
    return _finished(layer, result, order, builder)


@converts("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")
def transposed_convolution(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Transposed convolution.

    Keras fixes the output's size and TensorFlow pads as the matching convolution would: what is
    missing is added at the end, what is too much is cut, the odd place at the end.
    """
    order = channels_first(layer, inputs[0].rank)
    raw = placed(inputs[0], order, builder)
    kernel = layer.weights()[0]
    places = kernel.shape[:-2]
    strides, dilations = _geometry(layer, places)
    if layer.config.get("output_padding") is None:
        given: list[int | None] = [None] * len(places)
    else:
        given = list(per_axis(layer.config["output_padding"], len(places)))
    missing = [
        _missing(size, stride, dilation, extra, layer.config["padding"])
        for size, stride, dilation, extra in zip(places, strides, dilations, given, strict=True)
    ]
    cut = [max(-number, 0) for number in missing]
    added = [max(number, 0) for number in missing]
    result = builder.op(
        "ConvTranspose",
        raw,
        _outputs_first(kernel),
        _bias(layer),
        strides=strides,
        dilations=dilations if any(d != 1 for d in dilations) else None,
        pads=[n // 2 for n in cut] + [-(-n // 2) for n in cut] if any(cut) else None,
        output_padding=added if any(added) else None,
    )
    return _finished(layer, result, order, builder)


def _missing(kernel: int, stride: int, dilation: int, extra: int | None, kind: str) -> int:
    """How much longer Keras' output is than (size − 1) · stride + span, along one axis.

    Source: `compute_conv_transpose_output_shape` in `keras/src/backend/common/backend_utils.py`.
    """
    span = (kernel - 1) * dilation + 1
    if extra is None:
        return stride - span if kind == "same" else max(stride - span, 0)
    return extra - 2 * (span // 2) if kind == "same" else extra
