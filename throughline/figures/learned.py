"""Figures of a training: Keras' losses and metrics, as a pipeline file names them.

Which way a metric is better is Keras' own answer, which its callbacks ask, too. It stands in
`keras.json`, because importing Keras costs seconds; the file is written by
`python -m throughline.training.catalogue.directions`, and a test holds it equal to the Keras that
is installed.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from throughline.errors import BadPipeline
from throughline.figures.figure import EVERYTHING, NOT_NEGATIVE, SHARE, Figure, Limits
from throughline.pipeline.schema.training import Choice, Epochs, Training

FILE = Path(__file__).with_name("keras.json")
DIRECTIONS = {"up": True, "down": False}
# Names that Keras resolves by the shapes of target and output.
ACCURACY, CROSSENTROPY = ("accuracy", "acc"), ("crossentropy", "ce")
SHORT_NAMES = (*ACCURACY, *CROSSENTROPY)
ALIASES = {
    "mse": "MeanSquaredError",
    "mae": "MeanAbsoluteError",
    "mape": "MeanAbsolutePercentageError",
    "msle": "MeanSquaredLogarithmicError",
    "bce": "BinaryCrossentropy",
}
CORRELATIONS = ("ConcordanceCorrelation", "CosineSimilarity", "PearsonCorrelation")
# Of the target's unit; the others of a regression have no value for the target itself once it is
# scaled: a share of the target, or a sum of terms of several powers.
POWERS = {
    "MeanAbsoluteError": 1,
    "RootMeanSquaredError": 1,
    "MeanSquaredError": 2,
    "R2Score": 0,
    "PearsonCorrelation": 0,
    "ConcordanceCorrelation": 0,
}
UNITLESS = (
    *("CosineSimilarity", "Huber", "LogCosh", "LogCoshError", "MeanAbsolutePercentageError"),
    *("MeanSquaredLogarithmicError", "Poisson", "Mean", "Sum"),
)
UNBOUNDED = ("Mean", "MeanMetricWrapper", "Poisson", "Sum", "CosineSimilarity")


@functools.cache
def known() -> Mapping[str, str | None]:
    """For each metric class of Keras `up`, `down` or None."""
    content: dict[str, str | None] = json.loads(FILE.read_text(encoding="utf-8"))
    return content


def folded(name: str) -> str:
    """A name without case and underscores: `mean_squared_error` is `MeanSquaredError`."""
    return ALIASES.get(name.lower(), name).replace("_", "").lower()


def figure(choice: Choice) -> Figure:
    """The figure of a metric that `training.metrics` lists.

    Args:
        choice: a Keras metric by name, or a mapping of its name to arguments.
    """
    name, arguments = (choice, {}) if isinstance(choice, str) else next(iter(choice.items()))
    printed = str((arguments or {}).get("name", name))
    if ":" in name:
        # Of the user's own: nobody but the file can say more than its name.
        return Figure(str((arguments or {}).get("name", name.rpartition(":")[2])), None, power=None)
    short = str((arguments or {}).get("name", name.lower()))
    if name.lower() in ACCURACY:
        return Figure(short, True, SHARE)
    if name.lower() in CROSSENTROPY:
        return Figure(short, False, NOT_NEGATIVE)
    found = next((cls for cls in known() if folded(cls) == folded(name)), name)
    direction = DIRECTIONS.get(known().get(found) or "")
    return Figure(printed, direction, _limits(found, direction), _power(found))


def loss(choice: Choice) -> Figure:
    """The figure `loss` of a training."""
    name = choice if isinstance(choice, str) else next(iter(choice))
    if ":" in name:
        return Figure("loss", False, power=None)
    names = (*POWERS, *UNITLESS, *UNBOUNDED, *known())
    found = next((cls for cls in names if folded(cls) == folded(name)), name)
    limits = EVERYTHING if found in UNBOUNDED else NOT_NEGATIVE
    return Figure("loss", False, limits, _power(found))


def figures(
    training: Training, default_loss: Choice, metrics: Sequence[Choice], place: str = "training"
) -> dict[str, Figure]:
    """The figures of a training by the names of its curves, without `val_`.

    Args:
        training: the section.
        default_loss: of the task.
        metrics: of the task, where the section lists none.
        place: of the section, for messages. Default: `training`.

    Raises:
        BadPipeline: a curve is watched whose direction nobody says, or two have one name.
    """
    own = map(figure, training.metrics or metrics)
    return watched(training, by_name(loss(training.loss or default_loss), *own, place=place))


def by_name(*figures: Figure, place: str) -> dict[str, Figure]:
    """Figures by the names of their curves.

    Args:
        figures: loss first.
        place: of the section that lists them, for messages.

    Raises:
        BadPipeline: two have one name, or a training curve that of a validation curve: one would
            be judged by the direction of the other.
    """
    found: dict[str, Figure] = {}
    for each in figures:
        if each.name in found or each.name.startswith("val_") or not each.name:
            raise BadPipeline(
                f"{place}.metrics: each needs a name of its own, which is not `loss` and does not "
                "begin with `val_`",
                each.name,
                "Set its `name`, or list it once",
            )
        found[each.name] = each
    return found


def watched(training: Training, found: dict[str, Figure]) -> dict[str, Figure]:
    """The figures of a training, with the direction that the section says of the one it watches.

    Raises:
        BadPipeline: nobody says it.
    """
    epochs = training.epochs
    if isinstance(epochs, Epochs):
        curve = epochs.monitor.removeprefix("val_")
        if epochs.mode is not None and curve in found:
            found[curve] = replace(found[curve], rises=epochs.mode == "max")
        if curve in found and found[curve].rises is None:
            raise BadPipeline(
                f"training.epochs.mode must say whether a larger {curve} is better: `max` or "
                "`min`; Keras does not",
                epochs.monitor,
            )
    return found


def problems(
    training: Training,
    default_loss: Choice,
    metrics: Sequence[Choice],
    scaled: bool,
    target: str = "",
) -> list[str]:
    """What is wrong with the figures of a training, a sentence each.

    Args:
        training: the section.
        default_loss: of the task.
        metrics: of the task, where the section lists none.
        scaled: whether the target is scaled for training.
        target: its name, of several, whose watched curves `heads.figures` knows. Default: one.
    """
    place, scale = "training", "target.scale"
    if target:
        place, scale = f"targets.{target}", "its scale"
        training = training.model_copy(update={"epochs": 1})
    try:
        figures(training, default_loss, metrics, place)
    except BadPipeline as error:
        return [str(error)]
    return [
        f"{place}.metrics: {each.name} of a scaled target says nothing about the target itself. "
        f"Measure MeanAbsoluteError, RootMeanSquaredError or R2Score, or remove {scale}."
        for each in map(figure, training.metrics or [])
        if scaled and each.power is None
    ]


def _limits(name: str, rises: bool | None) -> Limits:
    if name in CORRELATIONS:
        return Limits(-1.0, 1.0)
    if name == "R2Score":
        return Limits(-float("inf"), 1.0)
    if name in UNBOUNDED:
        return EVERYTHING
    return SHARE if rises else NOT_NEGATIVE


def _power(name: str) -> int | None:
    return None if name in UNITLESS else POWERS.get(name, 0)
