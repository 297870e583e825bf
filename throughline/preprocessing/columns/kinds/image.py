"""Picture columns: resizing, cutting and colours as nodes of the graph.

The graph gives uint8, so that training arrays stay small; the scaling by constants is the first
layer of the network, computed in the compiled step and exported with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from throughline.errors import BadPipeline
from throughline.pipeline.schema.pictures.image import Image, PixelScale
from throughline.preprocessing.columns.filters import (
    filter_parameters,
    filtered_shape,
    write_filters,
)
from throughline.preprocessing.columns.kind import (
    ELEMENT_TYPES,
    FittedColumn,
    Given,
    OwnInput,
    treats,
)
from throughline.preprocessing.columns.looks import looks
from throughline.preprocessing.columns.resizing import UINT8, grey, resized
from throughline.preprocessing.columns.statistics import statistics

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.schema.columns import Column
    from throughline.preprocessing.graph.builder import Graph
    from throughline.preprocessing.graph.layout import Layout
    from throughline.preprocessing.plan import Planned


@treats("image")
@dataclass(frozen=True)
class FittedImage(FittedColumn):
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
    pictures: ClassVar[bool] = True

    @classmethod
    def fit(cls, planned: Planned, given: Given) -> FittedImage:
        """A column of pictures; nothing of it is fitted but the shape."""
        image, name = planned.column.image, planned.name
        assert image is not None
        return fit_image(name, given.rows[name], image, given.frozen.get(name))

    @classmethod
    def described(cls, values: pd.Series, kind: str, column: Column) -> dict[str, Any]:
        """What the contract says of pictures: how they are framed, and what they are like."""
        image = column.image
        assert image is not None
        framing = {} if image.framing is None else {"fit": image.framing}
        first = image.filters[0].spectrogram if image.filters else None
        heard = {} if first is None else {"rate": first.rate}
        fixed = {"fixed_size": image.size is None}
        sample = sampled(values)
        # What drift compares: of each picture or sound some numbers.
        each = [looks(one, first is not None) for one in sample]
        summary = {name: statistics(np.array([found[name] for found in each])) for name in each[0]}
        seen = {"looks": summary, "looked_at": len(sample)}
        return fixed | framing | heard | seen | described(sample, image)

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
    def own_input(self) -> OwnInput | None:
        """A network takes pictures as they are."""
        return OwnInput("Pictures", "the pictures")

    @property
    def element_type(self) -> str:
        """Pixels, or what filters or a frozen network make of them."""
        return "float32" if self.computes else "uint8"

    @property
    def computes(self) -> bool:
        """Whether the graph goes on from scaled pixels, so that the network need not scale."""
        return self.frozen is not None or bool(self.image.filters)

    @property
    def input_shape(self) -> list[str | int]:
        """What the graph takes; any height and width where it resizes."""
        if self.image.size is None:
            return ["N", *self.stored]
        return ["N", "height", "width", self.stored[2]]

    @property
    def rescaling(self) -> tuple[list[float] | float, list[float] | float] | None:
        """Factor and offset of the network's first layer, for each channel or for all."""
        return None if self.computes else self.constants

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
        return self.shape == self.stored and same_order and not self.computes

    def write(self, graph: Graph, value: str) -> str:
        """Nodes for one column of pictures.

        Args:
            graph: receives the nodes.
            value: name of the uint8 tensor (N, height, width, channels).

        Returns:
            name of a uint8 tensor (N, *shape), or of the floats of filters or a frozen network.
        """
        return _write(graph, value, self)

    def output(
        self, graph: Graph, layout: Layout, blocks: Sequence[str], group: str, features: int
    ) -> None:
        """Declare the network input, in the shape of its pictures."""
        graph.node("Identity", list(blocks), group, exact=True)
        number = UINT8 if self.element_type == "uint8" else ELEMENT_TYPES["float32"]
        graph.output(group, number, self.output_shape)

    @property
    def output_shape(self) -> list[str | int]:
        """The shape of what `write` gives."""
        if self.frozen is None:
            shape = (*self.size, self.channels)
            return ["N", *filtered_shape(shape, self.image.filters)]
        import onnx

        output = onnx.load(self.frozen).graph.output[0].type.tensor_type.shape
        sizes = [int(dimension.dim_value) for dimension in output.dim[1:]]
        pooled = self.image.pretrained is not None and self.image.pretrained.pool is not None
        return ["N", *(sizes[-1:] if pooled else sizes)]


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
    _check_sound(name, image, (height, width, channels))
    fitted = FittedImage(name, image, (height, width, channels), frozen)
    if fitted.channels > channels:
        raise BadPipeline(
            f"columns.{name}.image.channels must be the {channels} of the pictures, or 1",
            fitted.channels,
            "Set it in 'source.images'",
        )
    _check_constants(name, image.scale, fitted.channels)
    return fitted


