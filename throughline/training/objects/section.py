"""What is wrong with the names of section `training`, found without importing Keras."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from throughline.training.objects import optimizers
from throughline.training.objects.choices import BadTraining, name_problem, split_choice
from throughline.training.objects.losses import reduction_problem

if TYPE_CHECKING:
    from throughline.pipeline.schema.targets import NamedTarget
    from throughline.pipeline.schema.training import Choice, Training


def check_training(training: Training) -> list[str]:
    """Problems with the names in a `training:` section.

    Args:
        training: the section.

    Returns:
        One sentence a problem; empty when every name is known.
    """
    return [
        *optimizers.problems(training),
        *_judges(training.loss, training.metrics, "training"),
        *filter(None, [reduction_problem(training.loss, "training.loss")]),
    ]


def check_target(name: str, target: NamedTarget) -> list[str]:
    """Problems with the names of one of several targets.

    Args:
        name: of the target.
        target: its section.

    Returns:
        One sentence a problem; empty when every name is known.
    """
    place = f"targets.{name}"
    found = _judges(target.loss, target.metrics, place)
    for key in ("reduction", "ignore_class"):
        if key in split_choice(target.loss or "")[1]:
            found.append(
                str(
                    BadTraining(
                        f"{place}.loss should be the mean of a value for each row, which is "
                        "weighed and added to the others",
                        key,
                        f"Remove `{key}`",
                    )
                )
            )
    return found


def _judges(loss: Choice | None, metrics: Sequence[Choice] | None, place: str) -> list[str]:
    found = [name_problem(f"{place}.loss", "losses", loss)]
    found += [
        name_problem(f"{place}.metrics[{i}]", "metrics", metric)
        for i, metric in enumerate(metrics or [])
    ]
    return [problem for problem in found if problem]
