"""Dense, embedding, masking and the layers that do nothing at inference."""

from __future__ import annotations

import numpy as np

from throughline.export.converters.activations import activate
from throughline.export.graph.builder import Builder
from throughline.export.graph.tensor import Tensor
from throughline.export.registry import Layer, converts

# Layers that change their input only while training.
TRAINING_ONLY = (
    "ActivityRegularization", "AlphaDropout", "AugMix", "CutMix", "Dropout", "GaussianDropout",
    "GaussianNoise", "Identity", "MixUp", "RandAugment", "RandomBrightness",
    "RandomColorDegeneration", "RandomColorJitter", "RandomContrast", "RandomElasticTransform",
    "RandomErasing", "RandomFlip", "RandomGaussianBlur", "RandomGrayscale", "RandomHue",
    "RandomInvert", "RandomPerspective", "RandomPosterization", "RandomRotation",
    "RandomSaturation", "RandomSharpness", "RandomShear", "RandomTranslation", "RandomZoom",
    "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D",
)  # fmt: skip


@converts(*TRAINING_ONLY, passes_mask=True)
def identity(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Nothing at inference."""
    return inputs[0]


@converts("Dense", passes_mask=True)
def dense(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Dense over the last axis: one Gemm for a table of rows, else a product and a sum."""
    kernel, *rest = layer.weights()
    bias = rest[0] if layer.flag("use_bias") else None
    return activate(layer, linear(builder.floating(inputs[0]), kernel, bias, builder), builder)


def linear(x: Tensor, kernel: np.ndarray, bias: np.ndarray | None, builder: Builder) -> Tensor:
    """`x` times a matrix over the last axis, plus a bias, in the order of axes `x` is stored in."""
    if x.rank == 2:
        return builder.op("Gemm", x, kernel, bias)
    if x.order[-1] != x.rank - 1:
        x = builder.plain(x)
    raw = builder.op("MatMul", builder.logical(x, range(x.rank)), kernel)
    if bias is not None:
        raw = builder.op("Add", raw, bias)
    return builder.logical(raw, x.order)


@converts("Embedding")
def embedding(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """A row of the table per id; id 0 is masked where the layer says so."""
    ids, table = inputs[0], layer.weights()[0]
    if ids.dtype not in ("int32", "int64"):
        ids = builder.cast(ids, "int32")
        # Ids that were numbers may be those of a category that nobody knows: -1, which an
        # operator would count from the end. It has a row of its own, of zeros.
        unknown = builder.elementwise("Less", ids, 0)
        ids = builder.elementwise("Where", unknown, len(table), ids)
        table = np.concatenate([table, np.zeros_like(table[:1])])
    order = ids.order
    raw = builder.op("Gather", table, builder.logical(ids, range(ids.rank)), axis=0)
    rows = builder.logical(raw, (*order, len(order)))
    if not layer.flag("mask_zero"):
        return rows
    return rows.masked(different(inputs[0], 0, builder))


def different(x: Tensor, value: float, builder: Builder) -> Tensor:
    """Where `x` isn't `value`."""
    return builder.elementwise("Not", builder.elementwise("Equal", x, value))


@converts("Masking")
def masking(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Steps whose features all equal the mask value are masked and set to zero."""
    x = inputs[0]
    step = different(x, float(layer.config["mask_value"]), builder)
    counts = builder.op("ReduceMax", step, np.array([-1], np.int64))
    kept = builder.elementwise("Where", counts, x, 0.0)
    return kept.masked(builder.squeeze(counts, -1))


@converts("AddPositions", passes_mask=True)
def add_positions(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """A vector a step is added; see throughline/training/network/positions.py."""
    return builder.elementwise("Add", builder.floating(inputs[0]), layer.weights()[0])


@converts("EinsumDense", passes_mask=True)
def einsum_dense(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """A product by Einstein's summation, as the attention layers use it."""
    kernel, *rest = layer.weights()
    equation = layer.config["equation"].replace(" ", "")
    if "..." in equation:
        raise layer.unsupported(f"equation: {equation}")
    result = builder.op("Einsum", builder.floating(inputs[0]), kernel, equation=equation)
    if layer.config.get("bias_axes"):
        result = builder.op("Add", result, rest[0])
    return activate(layer, result, builder)
