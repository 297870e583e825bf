"""From raw columns to the named answers: fitted preprocessing, network and what follows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.samples.samples import read_samples

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True)
class Whole:
    """A model before anything is said of it in its metadata.

    Attributes:
        front: from raw columns to the network's output.
        back: from there to the named answers.
        model: both together.
        states: inputs that are states, each with the output that is the state one step on.
        summary: prepared.json.
    """

    front: onnx.ModelProto
    back: onnx.ModelProto
    model: onnx.ModelProto
    states: Mapping[str, str]
    summary: Mapping[str, Any]


def whole(network: onnx.ModelProto, prepared: Path) -> Whole:
    """A network with what it was prepared by.

    Args:
        network: as a graph.
        prepared: folder of the preprocessing that it was trained on.
    """
    from throughline.export.graph.join import join
    from throughline.export.states import carried

    samples = read_samples(prepared)
    summary = samples.summary
    # The answers compare what a network gives back with what it was given.
    kept = list(summary["features"]) if "features" in summary["target"] else []
    front = join(samples.graph, network, keep=kept, inner=True)
    back = samples.answers_graph(front.graph.output[0].name)
    states = carried(front)
    return Whole(front, back, join(front, back, keep=list(states.values())), states, summary)
