"""Operations of `keras.ops` that take tensors apart, turn them and put them together."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from throughline.export.converters.operations import setting
from throughline.export.graph.builder import Builder
from throughline.export.graph.tensor import Tensor
from throughline.export.registry import Layer, converts

FIRST, LAST = np.iinfo(np.int64).min, np.iinfo(np.int64).max


@converts("ops.GetItem")
def part(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """`x[...]` by slices, places, new axes and an ellipsis."""
    x, key = inputs[0], setting(layer, "key", 1)
    slices: list[tuple[int, int, int, int]] = []
    dropped: list[int] = []
    added: list[int] = []
    axis = kept = 0
    for entry in _entries(layer, key, x.rank):
        if entry is None:
            added.append(kept)
            kept += 1
            continue
        if isinstance(entry, int):
            slices.append((axis, entry, entry + 1 if entry != -1 else LAST, 1))
            dropped.append(axis)
        else:
            step = 1 if entry["step"] is None else int(entry["step"])
            ends = (0, LAST) if step > 0 else (LAST, FIRST)
            given = (entry["start"], entry["stop"])
            start, stop = (e if g is None else int(g) for g, e in zip(given, ends, strict=True))
            if (start, stop, step) != (0, LAST, 1):
                slices.append((axis, start, stop, step))
            kept += 1
        axis += 1
    if slices:
        axes, starts, stops, steps = (
            np.array(each, np.int64) for each in zip(*slices, strict=True)
        )
        x = builder.op("Slice", x, starts, stops, axes, steps)
    x = builder.squeeze(x, *dropped) if dropped else x
    return builder.unsqueeze(x, *added) if added else x


def _entries(layer: Layer, key: Any, rank: int) -> list[Any]:
    """What stands for each axis: a place, the bounds of a slice, or None for a new axis."""
    listed = key if isinstance(key, list) else [key]
    whole = {"start": None, "stop": None, "step": None}
    found: list[Any] = []
    for entry in listed:
        kind = entry.get("class_name") if isinstance(entry, dict) else None
        if kind == "__ellipsis__":
            named = sum(each is not None for each in listed) - 1
            found += [whole] * (rank - named)
        elif kind == "__slice__":
            found.append(entry["config"])
        elif entry is None or (isinstance(entry, int) and not isinstance(entry, bool)):
            found.append(entry)
        else:
            raise layer.unsupported("an index that is a tensor or a list")
    bounds = [v for each in found if isinstance(each, dict) for v in each.values()]
    if any(isinstance(bound, Tensor) for bound in bounds):
        raise layer.unsupported("a slice whose bounds are tensors")
    return found


@converts("ops.Stack")
def stack(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Beside each other along a new axis."""
    axis = int(setting(layer, "axis", 1, 0)) % (inputs[0].rank + 1)
    return builder.op("Concat", *(builder.unsqueeze(x, axis) for x in inputs), axis=axis)


@converts("ops.Split")
def split(layer: Layer, inputs: list[Tensor], builder: Builder) -> list[Tensor]:
    """Parts along an axis: so many of one length, or between places."""
    x, where = inputs[0], setting(layer, "indices_or_sections", 1)
    axis = int(setting(layer, "axis", 2, 0)) % x.rank
    if isinstance(where, int):
        length = _length(layer, x, axis) // where
        where = [length * i for i in range(1, where)]
    bounds = [0, *(int(place) for place in where), LAST]
    return [builder.slice(x, axis, start, stop) for start, stop in pairwise(bounds)]


@converts("ops.Flip")
def flip(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """In reverse along an axis."""
    axis = setting(layer, "axis", 1)
    if not isinstance(axis, int):
        raise layer.unsupported(f"axis: {axis}")
    return builder.flip(inputs[0], axis % inputs[0].rank)


@converts("ops.Roll")
def roll(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """What leaves at one end of an axis comes in at the other."""
    x, shift, axis = inputs[0], setting(layer, "shift", 1), setting(layer, "axis", 2)
    if not isinstance(shift, int) or not isinstance(axis, int):
        raise layer.unsupported(f"shift: {shift}, axis: {axis}")
    axis %= x.rank
    place = -shift % _length(layer, x, axis)
    ends = [builder.slice(x, axis, place, LAST), builder.slice(x, axis, 0, place)]
    return builder.op("Concat", *ends, axis=axis) if place else x


@converts("ops.Take")
def take(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Places of an axis, by number."""
    args = layer.arguments.get("args", inputs)
    axis, places = setting(layer, "axis", 2), args[1]
    if axis is None:
        raise layer.unsupported("axis: none")
    if not isinstance(args[0], Tensor):
        raise layer.unsupported("a table that is no tensor of the network")
    places = places if isinstance(places, Tensor) else np.asarray(places, np.int64)
    return builder.op("Gather", args[0], places, axis=int(axis) % args[0].rank)


@converts("ops.Tile")
def tile(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Again and again along each axis."""
    repeats = [int(each) for each in np.atleast_1d(setting(layer, "repeats", 1))]
    rank = inputs[0].rank
    if len(repeats) > rank:
        raise layer.unsupported(f"repeats: {repeats} of {rank} axes")
    repeats = [1] * (rank - len(repeats)) + repeats
    return builder.op("Tile", inputs[0], np.array(repeats, np.int64))


@converts("ops.Repeat")
def repeat(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Each place of an axis some times."""
    x, repeats, axis = inputs[0], setting(layer, "repeats", 1), setting(layer, "axis", 2)
    if not isinstance(repeats, int) or not isinstance(axis, int):
        raise layer.unsupported(f"repeats: {repeats}, axis: {axis}")
    axis %= x.rank
    places = np.repeat(np.arange(_length(layer, x, axis), dtype=np.int64), repeats)
    return builder.op("Gather", x, places, axis=axis)


@converts("ops.Pad")
def pad(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Values before and behind each axis."""
    mode, value = setting(layer, "mode", 2, "constant"), setting(layer, "constant_values", 3)
    if mode not in ("constant", "reflect") or isinstance(value, Tensor | list):
        raise layer.unsupported(f"mode: {mode}")
    widths = np.array(setting(layer, "pad_width", 1), np.int64)
    widths = np.broadcast_to(widths, (inputs[0].rank, 2))
    fill = None if mode != "constant" else (value or 0)
    return builder.op("Pad", inputs[0], widths.T.reshape(-1).copy(), fill, mode=mode)


@converts("ops.Swapaxes")
def swap(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Two axes in each other's place."""
    rank = inputs[0].rank
    one, other = (int(setting(layer, f"axis{i}", i)) % rank for i in (1, 2))
    order = list(range(rank))
    order[one], order[other] = other, one
    return inputs[0].transposed(order)


@converts("ops.Moveaxis")
def move(layer: Layer, inputs: list[Tensor], builder: Builder) -> Tensor:
    """Axes at other places."""
    rank = inputs[0].rank
    pairs = (
        np.atleast_1d(setting(layer, key, i)) for i, key in ((1, "source"), (2, "destination"))
    )
    sources, places = ([int(axis) % rank for axis in each] for each in pairs)
    order = [axis for axis in range(rank) if axis not in sources]
    for place, source in sorted(zip(places, sources, strict=True)):
        order.insert(place, source)
    return inputs[0].transposed(order)


def _length(layer: Layer, x: Tensor, axis: int) -> int:
    size = x.size(axis)
    if size is None:
        raise layer.unsupported(f"an open axis {axis}")
    return size
