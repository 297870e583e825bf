"""What a pipeline uses for each item of the debug list, as text for the evaluation report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from throughline.errors import listed
from throughline.pipeline.problem import PROBLEMS
from throughline.pipeline.several_targets import of_each
from throughline.training.network import spec
from throughline.training.network.agreement import last_activation

if TYPE_CHECKING:
    from throughline.pipeline.pipeline import Pipeline


def settings(view: Pipeline) -> dict[str, str]:
    """Last layer, loss, optimizer and scaling of a pipeline.

    Args:
        view: a pipeline with `columns`, `network`, `target`, `task` and `training`.

    Returns:
        A text for each of them; what the file leaves open as it is filled in.
    """
    training = view.training
    schedule = f", {_written(training.schedule)}" if training.schedule else ""
    epochs = (
        training.epochs if isinstance(training.epochs, int) else f"at most {training.max_epochs}"
    )
    return {
        **_judged(view),
        "optimizer": (
            f"{_written(training.optimizer)}{schedule}, batches of {training.batch_size}, "
            f"{epochs} epochs"
        ),
        "scaling": _scaling(view),
    }


def _judged(view: Pipeline) -> dict[str, str]:
    """Last layer and loss, of each of several targets."""
    if view.targets:
        ends = (
            f"{name}: {last_activation(each.loss, each.task)}"
            for name, each in view.targets.items()
        )
        losses = (
            f"{each.weight:g} × {_written(each.loss or PROBLEMS[each.task].loss)} of {name}"
            for name, each in view.targets.items()
        )
        return {"last layer": ", ".join(ends), "loss": " + ".join(losses)}
    loss = view.training.loss
    return {
        "last layer": _last_layer(view.network, last_activation(loss, view.task)),
        "loss": _written(loss or PROBLEMS[view.task].loss),
    }


def _written(choice: str | dict[str, Any]) -> str:
    """A Keras object as the pipeline file has it: `Adam(learning_rate=0.001)`."""
    if isinstance(choice, str):
        return choice
    ((name, arguments),) = choice.items()
    if not isinstance(arguments, dict):
        return f"{name}({json.dumps(arguments)})"
    return f"{name}({', '.join(f'{key}={json.dumps(v)}' for key, v in arguments.items())})"


def _last_layer(network: Any, activation: str) -> str:
    if isinstance(network, str):
        return f"made by {network}, which is given {activation}"
    own = next((e.arguments for e in spec.entries(network) if e.kind == spec.OUTPUT), {})
    return f"Dense, {own.get('activation', activation)}"


def _scaling(view: Pipeline) -> str:
    """Columns by what makes them small numbers, those that nothing does first."""
    columns: Mapping[str, Any] = view.columns
    groups: dict[str, list[str]] = {"none": []}
    for name, column in columns.items():
        steps = [part.kind for part in (column.scale, column.encode) if part is not None]
        steps += ["text"] if column.text is not None else []
        groups.setdefault(" ".join(steps) or "none", []).append(name)
    parts = [f"{step}: {listed(names)}" for step, names in groups.items() if names]
    for name, each in of_each(view).items():
        scale = each.target.scale
        parts.append(f"{name or 'target'}: {scale.kind if scale else 'as it is'}")
    return "; ".join(parts)
