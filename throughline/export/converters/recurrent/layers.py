"""SimpleRNN, GRU, LSTM and Bidirectional as native operators, never as loops.

Source: `keras/src/layers/rnn`; the ONNX reference of RNN, GRU and LSTM.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from throughline.export.converters.recurrent.keras_cells import Cell, activation_attributes, cell_of
from throughline.export.converters.recurrent.masks import Compaction, compacted, compaction, spread
from throughline.export.converters.recurrent.scanned import scanned
from throughline.export.graph.builder import Builder
from throughline.export.graph.tensor import Tensor
from throughline.export.registry import Layer, converts

# The stored order (time, batch, features) of the recurrent operators.
TIME_FIRST = (1, 0, 2)


@dataclass(frozen=True)
class Steps:
    """What a recurrent operator gives: outputs (time, directions, batch, units) and states."""

    outputs: Tensor
    states: list[Tensor]


def run_cells(
    cells: list[Cell],
    x: Tensor,
    states: list[Tensor],
    direction: str,
    way: Compaction | None,
    builder: Builder,
) -> Steps:
    """One recurrent operator.

    Args:
        cells: one cell per direction.
        x: sequences, shape (batch, time, features).
        states: initial states, each (directions, batch, units); none means zeros.
        direction: "forward", "reverse" or "bidirectional".
        way: how masked steps are moved, or None without a mask.
        builder: the graph.
    """
    first = cells[0]
    x = compacted(x, way, builder) if way else x
    biases = [cell.bias for cell in cells if cell.bias is not None]
    attributes = activation_attributes(cells)
    if first.operator == "GRU" and first.reset_after:
        attributes["linear_before_reset"] = 1
    outputs, *finals = builder.ops(
        first.operator,
        builder.stored(x, TIME_FIRST),
        np.stack([cell.kernel for cell in cells]),
        np.stack([cell.recurrent for cell in cells]),
        np.stack(biases) if biases else None,
        way.lengths if way else None,
        *states,
        count=1 + first.state_count,
        hidden_size=first.units,
        direction=direction if direction != "forward" else None,
        **attributes,
    )
    if way and (states or first.operator == "RNN"):
        finals = _of_steps(finals, states, way, builder)
    return Steps(outputs, finals)


def _of_steps(
    finals: list[Tensor], states: list[Tensor], way: Compaction, builder: Builder
) -> list[Tensor]:
    """Last states; of a row without a step the initial ones, where the operators give others.

    Those of onnxruntime answer zeros whatever the initial states are, and its RNN, up to 1.30 at
    least, whatever stands in memory.
    """
    some = builder.unsqueeze(builder.op("Greater", way.lengths, 0), 1)
    initial: list[Tensor | float] = [*states] or [0.0] * len(finals)
    return [
        builder.op("Where", some, final, start)
        for final, start in zip(finals, initial, strict=True)
    ]


OPERATED = ("SimpleRNN", "GRU", "LSTM")


@converts(*OPERATED)
def recurrent(layer: Layer, inputs: list[Tensor], builder: Builder) -> list[Tensor]:
    """One recurrent layer."""
    return one_direction(layer, inputs, builder)


def one_direction(layer: Layer, inputs: list[Tensor], builder: Builder) -> list[Tensor]:
    """The output of a recurrent layer, then its states where it returns them."""
    backward = layer.flag("go_backwards")
    states = _initial_states(layer, inputs, builder)
    x = builder.floating(inputs[0])
    if layer.class_name == "SimpleRNN" and layer.mask is None:
        sequence, last = scanned(layer, x, states, builder)
        finals = [last]
    else:
        sequence, finals = _operated(layer, x, states, builder)
    if layer.flag("stateful"):
        for index, state in enumerate(finals):
            builder.output(f"{layer.name}_next_state_{index}", state)
    if layer.flag("return_sequences"):
        output = sequence.masked(layer.mask or inputs[0].mask)
    else:
        output = _last(layer, finals[0], backward, builder)
    return [output, *finals] if layer.flag("return_state") else [output]


def _operated(
    layer: Layer, x: Tensor, states: list[Tensor], builder: Builder
) -> tuple[Tensor, list[Tensor]]:
    """Outputs in Keras' order and last states, by a recurrent operator."""
    backward = layer.flag("go_backwards")
    way = compaction(layer.mask, builder) if layer.mask else None
    stacked = [builder.unsqueeze(state, 0) for state in states]
    direction = "reverse" if backward else "forward"
    steps = run_cells([cell_of(layer)], x, stacked, direction, way, builder)
    finals = [builder.squeeze(state, 0) for state in steps.states]
    output = builder.logical(builder.squeeze(steps.outputs, 1), TIME_FIRST)
    if way:
        output = spread(output, way, backward, layer.flag("zero_output_for_mask"), builder)
    return builder.flip(output, 1) if backward else output, finals


def _initial_states(layer: Layer, inputs: list[Tensor], builder: Builder) -> list[Tensor]:
    """States given by the call, or inputs of the model for a stateful layer, or none."""
    if len(inputs) > 1 or not layer.flag("stateful"):
        return inputs[1:]
    count = 2 if layer.class_name == "LSTM" else 1
    return [
        builder.input(f"{layer.name}_state_{index}", ("N", layer.config["units"]), "float32")
        for index in range(count)
    ]


def _last(layer: Layer, state: Tensor, backward: bool, builder: Builder) -> Tensor:
    """The last output; zeros where the layer says so and the last step read is masked."""
    if layer.mask is None or not layer.flag("zero_output_for_mask"):
        return state
    edge = builder.slice(layer.mask, 1, 0, 1) if backward else builder.slice(
        layer.mask, 1, -1, np.iinfo(np.int64).max
    )  # fmt: skip
    return builder.op("Where", edge, state, 0.0)


