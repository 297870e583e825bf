"""Pictures of another size, and without colours, as nodes of the graph.

The nodes compute what Pillow computes, bit for bit: an array that a client sends and a file that
`serving.image` decodes become the same pixels. onnxruntime's own `Resize` departs by up to 22 of
255 levels on noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from throughline.preprocessing.graph.builder import Graph

# ITU-R 601, as Pillow makes grey of colour.
LUMA = (0.299, 0.587, 0.114)
UINT8, INT32, INT64, FLOAT, DOUBLE = 2, 6, 7, 1, 11
# Pillow's weights are whole numbers of this many bits after the point.
PRECISION = 22


@dataclass(frozen=True)
class _Axis:
    """Height or width: names of values of shape (1,), float64 where nothing else is said.

    Attributes:
        name: prefix of its nodes.
        place: of the axis in (rows, channels, height, width).
        wanted: pixels of the frame.
        given: pixels of the picture.
        start, end: the part of the picture that is shown, float32 as Pillow takes it.
        count: pixels of the frame that show it.
        before: pixels of the frame before them.
    """

    name: str
    place: int
    wanted: int
    given: str
    start: str
    end: str
    count: str
    before: str


def resized(graph: Graph, value: str, name: str, size: tuple[int, int], fit: str) -> str:
    """Linear interpolation that averages where it shrinks, one axis after the other.

    Args:
        graph: receives the nodes.
        value: name of the uint8 tensor (N, height, width, channels), of any height and width.
        name: prefix of the nodes.
        size: height and width of the result.
        fit: crop, pad or stretch; the geometry is that of `serving.image.geometry`.

    Returns:
        name of the uint8 tensor (N, *size, channels).
    """
    shape = graph.node("Shape", [value], f"{name}/given", start=1, end=3)
    given = graph.node("Cast", [shape], f"{name}/given_number", to=DOUBLE)
    height, width = _axes(graph, given, name, size, fit)
    # Whole lines of a plane are weighed at once, many times quicker than three colours.
    planes = graph.node("Transpose", [value], f"{name}/planes", perm=[0, 3, 1, 2])
    planes = _resampled(graph, _resampled(graph, planes, width), height)
    return graph.node("Transpose", [planes], f"{name}/picture", perm=[0, 2, 3, 1])


def _axes(
    graph: Graph, given: str, name: str, size: tuple[int, int], fit: str
) -> tuple[_Axis, _Axis]:
    """The geometry of both axes, computed side by side as values of shape (2,)."""
    frame = graph.constant(list(size), f"{name}/frame", np.float64)
    none = graph.constant([0.0, 0.0], f"{name}/none", np.float64)
    start, end, count, before = none, given, frame, none
    if fit != "stretch":
        two = graph.constant(2.0, f"{name}/two", np.float64)
    if fit == "crop":
        ratios = graph.node("Div", [given, frame], f"{name}/ratios")
        ratio = graph.node("ReduceMin", [ratios], f"{name}/ratio", keepdims=1)
        shown = graph.node("Mul", [frame, ratio], f"{name}/shown")
        surplus = graph.node("Sub", [given, shown], f"{name}/surplus")
        start = graph.node("Div", [surplus, two], f"{name}/half_surplus")
        start = graph.node("Max", [start, none], f"{name}/start")
        end = graph.node("Add", [start, shown], f"{name}/shown_to")
        end = graph.node("Min", [end, given], f"{name}/end")
    elif fit == "pad":
        one, half = (
            graph.constant(number, f"{name}/{called}", np.float64)
            for number, called in ((1.0, "one"), (0.5, "half"))
        )
        ratios = graph.node("Div", [frame, given], f"{name}/ratios")
        ratio = graph.node("ReduceMin", [ratios], f"{name}/ratio", keepdims=1)
        count = graph.node("Mul", [given, ratio], f"{name}/within")
        count = graph.node("Add", [count, half], f"{name}/within_and_half")
        count = graph.node("Floor", [count], f"{name}/whole")
        count = graph.node("Max", [count, one], f"{name}/count")
        lack = graph.node("Sub", [frame, count], f"{name}/lack")
        before = graph.node("Div", [lack, two], f"{name}/half_lack")
        before = graph.node("Floor", [before], f"{name}/before")
    start = graph.node("Cast", [start], f"{name}/start_as_pillow", to=FLOAT)
    end = graph.node("Cast", [end], f"{name}/end_as_pillow", to=FLOAT)
    both = (given, start, end, count, before)
    halves = [
        graph.constant([place], f"{name}/{axis}", np.int64)
        for place, axis in enumerate(("height", "width"))
    ]
    first, second = (
        [graph.node("Gather", [each, half], f"{each}/{place}", axis=0) for each in both]
        for place, half in enumerate(halves)
    )
    return _Axis(f"{name}/down", 2, size[0], *first), _Axis(f"{name}/across", 3, size[1], *second)


def _resampled(graph: Graph, value: str, axis: _Axis) -> str:
    """One axis of the pictures, each pixel a weighted sum of its neighbours."""
    places, weights = _neighbours(graph, axis)
    name = axis.name
    taken = graph.node("Gather", [value, places], f"{name}/neighbours", axis=axis.place)
    taken = graph.node("Cast", [taken], f"{name}/neighbours_number", to=INT32)
    if axis.place == 2:
        behind = graph.constant([2], f"{name}/behind", np.int64)
        weights = graph.node("Unsqueeze", [weights, behind], f"{name}/weights_laid")
    total = graph.node("Mul", [taken, weights], f"{name}/weighted")
    along = graph.constant([axis.place], f"{name}/along", np.int64)
    total = graph.node("ReduceSum", [total, along], f"{name}/sum", keepdims=0)
    half = graph.constant(1 << (PRECISION - 1), f"{name}/half_level", np.int32)
    level = graph.constant(1 << PRECISION, f"{name}/level", np.int32)
    total = graph.node("Add", [total, half], f"{name}/rounded_up")
    total = graph.node("Div", [total, level], f"{name}/levels")
    return graph.node("Cast", [total], f"{name}/pixels", to=UINT8)


def _neighbours(graph: Graph, axis: _Axis) -> tuple[str, str]:
    """For each pixel of the frame the places of its neighbours, and their weights.

    As `precompute_coeffs` and `normalize_coeffs_8bpc` of Pillow's Resample.c, in their order of
    operations.

    Returns:
        names of an int64 and an int32 tensor (neighbours, wanted): summed over their first axis,
        whole rows of pixels are added at once.
    """
    name = axis.name

    def number(value: float, called: str) -> str:
        return graph.constant(value, f"{name}/{called}", np.float64)

    def node(operator: str, inputs: list[str], called: str, **attributes: Any) -> str:
        return graph.node(operator, inputs, f"{name}/{called}", **attributes)

    zero, half, one, two = (
        number(value, called)
        for value, called in ((0.0, "zero"), (0.5, "half"), (1.0, "one"), (2.0, "two"))
    )
    pixels = graph.constant(np.arange(axis.wanted)[:, None], f"{name}/pixels_of_frame", np.float64)
    shown = node("Cast", [node("Sub", [axis.end, axis.start], "shown")], "shown_number", to=DOUBLE)
    step = node("Div", [shown, axis.count], "step")
    reach = node("Max", [step, one], "reach")
    start = node("Cast", [axis.start], "start_number", to=DOUBLE)
    inner = node("Sub", [pixels, axis.before], "inner")
    middle = node("Mul", [node("Add", [inner, half], "inner_and_half"), step], "from_start")
    middle = node("Add", [start, middle], "middle")
    low = node("Add", [node("Sub", [middle, reach], "lowest"), half], "lowest_and_half")
    low = node("Max", [node("Floor", [low], "low_whole"), zero], "low")
    high = node("Add", [node("Add", [middle, reach], "highest"), half], "highest_and_half")
    high = node("Min", [node("Floor", [high], "high_whole"), axis.given], "high")
    most = node("Add", [node("Mul", [node("Ceil", [reach], "side"), two], "sides"), one], "most")
    most = node("Squeeze", [most], "count_of_neighbours")
    steps = node("Range", [zero, most, one], "steps")
    places = node("Add", [low, steps], "places")
    distance = node("Add", [node("Sub", [places, middle], "from_middle"), half], "distance")
    share = node("Mul", [distance, node("Div", [one, reach], "one_by_reach")], "share")
    weights = node("Sub", [one, node("Abs", [share], "far")], "near")
    weights = node("Max", [weights, zero], "weights")
    # Beyond the picture, and where the frame shows none of it, nothing counts.
    within = node("Less", [places, high], "within")
    within = node("And", [within, node("GreaterOrEqual", [inner, zero], "begun")], "begun_within")
    within = node("And", [within, node("Less", [inner, axis.count], "not_over")], "counts")
    weights = node("Where", [within, weights, zero], "counted")
    rows = graph.constant([1], f"{name}/rows", np.int64)
    total = node("ReduceSum", [weights, rows], "total", keepdims=1)
    total = node("Max", [total, number(1e-300, "tiny")], "total_or_tiny")
    whole = number(float(1 << PRECISION), "precision")
    weights = node("Mul", [node("Div", [weights, total], "normalised"), whole], "fixed_point")
    weights = node("Floor", [node("Add", [weights, half], "fixed_point_and_half")], "fixed_whole")
    last = node("Sub", [axis.given, one], "last")
    places = node("Max", [node("Min", [places, last], "at_most_last"), zero], "in_picture")
    # Pillow looks at neighbours without weight, too: all but one where the size stays as it is.
    counted = node("Where", [node("Greater", [weights, zero], "weighs"), steps, zero], "reached")
    used = node("Add", [node("ReduceMax", [counted], "furthest", keepdims=0), one], "used_number")
    used = node("Unsqueeze", [used, graph.constant([0], f"{name}/first", np.int64)], "used_laid")
    used = node("Cast", [used], "used", to=INT64)
    begin = graph.constant([0], f"{name}/begin", np.int64)
    places = node("Slice", [places, begin, used, rows], "taken")
    weights = node("Slice", [weights, begin, used, rows], "weighing")
    places = graph.node("Transpose", [places], f"{name}/taken_first", perm=[1, 0])
    weights = graph.node("Transpose", [weights], f"{name}/weighing_first", perm=[1, 0])
    return (
        node("Cast", [places], "indices", to=INT64),
        node("Cast", [weights], "fixed", to=INT32),
    )


def grey(graph: Graph, value: str, name: str) -> str:
    number = graph.node("Cast", [value], f"{name}/colours", to=1)
    luma = graph.constant(np.array(LUMA)[:, None], f"{name}/luma")
    grey = graph.node("MatMul", [number, luma], f"{name}/grey")
    whole = graph.node("Round", [grey], f"{name}/whole")
    return graph.node("Cast", [whole], f"{name}/pixels", to=UINT8)