def _check_sound(name: str, image: Image, shape: tuple[int, int, int]) -> None:
    if all(step.spectrogram is None for step in image.filters):
        return
    if shape[1:] != (2, 1) or 0 in filtered_shape(shape, image.filters):
        raise BadPipeline(
            f"columns.{name}.image.filters: a spectrogram needs a sound of 16 bits, "
            "(samples, 2, 1), with a frame at least",
            list(shape),
            "Read it by 'source.read.format: sound', or shorten 'frame'",
        )


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


def _write(graph: Graph, value: str, fitted: FittedImage) -> str:
    if fitted.image.size is not None and fitted.image.framing is not None:
        # Arrays of another size take the way of training's files: to the stored size, then on.
        for step, size in enumerate(dict.fromkeys([fitted.stored[:2], fitted.size])):
            name = f"{fitted.name}/again" if step else fitted.name
            value = resized(graph, value, name, size, fitted.image.framing)
    if fitted.channels < fitted.stored[2]:
        value = grey(graph, value, fitted.name)
    if fitted.image.scale is not None and fitted.image.scale.order == "BGR":
        order = graph.constant([2, 1, 0], f"{fitted.name}/bgr", np.int64)
        value = graph.node("Gather", [value, order], f"{fitted.name}/reordered", axis=3)
    if not fitted.computes:
        return value
    value = _scaled(graph, value, fitted)
    if fitted.image.filters:
        return write_filters(graph, value, fitted.name, fitted.channels, fitted.image.filters)
    return _through_network(graph, value, fitted)


def _scaled(graph: Graph, value: str, fitted: FittedImage) -> str:
    name = fitted.name
    value = graph.node("Cast", [value], f"{name}/number", to=1)
    if fitted.constants is not None:
        factor, offset = (np.asarray(constant, np.float32) for constant in fitted.constants)
        value = graph.node("Mul", [value, graph.constant(factor, f"{name}/factor")], f"{name}/by")
        value = graph.node(
            "Add", [value, graph.constant(offset, f"{name}/offset")], f"{name}/scaled"
        )
    return value


def _through_network(graph: Graph, value: str, fitted: FittedImage) -> str:
    """The frozen network and its pooling."""
    import onnx

    assert fitted.frozen is not None
    name, pretrained = fitted.name, fitted.image.pretrained
    value = graph.spliced(onnx.load(fitted.frozen), value, f"{name}/network")
    if pretrained is not None and pretrained.pool is not None:
        axes = graph.constant([1, 2], f"{name}/places", np.int64)
        reduce = "ReduceMean" if pretrained.pool == "average" else "ReduceMax"
        value = graph.node(reduce, [value, axes], f"{name}/pooled", keepdims=0)
    return value


def sampled(pictures: pd.Series) -> np.ndarray:
    """The pictures by which a column is described, evenly spread, at most a thousand."""
    return np.stack(_spread(pictures.to_list()))


def described(sample: np.ndarray, image: Image) -> dict[str, Any]:
    """What the contract says of pictures: their shape, range, mean, sd, and what filters give."""
    filtered: dict[str, Any] = {}
    if image.filters:
        size, channels = image.size or sample.shape[1:3], image.channels or sample.shape[3]
        filtered["filtered_shape"] = list(filtered_shape((*size, channels), image.filters))
        filtered["filter_parameters"] = filter_parameters(channels, image.filters)
    return filtered | {
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
