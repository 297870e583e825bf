"""Sweeps: a grid over settings of the pipeline file, judged on validation rows only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from itertools import islice
from typing import TYPE_CHECKING, Any

from throughline.errors import BadPipeline, nearest
from throughline.pipeline.schema.protocol import CrossValidation, Sweep
from throughline.training.divergence import Diverged

if TYPE_CHECKING:
    from throughline.figures.figure import Figure
    from throughline.pipeline.pipeline import Pipeline
    from throughline.samples.samples import Divisor, Samples
    from throughline.stages.given import StageInput
    from throughline.training.search.side_by_side import Group, Outcome, SideBySide

# Settings that a sweep may change; a change of the others would change the rows themselves.
SWEPT = ("columns", "network", "training")
# Of one of several targets.
SWEPT_OF_TARGETS = ("loss", "weight")
CHANGES_THE_LOSS = (
    "training.loss", "training.class_weight", "training.sample_weight", "targets.", "regularizer",
    "L1", "L2",
)  # fmt: skip


def with_settings(document: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """A pipeline file with the values at some key paths replaced.

    Args:
        document: the file as parsed.
        settings: values by key path, such as `training.batch_size` or `network.0.Dense.units`.

    Raises:
        BadPipeline: a path that leads nowhere.
    """
    result = deepcopy(dict(document))
    for path, value in settings.items():
        section, *keys = path.split(".")
        judged = section == "targets" and len(keys) == 2 and keys[1] in SWEPT_OF_TARGETS
        if section not in SWEPT and not judged:
            expected = f"A sweep may change settings of {', '.join(SWEPT)}, or a target's "
            raise BadPipeline(expected + " and ".join(SWEPT_OF_TARGETS), path)
        if not keys:
            result[section] = value
            continue
        place: Any = result.setdefault(section, {})
        for key in keys[:-1]:
            place = _inside(place, key, path)
        if isinstance(place, list):
            place[_position(place, keys[-1], path)] = value
        else:
            place[keys[-1]] = value
    return result


def _inside(place: Any, key: str, path: str) -> Any:
    if isinstance(place, list):
        return place[_position(place, key, path)]
    if not isinstance(place, dict) or key not in place:
        valid = list(place) if isinstance(place, dict) else []
        raise BadPipeline(f"sweep over '{path}': no '{key}' there", remedy=nearest(key, valid))
    return place[key]


def _position(place: list[Any], key: str, path: str) -> int:
    if not key.isdigit() or int(key) >= len(place):
        raise BadPipeline(f"sweep over '{path}' needs a position below {len(place)}", key)
    return int(key)


def run_sweep(
    stage_input: StageInput,
    name: str,
    sweep: Sweep,
    samples: Samples,
    seed: int,
    trainings: SideBySide,
) -> dict[str, Any]:
    """Cross-validate every point of a sweep; the trainings of all points are one list.

    Args:
        stage_input: of stage `cross_validate`.
        name: of the sweep.
        sweep: the section.
        samples: prepared data of its base.
        seed: for a pipeline that sets none.
        trainings: of the stage.

    Returns:
        The points with their settings and scores and, with `refit`, `refitted` figures; where
        the loss became NaN or infinite, what was found under `diverged`; the position of the best
        point, None where all diverged, and the metric `by` which it is the best; `selected`, what a
        choice by that metric is worth on folds that had no say in it, None for a single point.
    """
    from throughline.pipeline.loading import varied
    from throughline.training.folds.validation import figures_of
    from throughline.training.search.selection import selected

    base = stage_input.branches[sweep.base]
    document = stage_input.document
    if sweep.base != "main":
        document = varied(document, stage_input.main.variants[sweep.base])
    protocol = base.cross_validation or CrossValidation()
    if sweep.folds:
        protocol = protocol.model_copy(update={"folds": sweep.folds})
    every = list(sweep.points())
    points = [
        _Point(_view(name, document, settings), samples, protocol, seed, sweep)
        for settings in every
    ]
    parts = (part for point in points for part in point.parts())
    count = sum(map(len, points))
    outcomes = trainings.each(parts, protocol.runs, f"sweep {name}", count)
    results = [
        {"settings": settings, **point.result(list(islice(outcomes, len(point))))}
        for settings, point in zip(every, points, strict=True)
    ]
    figures = figures_of(points[0].planned.view)
    best = _best(sweep, results, figures)
    planned = points[0].planned
    by = best["by"]
    honest = selected(
        [point["metrics"][by]["values"] for point in results if "metrics" in point],
        planned.folds,
        planned.sizes[0],
        figures[by],
    )
    return {"title": sweep.title, "points": results, **best, "selected": honest}


def _view(name: str, document: Mapping[str, Any], settings: Mapping[str, Any]) -> Pipeline:
    from throughline.pipeline.pipeline import Pipeline

    try:
        return Pipeline.model_validate(with_settings(document, settings))
    except ValueError as error:
        raise BadPipeline(f"sweeps.{name}: {settings} is no valid setting: {error}") from None


class _Point:
    """One point: its folds and, with `refit`, one training on all rows."""

    def __init__(
        self, view: Pipeline, samples: Samples, protocol: CrossValidation, seed: int, sweep: Sweep
    ) -> None:
        from throughline.training.folds.validation import Planned

        self.planned = Planned(view, samples, protocol, seed, sweep.repeats)
        self.refit = sweep.refit
        self.divide: Divisor = 1.0

    def __len__(self) -> int:
        return len(self.planned) + self.refit

    def parts(self) -> Iterator[list[Group]]:
        """What is trained; arrays are made when they are asked for."""
        from throughline.training.folds.validation import on_everything

        yield from self.planned.parts()
        if self.refit:
            planned = self.planned
            group, self.divide = on_everything(planned.view, planned.samples, planned.default_seed)
            yield [group]

    def result(self, outcomes: Sequence[Outcome]) -> dict[str, Any]:
        """Scores and, with `refit`, `refitted`; what was found where the loss diverged."""
        from throughline.training.folds.validation import figures_of, training_figures
        from throughline.training.search.side_by_side import fitted_or_raised

        try:
            scores = self.planned.folded(outcomes[: len(self.planned)]).as_json()
            if self.refit:
                (fitted,) = fitted_or_raised(outcomes[-1])
                figures = figures_of(self.planned.view)
                scores["refitted"] = training_figures(fitted, self.divide, figures)
        except Diverged as diverged:
            return {"diverged": str(diverged)}
        return scores


def _best(
    sweep: Sweep, results: Sequence[Mapping[str, Any]], figures: Mapping[str, Figure]
) -> dict[str, Any]:
    """Position of the point with the best mean on validation rows, and by which metric.

    Losses compare points of one loss only. Where the sweep changes the loss or a penalty that is
    part of it, the first other metric decides.
    """
    scored = [i for i, point in enumerate(results) if "metrics" in point]
    if not scored:
        return {"best": None, "by": "loss"}
    names = list(results[scored[0]]["metrics"])
    changed = json.dumps(sweep.over, default=str)
    losses_differ = any(word in changed for word in CHANGES_THE_LOSS)
    settings = [
        name
        for name in names
        if name.rpartition(".")[2] != "loss" and figures[name].rises is not None
    ]
    by = next(iter(settings), "loss") if losses_differ else "loss"
    best = figures[by].best([results[i]["metrics"][by]["mean"] for i in scored])
    return {"best": scored[best], "by": by}