@converts("Bidirectional")
def bidirectional(layer: Layer, inputs: list[Tensor], builder: Builder) -> list[Tensor]:
    """Two directions in one operator where their cells have one shape, else in two."""
    forward, backward = _directions(layer)
    for each in (forward, backward):
        if each.class_name not in OPERATED:
            raise layer.unsupported(f"directions of class {each.class_name}")
    merge = layer.config.get("merge_mode", "concat")
    if not _fits_one_operator(forward, backward):
        return _two_operators(layer, forward, backward, inputs, builder)
    cells = [cell_of(forward), cell_of(backward)]
    way = compaction(layer.mask, builder) if layer.mask else None
    x = builder.floating(inputs[0])
    states = _paired_states(inputs[1:], builder)
    steps = run_cells(cells, x, states, "bidirectional", way, builder)
    sequences = forward.flag("return_sequences")
    if sequences:
        merged = _merged_sequences(merge, steps.outputs, builder)
        merged = [spread(output, way, False, True, builder) if way else output for output in merged]
        merged = [output.masked(layer.mask or inputs[0].mask) for output in merged]
    elif merge == "concat":
        merged = [_joined(steps.states[0], (1, 0, 2), builder)]
    else:
        merged = _merged(merge, _split(steps.states[0], 0, builder), builder)
    if not forward.flag("return_state"):
        return merged
    split = [_split(state, 0, builder) for state in steps.states]
    return [*merged, *(pair[0] for pair in split), *(pair[1] for pair in split)]


def _directions(layer: Layer) -> tuple[Layer, Layer]:
    """The forward and the backward layer, with their weights."""
    forward = layer.config["layer"]
    backward = layer.config.get("backward_layer") or {
        **forward,
        "config": forward["config"] | {"go_backwards": not forward["config"]["go_backwards"]},
    }
    parts = {"forward_layer": forward, "backward_layer": backward}
    whole = Layer(layer.name, layer.class_name, parts, layer.variables)
    # Keras forces zeros at masked steps here whenever sequences are returned.
    zero = {"zero_output_for_mask": bool(forward["config"]["return_sequences"])}
    first, second = (whole.part(key) for key in parts)
    return _configured(first, zero, layer.mask), _configured(second, zero, layer.mask)


def _configured(layer: Layer, settings: dict[str, bool], mask: Tensor | None) -> Layer:
    config = dict(layer.config) | settings
    return Layer(layer.name, layer.class_name, config, layer.variables, {}, mask)


def _fits_one_operator(forward: Layer, backward: Layer) -> bool:
    keys = ("units", "use_bias", "reset_after")
    return (
        forward.class_name == backward.class_name
        and all(forward.config.get(key) == backward.config.get(key) for key in keys)
        and backward.flag("go_backwards")
        and not forward.flag("go_backwards")
        and not forward.flag("stateful")
    )


def _paired_states(states: list[Tensor], builder: Builder) -> list[Tensor]:
    """Initial states, forward ones first, as (directions, batch, units) each."""
    half = len(states) // 2
    stacked = [builder.unsqueeze(state, 0) for state in states]
    return [
        builder.op("Concat", stacked[index], stacked[half + index], axis=0) for index in range(half)
    ]


def _joined(raw: Tensor, permutation: tuple[int, ...], builder: Builder) -> Tensor:
    """Directions side by side in the last axis."""
    swapped = builder.op("Transpose", raw, perm=list(permutation))
    width = 2 * int(raw.stored_shape[-1] or 0)
    return builder.reshape(swapped, [0] * (raw.rank - 2) + [width])


def _split(raw: Tensor, axis: int, builder: Builder) -> list[Tensor]:
    parts = builder.ops("Split", raw, count=2, axis=axis, num_outputs=2)
    return [builder.squeeze(part, axis) for part in parts]


def _merged_sequences(merge: str | None, outputs: Tensor, builder: Builder) -> list[Tensor]:
    """Outputs (time, directions, batch, units) as Keras merges them."""
    if merge == "concat":
        return [builder.logical(_joined(outputs, (0, 2, 1, 3), builder), TIME_FIRST)]
    both = [builder.logical(raw, TIME_FIRST) for raw in _split(outputs, 1, builder)]
    return _merged(merge, both, builder)


def _merged(merge: str | None, both: list[Tensor], builder: Builder) -> list[Tensor]:
    first, second = both
    if merge is None:
        return both
    if merge == "concat":
        raw = builder.op("Concat", *(builder.stored(t, first.order) for t in both), axis=-1)
        return [builder.logical(raw, first.order)]
    operator = {"sum": "Add", "mul": "Mul", "ave": "Mean"}[merge]
    return [builder.elementwise(operator, first, second)]


def _two_operators(
    layer: Layer, forward: Layer, backward: Layer, inputs: list[Tensor], builder: Builder
) -> list[Tensor]:
    """Directions whose cells differ: one recurrent layer each, the second turned round."""
    x, *states = inputs
    half = len(states) // 2
    with builder.scope("forward"):
        first, *first_states = one_direction(forward, [x, *states[:half]], builder)
    with builder.scope("backward"):
        second, *second_states = one_direction(backward, [x, *states[half:]], builder)
    if forward.flag("return_sequences"):
        second = builder.flip(second, 1)
    merged = _merged(layer.config.get("merge_mode", "concat"), [first, second], builder)
    if forward.flag("return_sequences"):
        merged = [output.masked(layer.mask or x.mask) for output in merged]
    return [*merged, *first_states, *second_states]
