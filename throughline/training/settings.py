"""What a pipeline uses for each item of the debug list, as text for the evaluation report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from throughline.errors import listed
from throughline.pipeline.problem import PROBLEMS
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
        "last layer": _last_layer(view.network, last_activation(training, view.task)),
        "loss": _written(training.loss or PROBLEMS[view.task].loss),
        "optimizer": (
            f"{_written(training.optimizer)}{schedule}, batches of {training.batch_size}, "
            f"{epochs} epochs"
        ),
        "scaling": _scaling(view.columns, view.target.scale),
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


def _scaling(columns: Mapping[str, Any], target: Any) -> str:
    """Columns by what makes them small numbers, those that nothing does first."""
    groups: dict[str, list[str]] = {"none": []}
    for name, column in columns.items():
        steps = [part.kind for part in (column.scale, column.encode) if part is not None]
        steps += ["text"] if column.text is not None else []
        groups.setdefault(" ".join(steps) or "none", []).append(name)
    parts = [f"{step}: {listed(names)}" for step, names in groups.items() if names]
    parts.append(f"target: {target.kind if target else 'as it is'}")
    return "; ".join(parts)
