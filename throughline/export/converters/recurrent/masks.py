"""Masked sequences for operators that only know lengths.

Keras skips a masked step: the state stays, the output repeats. A recurrent operator of ONNX
knows only how long each sequence is. So the steps that count are moved to the front, wherever
the padding was (before, behind, between), and the outputs are put back where Keras has them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from throughline.export.graph.builder import Builder
from throughline.export.graph.tensor import Tensor


@dataclass(frozen=True)
class Compaction:
    """How masked sequences are moved.

    Args:
        mask: which steps count, shape (batch, time).
        order: for each place the step that comes there, those that count first; (batch, time, 1).
        lengths: how many steps count, int32, shape (batch,).
        counted: how many steps count up to and with each step, int64, shape (batch, time).
    """

    mask: Tensor
    order: Tensor
    lengths: Tensor
    counted: Tensor


def compaction(mask: Tensor, builder: Builder) -> Compaction:
    """The way from a mask to sequences without gaps; written once per mask."""
    key = ("compaction", mask.name)
    if key not in builder.memory:
        numbers = builder.cast(mask, "int32")
        steps = builder.op("Shape", mask, start=1, end=2)
        # Equal values keep their order in TopK, so the steps that count stay in sequence.
        _, order = builder.ops("TopK", builder.cast(mask, "float32"), steps, count=2, axis=1)
        lengths = builder.op("ReduceSum", numbers, np.array([1], np.int64), keepdims=0)
        counted = builder.op("CumSum", numbers, np.array(1, np.int64))
        builder.memory[key] = Compaction(
            mask, builder.unsqueeze(order, 2), lengths, builder.cast(counted, "int64")
        )
    found: Compaction = builder.memory[key]
    return found


def compacted(x: Tensor, way: Compaction, builder: Builder) -> Tensor:
    """`x`, shape (batch, time, features), with the steps that count at the front."""
    known: Tensor | None = builder.memory.get(("spread", x.name, way.mask.name))
    return known or builder.op("GatherND", x, way.order, batch_dims=1)


def spread(
    outputs: Tensor, way: Compaction, backward: bool, zero: bool, builder: Builder
) -> Tensor:
    """Outputs of compacted steps at the steps of the sequence.

    Args:
        outputs: shape (batch, time, units), zeros behind each sequence's end.
        way: how the steps were moved.
        backward: True when the operator read the steps from last to first.
        zero: True when a masked step gives zeros, False when it repeats the output before it.
        builder: the graph.
    """
    if zero or backward:
        # The number of steps before this one. Where no later step counts, that place is behind
        # the sequence's end, and the operator leaves zeros there.
        source = outputs
        place = builder.op("Sub", way.counted, builder.cast(way.mask, "int64"))
    else:
        # A step of zeros in front, for the time before the first step that counts.
        front = np.array([1, 0], np.int64)
        source = builder.op("Pad", outputs, front, None, np.array([1], np.int64))
        place = way.counted
    found = builder.op("GatherND", source, builder.unsqueeze(place, 2), batch_dims=1)
    if zero:
        found = builder.op("Where", builder.unsqueeze(way.mask, 2), found, 0.0)
    # A masked layer that reads these outputs needs them compacted, as they were.
    builder.memory["spread", found.name, way.mask.name] = outputs
    return found
