"""Pictures of another size: operators where ONNX has Keras' rule, else a matrix a side.

A value between pixels is a weighted mean of their rows, then of their columns, so that any rule is
two products with matrices that are known when the file is written. ONNX' own cubic rule departs
from TensorFlow's, which reads its weights out of a table, by 5e-4, and onnxruntime refuses it for
smaller pictures. Sources: `keras/src/backend/tensorflow/image.py`, and in TensorFlow
`core/kernels/image/resize_bicubic_op.cc` and `scale_and_translate_op.cc`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from throughline.export.converters.windowed import channels_first, per_axis
from throughline.export.graph.builder import Builder
from throughline.export.graph.tensor import Tensor
from throughline.export.registry import Layer, converts

# TensorFlow's table has so many weights between two pixels; Keys' cubic bends by -1/2.
TABLE, BEND = 1024, -0.5


@converts("UpSampling1D", "UpSampling2D", "UpSampling3D")
def up_sampling(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Each place several times, or values between places."""
    x = builder.floating(inputs[0])
    kind = layer.config.get("interpolation", "nearest")
    factors = per_axis(layer.config["size"], x.rank - 2)
    order = channels_first(layer, x.rank)
    raw = builder.stored(x, order)
    if kind not in ("nearest", "bilinear"):
        sides = _sides(layer, x, order)
        sizes = [side * factor for side, factor in zip(sides, factors, strict=True)]
        return builder.logical(_by_matrices(raw, sides, sizes, kind, False, builder), order)
    corner = "asymmetric" if kind == "nearest" else "half_pixel"
    mode = {"mode": "nearest", "nearest_mode": "floor"} if kind == "nearest" else {"mode": "linear"}
    scales = np.array([1, 1, *factors], np.float32)
    return builder.logical(
        builder.op("Resize", raw, None, scales, coordinate_transformation_mode=corner, **mode),
        order,
    )


