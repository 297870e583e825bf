"""Picture columns: resizing, cutting and colours as nodes of the graph.

The graph gives uint8, so that training arrays stay small; the scaling by constants is the first
layer of the network, computed in the compiled step and exported with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.config.image import Image, PixelScale
from tasks.errors import BadPipeline

if TYPE_CHECKING:
    import pandas as pd

    from tasks.preprocessing.graph import Graph

# ITU-R 601, as Pillow makes grey of colour.
LUMA = (0.299, 0.587, 0.114)
UINT8 = 2


@dataclass(frozen=True)
class FittedImage:
    """A column of pictures and the shape that they come out in.

    Attributes:
        name: of the column.
        image: its treatment.
        stored: height, width and channels of the pictures of the training rows.
        frozen: the frozen network that they go through, as ONNX. Default: none.
    """

    name: str
    image: Image
    stored: tuple[int, int, int]
    frozen: Path | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width after the graph."""
        return self.image.size or self.stored[:2]

    @property
    def channels(self) -> int:
        """Channels after the graph."""
        return self.image.channels or self.stored[2]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one row of the network's input."""
        return (*self.size, self.channels)

    @property
    def features(self) -> list[str]:
        """A picture is one feature, whatever its size."""
        return [self.name]

    @property
    def element_type(self) -> str:
        """Pixels, or what a frozen network makes of them."""
        return "uint8" if self.frozen is None else "float32"

    @property
    def input_shape(self) -> list[str | int]:
        """What the graph takes; any height and width where it resizes."""
        if self.image.size is None:
            return ["N", *self.stored]
        return ["N", "height", "width", self.stored[2]]

    @property
    def rescaling(self) -> tuple[list[float] | float, list[float] | float] | None:
        """Factor and offset of the network's first layer, for each channel or for all."""
        return None if self.frozen is not None else self.constants

    @property
    def constants(self) -> tuple[list[float] | float, list[float] | float] | None:
        """Factor and offset of the scaling."""
        scale = self.image.scale
        if scale is None:
            return None
        divide = np.asarray(scale.divide, np.float64)
        offset = -np.asarray(scale.subtract, np.float64) / divide
        factor = 1.0 / divide
        return factor.tolist(), offset.tolist()

    @property
    def unchanged(self) -> bool:
        """Whether pictures of the stored size come out as they went in."""
        scale = self.image.scale
        same_order = scale is None or scale.order == "RGB"
        return self.shape == self.stored and same_order and self.frozen is None


def fit_image(
    name: str, pictures: pd.Series, image: Image, frozen: Path | None = None
) -> FittedImage:
    """A column of pictures; nothing of it is fitted but the shape.

    Raises:
        BadPipeline: colours are wanted of grey pictures, or constants do not fit the channels.
    """
    height, width, channels = pictures.iloc[0].shape
    if image.pretrained is not None and frozen is None:
        raise BadPipeline(
            f"columns.{name}.image.pretrained needs the stage 'bottleneck'", remedy="Run it first"
        )
    fitted = FittedImage(name, image, (height, width, channels), frozen)
    if fitted.channels > channels:
        raise BadPipeline(
            f"columns.{name}.image.channels must be the {channels} of the pictures, or 1",
            fitted.channels,
            "Set it in 'source.images'",
        )
    _check_constants(name, image.scale, fitted.channels)
    return fitted


def _check_constants(name: str, scale: PixelScale | None, channels: int) -> None:
    if scale is None:
        return
    for key in ("subtract", "divide"):
        value = getattr(scale, key)
        if isinstance(value, list) and len(value) != channels:
            raise BadPipeline(
                f"columns.{name}.image.scale.{key} must be one number, or one for each of "
                f"{channels} channels",
                value,
            )
    if scale.order == "BGR" and channels != 3:
        raise BadPipeline(f"columns.{name}.image.scale: BGR needs 3 channels", channels)


def write_image(graph: Graph, value: str, fitted: FittedImage) -> str:
    """Nodes for one column of pictures.

    Args:
        graph: receives the nodes.
        value: name of the uint8 tensor (N, height, width, channels).
        fitted: its shape and treatment.

    Returns:
        name of a uint8 tensor (N, *fitted.shape), or of the floats of a frozen network.
    """
    if fitted.image.size is not None:
        value = _resized(graph, value, fitted)
    if fitted.channels < fitted.stored[2]:
        value = _grey(graph, value, fitted.name)
    if fitted.image.scale is not None and fitted.image.scale.order == "BGR":
        order = graph.constant([2, 1, 0], f"{fitted.name}/bgr", np.int64)
        value = graph.node("Gather", [value, order], f"{fitted.name}/reordered", axis=3)
    return value if fitted.frozen is None else _through_network(graph, value, fitted)


def _through_network(graph: Graph, value: str, fitted: FittedImage) -> str:
    """Scaling, the frozen network and its pooling."""
    import onnx

    assert fitted.frozen is not None
    name, pretrained = fitted.name, fitted.image.pretrained
    value = graph.node("Cast", [value], f"{name}/number", to=1)
    if fitted.constants is not None:
        factor, offset = (np.asarray(constant, np.float32) for constant in fitted.constants)
        value = graph.node("Mul", [value, graph.constant(factor, f"{name}/factor")], f"{name}/by")
        value = graph.node(
            "Add", [value, graph.constant(offset, f"{name}/offset")], f"{name}/scaled"
        )
    value = graph.spliced(onnx.load(fitted.frozen), value, f"{name}/network")
    if pretrained is not None and pretrained.pool is not None:
        axes = graph.constant([1, 2], f"{name}/places", np.int64)
        reduce = "ReduceMean" if pretrained.pool == "average" else "ReduceMax"
        value = graph.node(reduce, [value, axes], f"{name}/pooled", keepdims=0)
    return value


