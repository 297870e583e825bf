"""Pictures of another size, and without colours, as nodes of the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from throughline.preprocessing.graph.builder import Graph

# ITU-R 601, as Pillow makes grey of colour.
LUMA = (0.299, 0.587, 0.114)
UINT8 = 2


def resized(graph: Graph, value: str, name: str, size: tuple[int, int], fit: str) -> str:
    """Linear interpolation that averages where it shrinks, as Pillow's does."""
    height, width = size
    planes = graph.node("Transpose", [value], f"{name}/planes", perm=[0, 3, 1, 2])
    wanted = graph.constant([height, width], f"{name}/size", np.int64)
    if fit != "stretch":
        wanted = _in_proportion(graph, planes, wanted, name, size, fit)
    # onnxruntime resizes chosen axes to given ratios only, so all four sizes are given.
    kept = graph.node("Shape", [planes], f"{name}/rows_and_channels", start=0, end=2)
    sizes = graph.node("Concat", [kept, wanted], f"{name}/sizes", axis=0)
    result = graph.node(
        "Resize",
        [planes, "", "", sizes],
        f"{name}/resized",
        mode="linear",
        antialias=1,
        coordinate_transformation_mode="half_pixel",
    )
    if fit != "stretch":
        result = _framed(graph, result, name, size, fit)
    return graph.node("Transpose", [result], f"{name}/picture", perm=[0, 2, 3, 1])


def _in_proportion(
    graph: Graph, planes: str, wanted: str, name: str, size: tuple[int, int], fit: str
) -> str:
    """Height and width that keep a picture's proportion and cover the frame, or lie within it."""
    crop = fit == "crop"
    found = graph.node("Shape", [planes], f"{name}/given", start=2, end=4)
    found = graph.node("Cast", [found], f"{name}/given_number", to=1)
    frame = graph.constant(list(size), f"{name}/frame_number")
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


def _framed(graph: Graph, value: str, name: str, size: tuple[int, int], fit: str) -> str:
    """The middle of a picture that is too large, or black around one that is too small."""
    wanted = graph.constant(list(size), f"{name}/frame", np.int64)
    axes = graph.constant([2, 3], f"{name}/height_and_width", np.int64)
    two = graph.constant([2], f"{name}/two", np.int64)
    found = graph.node("Shape", [value], f"{name}/found", start=2, end=4)
    if fit == "crop":
        surplus = graph.node("Sub", [found, wanted], f"{name}/surplus")
        start = graph.node("Div", [surplus, two], f"{name}/start")
        end = graph.node("Add", [start, wanted], f"{name}/end")
        return graph.node("Slice", [value, start, end, axes], f"{name}/cut")
    lack = graph.node("Sub", [wanted, found], f"{name}/lack")
    before = graph.node("Div", [lack, two], f"{name}/before")
    after = graph.node("Sub", [lack, before], f"{name}/after")
    # onnxruntime moves a Transpose past a Pad of chosen axes wrongly, so all four are given.
    none = graph.constant([0, 0], f"{name}/none", np.int64)
    pads = graph.node("Concat", [none, before, none, after], f"{name}/pads", axis=0)
    black = graph.constant(0, f"{name}/black", np.uint8)
    return graph.node("Pad", [value, pads, black], f"{name}/padded", mode="constant")


def grey(graph: Graph, value: str, name: str) -> str:
    number = graph.node("Cast", [value], f"{name}/colours", to=1)
    luma = graph.constant(np.array(LUMA)[:, None], f"{name}/luma")
    grey = graph.node("MatMul", [number, luma], f"{name}/grey")
    whole = graph.node("Round", [grey], f"{name}/whole")
    return graph.node("Cast", [whole], f"{name}/pixels", to=UINT8)