@converts("Resizing")
def resizing(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Pictures of another height and width, of the same shape or cut or bordered to it first."""
    config, x = layer.config, builder.floating(inputs[0])
    if x.rank != 4:
        raise layer.unsupported(f"input of rank {x.rank}")
    order = channels_first(layer, 4)
    raw = builder.stored(x, order)
    sizes = [int(config["height"]), int(config["width"])]
    kind, smooth = config.get("interpolation", "bilinear"), layer.flag("antialias")
    cut, bordered = (layer.flag(f"{key}_to_aspect_ratio") for key in ("crop", "pad"))
    if (kind, smooth, cut, bordered) == ("bilinear", False, False, False):
        return builder.logical(_bilinear(raw, sizes, builder), order)
    sides = _sides(layer, x, order)
    if cut or bordered:
        raw, sides = _shaped(raw, sides, sizes, layer, builder)
    return builder.logical(_by_matrices(raw, sides, sizes, kind, smooth, builder), order)


def _bilinear(raw: Tensor, sizes: list[int], builder: Builder) -> Tensor:
    # Batch and channels keep their size: onnxruntime can't resize chosen axes to given sizes.
    kept = builder.op("Shape", raw, start=0, end=2)
    whole = builder.op("Concat", kept, np.array(sizes, np.int64), axis=0)
    mode = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    return builder.op("Resize", raw, None, None, whole, **mode)


def _sides(layer: Layer, x: Tensor, order: tuple[int, ...]) -> list[int]:
    """Height and width of the pictures."""
    sides = [x.size(axis) for axis in order[2:]]
    if None in sides:
        raise layer.unsupported(f"interpolation: {layer.config['interpolation']}, open sides")
    return [int(side) for side in sides if side is not None]


def _shaped(
    raw: Tensor, sides: list[int], sizes: list[int], layer: Layer, builder: Builder
) -> tuple[Tensor, list[int]]:
    """The middle of the pictures, or the pictures in the middle, of the shape that is wanted."""
    fitting = [
        int(np.float32(sides[1 - axis] * sizes[axis]) / np.float32(sizes[1 - axis]))
        for axis in range(2)
    ]
    if layer.flag("crop_to_aspect_ratio"):
        kept = [max(min(pair), 1) for pair in zip(sides, fitting, strict=True)]
        first = [(side - own) // 2 for side, own in zip(sides, kept, strict=True)]
        ends = [start + own for start, own in zip(first, kept, strict=True)]
        bounds = [np.array(numbers, np.int64) for numbers in (first, ends, [2, 3])]
        return builder.op("Slice", raw, *bounds), kept
    whole = [max(pair) for pair in zip(sides, fitting, strict=True)]
    # As Keras: as much after as before, so that a border may lack one row.
    border = [(own - side) // 2 for side, own in zip(sides, whole, strict=True)]
    value = np.array(layer.config.get("fill_value", 0.0), np.float32)
    padded = builder.op("Pad", raw, np.array([0, 0, *border] * 2, np.int64), value)
    return padded, [side + 2 * own for side, own in zip(sides, border, strict=True)]


def _by_matrices(
    raw: Tensor, sides: list[int], sizes: list[int], kind: str, smooth: bool, builder: Builder
) -> Tensor:
    """Pictures, channels first, of other sides by a rule that `weights` knows."""
    if kind == "nearest":
        for axis, (side, size) in enumerate(zip(sides, sizes, strict=True), start=2):
            raw = builder.op("Gather", raw, _nearest(side, size), axis=axis)
        return raw
    rows, columns = (
        weights(side, size, kind, smooth) for side, size in zip(sides, sizes, strict=True)
    )
    return builder.op("MatMul", rows, builder.op("MatMul", raw, columns.T))


def _nearest(side: int, size: int) -> np.ndarray:
    places = (np.arange(size, dtype=np.float32) + np.float32(0.5)) * np.float32(side / size)
    return np.asarray(np.minimum(np.floor(places), side - 1), np.int64)


def weights(side: int, size: int, kind: str, smooth: bool) -> np.ndarray:
    """What each pixel of a side adds to each of the new side, (size, side).

    Args:
        side: pixels that are there.
        size: pixels that are wanted.
        kind: `bilinear`, `bicubic`, `lanczos3` or `lanczos5`.
        smooth: whether a smaller picture is a mean of all pixels (`antialias`).
    """
    if kind == "bicubic" and not smooth:
        return _of_the_table(side, size)
    kernel, radius = KERNELS[kind]
    step = np.float32(side / size)
    wide = max(step, np.float32(1)) if smooth else np.float32(1)
    middles = (np.arange(size, dtype=np.float32) + np.float32(0.5)) * step
    away = np.arange(side, dtype=np.float32) + np.float32(0.5) - middles[:, None]
    found = np.where(np.abs(away) <= radius * wide, kernel(np.abs(away / wide)), 0)
    return np.asarray(found / found.sum(axis=1, keepdims=True), np.float32)


def _of_the_table(side: int, size: int) -> np.ndarray:
    places = (np.arange(size, dtype=np.float32) + np.float32(0.5)) * np.float32(side / size)
    places -= np.float32(0.5)
    first = np.floor(places).astype(np.int64)
    offset = np.rint((places - first) * TABLE) / TABLE
    found = np.zeros((size, side), np.float32)
    for neighbour in range(-1, 3):
        pixel, weight = first + neighbour, _cubic(np.abs(offset - neighbour))
        inside = np.flatnonzero((pixel >= 0) & (pixel < side))
        found[inside, pixel[inside]] = weight[inside]
    return np.asarray(found / found.sum(axis=1, keepdims=True), np.float32)


def _cubic(x: np.ndarray) -> np.ndarray:
    """Keys (1981), Cubic convolution interpolation for digital image processing."""
    near = ((BEND + 2) * x - (BEND + 3)) * x * x + 1
    far = ((BEND * x - 5 * BEND) * x + 8 * BEND) * x - 4 * BEND
    return np.asarray(np.where(x <= 1, near, np.where(x < 2, far, 0)))


def _lanczos(radius: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: np.where(x < radius, np.sinc(x) * np.sinc(x / radius), 0)


KERNELS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], int]] = {
    "bilinear": (lambda x: np.maximum(1 - x, 0), 1),
    "bicubic": (_cubic, 2),
    "lanczos3": (_lanczos(3), 3),
    "lanczos5": (_lanczos(5), 5),
}
