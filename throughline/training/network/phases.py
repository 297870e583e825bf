"""Training in phases: a head first, then the pretrained layers below it at a low rate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from throughline.training.engine.runs import Fitted, Run

if TYPE_CHECKING:
    import keras

    from throughline.pipeline.schema.training import Training

Build = Callable[[int], "keras.Model"]
Positions = Sequence[int] | None
Fit = Callable[[Build, "Training", Sequence[Run], Positions], list[Fitted]]


def in_phases(
    build: Build, training: Training, runs: Sequence[Run], fit: Fit, only: Positions = None
) -> list[Fitted]:
    """Train the new layers with all pretrained ones frozen, then go on as the section says.

    New layers begin with random weights, whose large gradients would spoil what a pretrained
    layer knows (Chollet, Deep Learning with Python, section 5.3.2).

    Args:
        build: makes the network with the weights of a seed.
        training: the section, with `warm_up`.
        runs: what is trained.
        fit: trains networks that a function builds.
        only: positions of the runs that this process trains. Default: all.

    Returns:
        One result a run; its history begins with the warm-up.
    """
    warm_up = training.warm_up
    assert warm_up is not None
    settings: dict[str, Any] = {"epochs": warm_up.epochs, "schedule": None, "warm_up": None}
    if warm_up.optimizer is not None:
        settings["optimizer"] = warm_up.optimizer
    first = fit(_frozen(build), training.model_copy(update=settings), runs, only)
    rest = training.model_copy(update={"warm_up": None})
    chosen = runs if only is None else [runs[i] for i in only]
    results = []
    for run, warm in zip(chosen, first, strict=True):
        (fitted,) = fit(_from(build, warm), rest, [run], None)
        results.append(_joined(warm, fitted))
    return results


def as_it_is(build: Build, runs: Sequence[Run]) -> list[Fitted]:
    """The networks without any training, for `epochs: 0`."""
    return [Fitted(build(run.seed).get_weights(), {}, 0, 0, 0.0) for run in runs]


def _frozen(build: Build) -> Build:
    """The network with every pretrained part, which is a network itself, kept as it is."""
    import keras

    def built(seed: int) -> keras.Model:
        model = build(seed)
        for layer in model.layers:
            if isinstance(layer, keras.Model):
                layer.trainable = False
        return model

    return built


def _from(build: Build, warm: Fitted) -> Build:
    def built(seed: int) -> keras.Model:
        model = build(seed)
        model.set_weights(warm.weights)
        return model

    return built


def _joined(warm: Fitted, fitted: Fitted) -> Fitted:
    history = {name: [*warm.history[name], *values] for name, values in fitted.history.items()}
    return replace(
        fitted,
        history=history,
        best_epoch=warm.epochs_run + fitted.best_epoch,
        epochs_run=warm.epochs_run + fitted.epochs_run,
        seconds=warm.seconds + fitted.seconds,
    )
