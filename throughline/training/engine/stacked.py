"""Arrays of several runs for one program: what they share once, the rest one below the other."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from throughline.preprocessing import aligned
from throughline.preprocessing.sparse import Sparse
from throughline.preprocessing.sparse import joined as joined_rows
from throughline.samples.windows.gathered import Ahead, Block, Windowed

Tensor = Any


class PerRun(NamedTuple):
    """A tensor whose leading axis is that of the runs."""

    tensor: Tensor


def blocks(arrays: Sequence[Any], put: Callable[[Any], Any]) -> Block:
    """One array for all runs: equal ones are held once, others below it.

    Args:
        arrays: of each run the array, the windows or the targets ahead of them.
        put: puts an array on the device.

    Returns:
        A block whose `start` is the first row of each run.
    """
    unique, position = _distinct(arrays)
    first = unique[0]
    if isinstance(first, Sparse):
        on_device = put(joined_rows(unique))
    elif isinstance(first, Windowed | Ahead):
        on_device = put(_windows(unique))
    else:
        on_device = put(_joined(unique))
    if isinstance(first, Ahead):
        scales = np.stack([array.scale for array in arrays])
        on_device = on_device._replace(scale=PerRun(put(scales)))
    return Block(on_device, PerRun(put(_starts(unique)[position])))


def _distinct(arrays: Sequence[Any]) -> tuple[list[Any], np.ndarray]:
    """The objects that differ, and for each array which of them it is."""
    unique = list({id(array): array for array in arrays}.values())
    numbers = {id(array): i for i, array in enumerate(unique)}
    return unique, np.array([numbers[id(array)] for array in arrays], np.int32)


def _starts(arrays: Sequence[Any]) -> np.ndarray:
    """At which row each array begins when they lie one below the other."""
    lengths = [len(array) for array in arrays[:-1]]
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)


def _joined(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """The arrays one below the other, in memory that the device takes as it is."""
    if len(arrays) == 1:
        return arrays[0]
    shape = (sum(map(len, arrays)), *arrays[0].shape[1:])
    return np.concatenate(arrays, out=aligned.empty(shape, np.result_type(*arrays)))


def _windows(arrays: Sequence[Any]) -> Any:
    """Windows of all arrays, whose series lie one below the other."""
    if len(arrays) == 1:
        return arrays[0]
    series, position = _distinct([array.series for array in arrays])
    starts = _starts(series)[position]
    ends = [array.ends + start for array, start in zip(arrays, starts, strict=True)]
    together = {"series": _joined(series), "ends": np.concatenate(ends)}
    return dataclasses.replace(arrays[0], **together)


def split(tree: Any) -> tuple[list[Tensor], Any]:
    """What each run has of its own, and the tree without it.

    Args:
        tree: named tuples, tuples and lists of tensors and `PerRun`.

    Returns:
        The tensors with the runs' axis, in order, and the tree with `()` in their places, which
        is no tensor, so that a compiled program knows it as structure.
    """
    own: list[Tensor] = []

    def taken(part: Any) -> Any:
        if isinstance(part, PerRun):
            own.append(part.tensor)
            return ()
        return _walked(part, taken)

    return own, taken(tree)


def joined(own: Sequence[Tensor], shared: Any) -> Any:
    """The tree of one run: its own tensors at the places that `split` left open."""
    left: Iterator[Tensor] = iter(own)

    def filled(part: Any) -> Any:
        if isinstance(part, tuple) and not part:
            return next(left)
        return _walked(part, filled)

    return filled(shared)


def _walked(part: Any, step: Callable[[Any], Any]) -> Any:
    if isinstance(part, list):
        return [step(each) for each in part]
    if isinstance(part, tuple):
        parts = map(step, part)
        return type(part)(*parts) if hasattr(part, "_fields") else tuple(parts)
    return part
