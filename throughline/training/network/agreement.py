"""Whether the last layer, the loss and the task say the same: what leaves is a probability or none.

A classification answers with probabilities. Its last layer makes them, or it ends in logits and
the loss says so (`from_logits: true`); then training goes by the logits and the network that is
kept ends with the activation that the task asks for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from throughline.errors import ThroughlineError
from throughline.figures.learned import folded
from throughline.pipeline.problem import PROBLEMS
from throughline.training.catalogue import catalogue
from throughline.training.network import spec
from throughline.training.network.spec import BadNetwork
from throughline.training.private_keras import maker

if TYPE_CHECKING:
    import numpy as np

    from throughline.pipeline.schema.targets import NamedTarget
    from throughline.pipeline.schema.training import Choice, Training

LINEAR = "linear"
# Activations that make probabilities: of each answer by itself, or of one class among several.
ALONE, AMONG = ("sigmoid", "hard_sigmoid"), ("softmax", "sparsemax")
MAKING = {"sigmoid": ALONE, "softmax": AMONG}
PROBABILITIES = "probabilities"
# In bfloat16 a softmax sums up to 1 within so much.
NEAR = 0.02


def logits(loss: Choice | None) -> bool:
    """Whether a loss takes logits."""
    return bool(_arguments(loss).get("from_logits"))


def last_activation(loss: Choice | None, task: str) -> str:
    """Of the last layer that follows from the task and the loss."""
    return LINEAR if logits(loss) else PROBLEMS[task].activation


def answer_activation(loss: Choice | None, task: str) -> str | None:
    """What turns the network's logits into its answers, where it gives logits."""
    return PROBLEMS[task].activation if logits(loss) else None


def check(network: Any, training: Training, task: str) -> list[str]:
    """Contradictions of the last layer, the loss and the task, a sentence each.

    Args:
        network: the section, whose names are known to be right.
        training: the section, likewise.
        task: the problem type.
    """
    found = [*loss_problems(training.loss, task, "training.loss")]
    if training.class_weight is not None and task not in ("binary", "multiclass"):
        found.append(
            f"training.class_weight weighs classes, and a row of task '{task}' has not one of "
            "them. Remove it."
        )
    if not found and not isinstance(network, str):
        try:
            last = spec.entries(network)[-1:]
        except ThroughlineError:
            last = []
        if last and last[0].kind == spec.OUTPUT and "activation" in last[0].arguments:
            activation = str(last[0].arguments["activation"])
            place = f"{last[0].position}.activation"
            problem = contradiction(activation, training.loss, task, place)
            found += [problem] if problem else []
    return found


def check_targets(network: Any, targets: Mapping[str, NamedTarget]) -> list[str]:
    """Contradictions of outputs, losses and tasks of several targets, a sentence each.

    Args:
        network: the section, whose names are known to be right.
        targets: the section, likewise.
    """
    found = [
        problem
        for name, each in targets.items()
        for problem in loss_problems(each.loss, each.task, f"targets.{name}.loss")
    ]
    listing = [] if isinstance(network, str) else spec.entries(network)
    for entry in listing:
        target = targets.get(str(entry.name))
        if entry.kind != spec.OUTPUT or target is None or "activation" not in entry.arguments:
            continue
        activation, place = str(entry.arguments["activation"]), f"{entry.position}.activation"
        if problem := contradiction(activation, target.loss, target.task, place):
            found.append(problem)
    return found


def loss_problems(choice: Choice | None, task: str, key: str) -> list[str]:
    """Contradictions of a loss and a task, a sentence each.

    Args:
        choice: the loss, whose name is known to be right.
        task: the problem type.
        key: where it stands, for messages.
    """
    if choice is None:
        return []
    name = choice if isinstance(choice, str) else str(next(iter(choice)))
    losses = catalogue.read()["losses"]
    known = next((each for each in losses if folded(each) == folded(name)), None)
    if known is None:
        return []
    place = f"{key}: {name}"
    # Keras' names say what a loss takes: a probability for each class, or one by itself.
    among = known.startswith(("Sparse", "Categorical"))
    if among and task != "multiclass":
        return [f"{place} takes a probability for each class, which task '{task}' does not give."]
    if known.startswith("Binary") and task == "multiclass" and logits(choice):
        return [f"{place} makes a sigmoid of logits, and task 'multiclass' answers by a softmax."]
    if "from_logits" in losses[known] and PROBLEMS[task].activation == LINEAR:
        return [f"{place} takes probabilities, and task '{task}' answers with numbers."]
    return []


