"""Train folds in every way and say how they differ: `python side_by_side.py BACKEND NETWORK...`."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np

NETWORKS: dict[str, tuple[list[Any], tuple[int, ...]]] = {
    "dense": ([{"Dense": {"units": 8}}, {"Dropout": {"rate": 0.3}}], (6,)),
    # Without the bias, whose gradient is rounding errors alone, which Adam makes full steps of.
    "batch-norm": ([{"Dense": {"units": 8, "use_bias": False}}, "BatchNormalization"], (6,)),
    "conv": (
        [{"Conv2D": {"filters": 4, "kernel_size": 3}}, {"MaxPooling2D": {}}, "Flatten"],
        (8, 8, 1),
    ),
    "gru": ([{"GRU": {"units": 8}}], (9, 3)),
}
HOWS = ("in-turn", "together", "processes")


def groups(name: str) -> list[Any]:
    """Three folds of unequal size, two of which share their arrays."""
    from throughline.pipeline.schema.training import Training
    from throughline.training.engine.runs import Run
    from throughline.training.learner import Learner
    from throughline.training.search.side_by_side import Group

    layers, shape = NETWORKS[name]
    rng = np.random.default_rng(0)
    answers = rng.integers(0, 3, 60)
    arrays = [{"features": rng.normal(size=(60, *shape)).astype(np.float32)} for _ in range(2)]
    rule = {"max": 9, "patience": 3}
    training = Training(optimizer="adam", batch_size=16, epochs=rule, class_weight="balanced")
    types = {"features": "float32"}
    learner = Learner(layers, training, "multiclass", 3, {"features": shape}, types, 0)
    parts = [np.arange(0, 20), np.arange(20, 40), np.arange(40, 59)]
    runs = [
        Run(arrays[i % 2], answers, np.setdiff1d(np.arange(60), held), held, i)
        for i, held in enumerate(parts)
    ]
    return [Group(learner, runs)]


def fitted(trainings: Any, some: list[Any], how: Any) -> list[Any]:
    """The results of some groups, or the divergence raised."""
    from throughline.training.search.side_by_side import fitted_or_raised

    (outcome,) = trainings.each([some], how, "")
    return list(fitted_or_raised(outcome))


def trained(names: list[str]) -> dict[str, dict[str, Any]]:
    """For each network and way, how far its results are from those in turn."""
    from throughline.training.search.side_by_side import SideBySide

    found: dict[str, dict[str, Any]] = {}
    with SideBySide() as trainings:
        for name in names:
            results = {how: fitted(trainings, groups(name), how) for how in HOWS}
            expected = results["in-turn"]
            found[name] = {how: difference(expected, results[how]) for how in HOWS[1:]}
    return found


def difference(expected: list[Any], found: list[Any]) -> float:
    """The largest one of a weight, a curve or a prediction; inf where training ended elsewhere."""
    farthest = 0.0
    for one, other in zip(expected, found, strict=True):
        if (one.best_epoch, one.epochs_run) != (other.best_epoch, other.epochs_run):
            return float("inf")
        assert one.history.keys() == other.history.keys()
        pairs = list(zip(one.weights, other.weights, strict=True))
        pairs += [(np.array(one.history[key]), np.array(other.history[key])) for key in one.history]
        pairs.append((one.validation_predictions, other.validation_predictions))
        farthest = max(farthest, *(float(np.abs(a - b).max()) for a, b in pairs))
    return farthest


if __name__ == "__main__":
    from throughline.training.engine.devices import configure

    configure(device="cpu", threads=1, backend=sys.argv[1])
    print(json.dumps(trained(sys.argv[2:])))
