"""The answers of a network: one of the one target, or one of each of several side by side.

A network of several answers in one tensor, (rows, units), in which each head has its columns; its
targets lie side by side likewise. So whatever gathers rows, stores answers or compares graphs knows
one network, one target and one answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from throughline.figures import learned
from throughline.figures.figure import NOT_NEGATIVE, Figure
from throughline.pipeline.problem import PROBLEMS
from throughline.preprocessing.several import several_of
from throughline.training.network import agreement
from throughline.training.private_keras import maker

if TYPE_CHECKING:
    import keras
    import numpy as np

    from throughline.pipeline.schema.targets import NamedTarget
    from throughline.pipeline.schema.training import Choice, Training

Tensor = Any


class Head(NamedTuple):
    """One answer of a network.

    Attributes:
        name: of the target; empty where there is one.
        task: the problem type.
        units: of the answer.
        loss: a Keras loss. Default: that of the task.
        metrics: Keras metrics. Default: those of the task.
        weight: of its loss in the sum of all. Default: 1.
    """

    name: str
    task: str
    units: int
    loss: Choice | None = None
    metrics: Sequence[Choice] | None = None
    weight: float = 1.0

    @property
    def width(self) -> int:
        """How many numbers of a row's target are the head's: the number of a class is one."""
        return 1 if self.task == "multiclass" else self.units

    @property
    def activation(self) -> str | None:
        """What turns the head's logits into its answers, where it gives logits."""
        return agreement.answer_activation(self.loss, self.task)


def of_targets(
    targets: Mapping[str, NamedTarget], prepared: Mapping[str, Any] | None = None
) -> list[Head]:
    """The heads of several targets; none where there is one.

    Args:
        targets: the section.
        prepared: the entry `target` of prepared.json, which knows the units. Default: none are
            known, nor needed for figures.
    """
    known = {name: part.units for name, part in several_of(prepared or {}).items()}
    return [
        Head(name, each.task, known.get(name, 0), each.loss, each.metrics, each.weight)
        for name, each in targets.items()
    ]


class Place(NamedTuple):
    """Where a head's numbers stand in a row's targets, and in the network's answers."""

    head: Head
    target: slice
    answer: slice

    def pair(self, target: Tensor, answer: Tensor) -> tuple[Tensor, Tensor]:
        """The head's targets, as a pipeline of this one target has them, and its answers."""
        from keras import ops

        own = target[:, self.target]
        if self.head.task == "multiclass":
            own = ops.cast(own[:, 0], "int32")
        return own, answer[:, self.answer]


def places(heads: Sequence[Head]) -> list[Place]:
    """Where each head's numbers stand, in the order of the heads."""
    found, column, unit = [], 0, 0
    for head in heads:
        ends = column + head.width, unit + head.units
        found.append(Place(head, slice(column, ends[0]), slice(unit, ends[1])))
        column, unit = ends
    return found


def side_by_side(outputs: Sequence[Tensor], name: str) -> Tensor:
    """The network's outputs as one tensor, (rows, units); a single one is itself."""
    import keras

    return outputs[0] if len(outputs) == 1 else keras.layers.Concatenate(name=name)(outputs)


def outputs_of(model: keras.Model, heads: Sequence[Head]) -> list[Tensor]:
    """The output of each head; what `side_by_side` put together, apart again."""
    (output,) = model.outputs
    return [output] if len(heads) == 1 else list(maker(output).input)


def agree(model: keras.Model, heads: Sequence[Head]) -> None:
    """Refuse a network that was built and of which an output fits neither loss nor task.

    Raises:
        BadNetwork: another number of units, or an activation that is known and does not fit.
    """
    for head, output in zip(heads, outputs_of(model, heads), strict=True):
        agreement.agree(output, head.loss, head.task, head.units, head.name)


def with_answers(model: keras.Model, heads: Sequence[Head]) -> keras.Model:
    """The network as it is kept: logits go through the activation that the task asks for."""
    import keras

    if not any(head.activation for head in heads):
        return model
    answers = []
    for head, output in zip(heads, outputs_of(model, heads), strict=True):
        name = "_".join(filter(None, (head.name, agreement.PROBABILITIES)))
        layer = head.activation and keras.layers.Activation(head.activation, name=name)
        answers.append(layer(output) if layer else output)
    return keras.Model(model.inputs, side_by_side(answers, model.output_names[0]), name=model.name)


def figures(training: Training, heads: Sequence[Head]) -> dict[str, Figure]:
    """The figures of a training of several heads, by the names of its curves, without `val_`.

    Those of a head begin with its name: `price.loss`, `price.mae`; `loss` is the weighted sum.

    Raises:
        BadPipeline: a curve is watched whose direction nobody says, or two have one name.
    """
    found = {"loss": Figure("loss", False, NOT_NEGATIVE)} if heads else {}
    for head in heads:
        chosen = PROBLEMS[head.task].metrics if head.metrics is None else head.metrics
        own = [learned.loss(head.loss or PROBLEMS[head.task].loss), *map(learned.figure, chosen)]
        named = learned.by_name(*own, place=f"targets.{head.name}")
        found |= {f"{head.name}.{name}": each for name, each in named.items()}
    return learned.watched(training, found)


def are_probabilities(answers: np.ndarray, heads: Sequence[Head]) -> None:
    """Refuse to keep a classification whose answers are none, whatever its last layer is.

    Args:
        answers: to some rows, (rows, units).
        heads: that they are of.

    Raises:
        BadNetwork: an answer outside [0, 1], or classes that do not sum up to 1.
    """
    if len(heads) == 1:
        # Answers in time have more than two axes.
        agreement.are_probabilities(answers, heads[0].task)
        return
    for place in places(heads):
        agreement.are_probabilities(answers[:, place.answer], place.head.task, place.head.name)


class Answers:
    """From a network's output to the answers that metrics judge, each head by its activation."""

    def __init__(self, heads: Sequence[Head]) -> None:
        self.places = places(heads)

    def __call__(self, output: Tensor) -> Tensor:
        import keras

        return keras.ops.concatenate(
            [
                keras.activations.get(place.head.activation or agreement.LINEAR)(
                    output[:, place.answer]
                )
                for place in self.places
            ],
            axis=-1,
        )