def contradiction(activation: str, loss: Choice | None, task: str, place: str) -> str | None:
    """What is wrong with a last activation, as a sentence."""
    wanted = PROBLEMS[task].activation
    if logits(loss):
        if activation == LINEAR:
            return None
        return str(
            BadNetwork(
                f"{place} should be linear, because training.loss takes logits",
                activation,
                "Remove it, or remove from_logits",
            )
        )
    if not PROBLEMS[task].classifies or activation in MAKING[wanted]:
        return None
    remedy = f"Remove it, which means {wanted}"
    if activation == LINEAR:
        remedy += ", or set training.loss to one with from_logits: true, which keeps logits"
    return str(
        BadNetwork(
            f"{place} should be {' or '.join(MAKING[wanted])}, for task '{task}' answers with "
            "probabilities",
            activation,
            remedy,
        )
    )


def agree(output: Any, loss: Choice | None, task: str, units: int, name: str = "") -> None:
    """Refuse an output of a network that was built and that fits neither loss nor task.

    Args:
        output: a Keras tensor.
        loss: as the file has it.
        task: the problem type.
        units: that follow from the target.
        name: of the target. Default: there is one.

    Raises:
        BadNetwork: another number of units, or an activation that is known and does not fit.
    """
    if output.shape[-1] != units:
        what = f"the output '{name}'" if name else "network"
        raise BadNetwork(
            f"{what} should end with {units} units for task '{task}'",
            f"{output.shape[-1]} units",
            "A function is given output.units and output.activation",
        )
    activation = _activation(output)
    place = f"The last activation of '{name}'" if name else "The last activation"
    problem = activation and contradiction(activation, loss, task, place)
    if problem:
        raise BadNetwork(problem)


def _activation(output: Any) -> str | None:
    """The activation that made a tensor; None where nobody can say by the layer."""
    import keras

    operation = maker(output)
    if isinstance(operation, keras.Model):
        return _activation(operation.outputs[0])
    function = getattr(operation, "activation", None)
    if function is None:
        name = type(operation).__name__.lower()
        return name if name in catalogue.read()["activations"] else None
    return getattr(function, "__name__", None)


def are_probabilities(answers: np.ndarray, task: str, name: str = "") -> None:
    """Refuse to keep a classification whose answers are none, whatever its last layer is.

    Args:
        answers: to some rows, shape (rows, units).
        task: the problem type.
        name: of the target. Default: there is one.

    Raises:
        BadNetwork: an answer outside [0, 1], or classes that do not sum up to 1.
    """
    import numpy as np

    if not PROBLEMS[task].classifies or not len(answers):
        return
    low, high = float(np.min(answers)), float(np.max(answers))
    among = PROBLEMS[task].activation in AMONG
    sums = np.abs(answers.sum(axis=-1) - 1).max() if among else 0.0
    if low >= 0 and high <= 1 and sums <= NEAR:
        return
    raise BadNetwork(
        f"network should answer {f'target {name!r}, ' if name else ''}task '{task}' with "
        "probabilities",
        f"answers from {low:.3g} to {high:.3g}" + (f", sums off by {sums:.2g}" if sums else ""),
        f"End it with {PROBLEMS[task].activation}, or train on logits: a loss with from_logits: "
        "true, and no activation at the end",
    )


def _arguments(choice: Choice | None) -> dict[str, Any]:
    if choice is None or isinstance(choice, str):
        return {}
    ((_, arguments),) = choice.items()
    return arguments if isinstance(arguments, dict) else {}
