"""Fixed filters and pooling as nodes of the graph, with the shapes that they give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.pipeline.schema.pictures.filters import Convolve, Filter, Pool, Spectrogram
from throughline.preprocessing.columns.spectrogram import frames, write_spectrogram

if TYPE_CHECKING:
    from throughline.preprocessing.graph.builder import Graph

Shape = tuple[int, int, int]


def filtered_shape(shape: Shape, filters: Sequence[Filter]) -> Shape:
    """Height, width and channels after all steps.

    A convolution of n places by a kernel of k with stride s gives ceil(n / s) places with padding
    and ceil((n - k + 1) / s) without; pooling by k gives floor(n / k). A spectrogram of n samples
    in frames of k every s has k / 2 + 1 frequencies and floor((n - k) / s) + 1 frames.
    """
    height, width, channels = shape
    for step in filters:
        if step.convolve is not None:
            matrices = step.convolve.matrices
            sizes = (len(matrices[0]), len(matrices[0][0]))
            lost = (0, 0) if step.convolve.padding == "same" else (sizes[0] - 1, sizes[1] - 1)
            rows, columns = step.convolve.stride
            height, width = -(-(height - lost[0]) // rows), -(-(width - lost[1]) // columns)
            channels = len(matrices)
        elif step.spectrogram is not None:
            own = step.spectrogram
            height, width = own.frame // 2 + 1, frames(height, own.frame, own.hop)
        elif step.pool is not None and step.pool.size != "all":
            height, width = height // step.pool.size[0], width // step.pool.size[1]
        else:
            height = width = 1
    return height, width, channels


def filter_parameters(channels: int, filters: Sequence[Filter]) -> int:
    """Numbers that the kernels and their biases hold, as a network's layers would count them."""
    count = 0
    for step in filters:
        if step.convolve is not None:
            kernels = np.array(step.convolve.matrices)
            count += kernels.size * channels + len(kernels)
            channels = len(kernels)
    return count


def write_filters(
    graph: Graph, value: str, name: str, channels: int, filters: Sequence[Filter]
) -> str:
    """Nodes for all steps.

    Args:
        graph: receives the nodes.
        value: name of the float tensor (N, height, width, channels).
        name: of the column.
        channels: of the value.
        filters: the steps.

    Returns:
        name of a float tensor (N, height, width, channels).
    """
    value = graph.node("Transpose", [value], f"{name}/planes", perm=[0, 3, 1, 2])
    for step in filters:
        if step.convolve is not None:
            value = _convolved(graph, value, name, channels, step.convolve)
            channels = len(step.convolve.matrices)
        elif step.pool is not None:
            value = _pooled(graph, value, name, step.pool)
        elif step.spectrogram is not None:
            value = _spectrogram(graph, value, name, step.spectrogram)
    return graph.node("Transpose", [value], f"{name}/filtered", perm=[0, 2, 3, 1])


def _convolved(graph: Graph, value: str, name: str, channels: int, step: Convolve) -> str:
    kernels = np.array(step.matrices, np.float32)[:, None]
    weights = graph.constant(np.repeat(kernels, channels, axis=1), f"{name}/kernels")
    bias = graph.constant(np.zeros(len(kernels)), f"{name}/bias")
    padding = {"same": "SAME_UPPER", "valid": "VALID"}[step.padding]
    return graph.node(
        "Conv", [value, weights, bias], f"{name}/convolved",
        auto_pad=padding, strides=list(step.stride),
    )  # fmt: skip


def _pooled(graph: Graph, value: str, name: str, step: Pool) -> str:
    operator = "MaxPool" if step.kind == "max" else "AveragePool"
    if step.size == "all":
        return graph.node(f"Global{operator}", [value], f"{name}/pooled")
    sizes: dict[str, Any] = {"kernel_shape": list(step.size), "strides": list(step.size)}
    return graph.node(operator, [value], f"{name}/pooled", **sizes)


def _spectrogram(graph: Graph, value: str, name: str, step: Spectrogram) -> str:
    """From the two bytes of each sample, the lower one first, (N, 1, samples, 2)."""
    # The upper byte of a negative number stands for 256 less.
    half, whole = graph.constant(127.5, f"{name}/half"), graph.constant(256.0, f"{name}/whole")
    places = graph.constant([[[[0.0, 1.0]]]], f"{name}/upper_place")
    above = graph.node("Greater", [value, half], f"{name}/above")
    flag = graph.node("Cast", [above], f"{name}/flag", to=1)
    upper = graph.node("Mul", [flag, places], f"{name}/negative")
    less = graph.node("Mul", [upper, whole], f"{name}/less")
    signed = graph.node("Sub", [value, less], f"{name}/signed")
    worth = graph.constant([[1.0], [256.0]], f"{name}/worth")
    numbers = graph.node("MatMul", [signed, worth], f"{name}/samples")
    axes = graph.constant([1, 3], f"{name}/byte", np.int64)
    waveform = graph.node("Squeeze", [numbers, axes], f"{name}/waveform")
    found = write_spectrogram(graph, waveform, name, step.rate, step.frame, step.hop, step.decibels)
    channel = graph.constant([1], f"{name}/plane", np.int64)
    return graph.node("Unsqueeze", [found, channel], f"{name}/spectrogram")