def output_shape(fitted: FittedImage) -> list[str | int]:
    """The shape of what `write_image` gives."""
    if fitted.frozen is None:
        return ["N", *fitted.shape]
    import onnx

    shape = onnx.load(fitted.frozen).graph.output[0].type.tensor_type.shape
    sizes = [int(dimension.dim_value) for dimension in shape.dim[1:]]
    pooled = fitted.image.pretrained is not None and fitted.image.pretrained.pool is not None
    return ["N", *(sizes[-1:] if pooled else sizes)]


def _resized(graph: Graph, value: str, fitted: FittedImage) -> str:
    """Linear interpolation that averages where it shrinks, as Pillow's does."""
    name, (height, width) = fitted.name, fitted.size
    planes = graph.node("Transpose", [value], f"{name}/planes", perm=[0, 3, 1, 2])
    wanted = graph.constant([height, width], f"{name}/size", np.int64)
    if fitted.image.fit != "stretch":
        wanted = _in_proportion(graph, planes, wanted, fitted)
    # onnxruntime resizes chosen axes to given ratios only, so all four sizes are given.
    kept = graph.node("Shape", [planes], f"{name}/rows_and_channels", start=0, end=2)
    sizes = graph.node("Concat", [kept, wanted], f"{name}/sizes", axis=0)
    resized = graph.node(
        "Resize",
        [planes, "", "", sizes],
        f"{name}/resized",
        mode="linear",
        antialias=1,
        coordinate_transformation_mode="half_pixel",
    )
    if fitted.image.fit != "stretch":
        resized = _framed(graph, resized, fitted)
    return graph.node("Transpose", [resized], f"{name}/picture", perm=[0, 2, 3, 1])


def _in_proportion(graph: Graph, planes: str, wanted: str, fitted: FittedImage) -> str:
    """Height and width that keep a picture's proportion and cover the frame, or lie within it."""
    name, crop = fitted.name, fitted.image.fit == "crop"
    found = graph.node("Shape", [planes], f"{name}/given", start=2, end=4)
    found = graph.node("Cast", [found], f"{name}/given_number", to=1)
    frame = graph.constant(list(fitted.size), f"{name}/frame_number")
    ratios = graph.node("Div", [frame, found], f"{name}/ratios")
    reduce = "ReduceMax" if crop else "ReduceMin"
    ratio = graph.node(reduce, [ratios], f"{name}/ratio", keepdims=1)
    sizes = graph.node("Mul", [found, ratio], f"{name}/proportional")
    sizes = graph.node("Round", [sizes], f"{name}/rounded")
    sizes = graph.node("Cast", [sizes], f"{name}/whole", to=7)
    one = graph.constant(1, f"{name}/one", np.int64)
    # Rounding must not leave a row or a column without a pixel.
    if crop:
        return graph.node("Max", [sizes, wanted], f"{name}/covering")
    return graph.node("Max", [sizes, one], f"{name}/within")


def _framed(graph: Graph, value: str, fitted: FittedImage) -> str:
    """The middle of a picture that is too large, or black around one that is too small."""
    name = fitted.name
    wanted = graph.constant(list(fitted.size), f"{name}/frame", np.int64)
    axes = graph.constant([2, 3], f"{name}/height_and_width", np.int64)
    two = graph.constant([2], f"{name}/two", np.int64)
    found = graph.node("Shape", [value], f"{name}/found", start=2, end=4)
    if fitted.image.fit == "crop":
        surplus = graph.node("Sub", [found, wanted], f"{name}/surplus")
        start = graph.node("Div", [surplus, two], f"{name}/start")
        end = graph.node("Add", [start, wanted], f"{name}/end")
        return graph.node("Slice", [value, start, end, axes], f"{name}/cut")
    lack = graph.node("Sub", [wanted, found], f"{name}/lack")
    before = graph.node("Div", [lack, two], f"{name}/before")
    after = graph.node("Sub", [lack, before], f"{name}/after")
    pads = graph.node("Concat", [before, after], f"{name}/pads", axis=0)
    black = graph.constant(0, f"{name}/black", np.uint8)
    return graph.node("Pad", [value, pads, black, axes], f"{name}/padded", mode="constant")


def _grey(graph: Graph, value: str, name: str) -> str:
    number = graph.node("Cast", [value], f"{name}/colours", to=1)
    luma = graph.constant(np.array(LUMA)[:, None], f"{name}/luma")
    grey = graph.node("MatMul", [number, luma], f"{name}/grey")
    whole = graph.node("Round", [grey], f"{name}/whole")
    return graph.node("Cast", [whole], f"{name}/pixels", to=UINT8)


def described(pictures: pd.Series) -> dict[str, Any]:
    """What the contract says of pictures: their shape and the range, mean and sd of pixels."""
    sample = np.stack(_spread(pictures.to_list()))
    return {
        "shape": list(sample.shape[1:]),
        "min": int(sample.min()),
        "max": int(sample.max()),
        "mean": round(float(sample.mean()), 4),
        "sd": round(float(sample.std()), 4),
    }


def _spread(values: Sequence[np.ndarray], most: int = 1000) -> list[np.ndarray]:
    """At most so many values, evenly spread."""
    places = np.unique(np.linspace(0, len(values) - 1, min(most, len(values))).astype(int))
    return [values[place] for place in places]
