"""The figures of an evaluation, those of each task, and finding the nearest name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from throughline.errors import BadPipeline, nearest
from throughline.evaluation.measure import classification, forecast, regression
from throughline.evaluation.measure.classification import OF_A_CLASS
from throughline.figures import learned
from throughline.figures.figure import Figure
from throughline.pipeline.problem import PROBLEMS
from throughline.pipeline.schema.judgement import limited
from throughline.pipeline.several_targets import of_each

if TYPE_CHECKING:
    from throughline.pipeline.pipeline import Pipeline

# The first figure of a task is the one that a reader asks for; `compared_by` says which decides.
FIGURES: dict[str, tuple[str, ...]] = {
    **classification.FIGURES,
    **regression.FIGURES,
    **forecast.FIGURES,
}

# What filters of pictures make of them.
FILTERED = ("filtered_height", "filtered_width", "filtered_channels", "filter_parameters")

# Facts of a model: neither more nor less is better.
FACTS = ("parameters", "epochs", "confusion", *FILTERED, "coefficient", "intercept")

EVALUATED: dict[str, Figure] = {
    figure.name: figure
    for figure in (
        *classification.EVALUATED,
        *regression.EVALUATED,
        *forecast.EVALUATED,
        *(Figure(name, None) for name in FACTS),
    )
}
# Those that no last bit moves, nor their intervals.
COUNTED = frozenset(name for name, each in EVALUATED.items() if each.counted)


def metric_names(task: str, trained: Iterable[str] = ()) -> list[str]:
    """Every name that `claims[].metric` and `gates.metrics` may use, without a subject.

    A figure of one class (`recall:1`), one column (`coefficient:age`), one cell of the confusion
    matrix (`confusion:ACTUAL:PREDICTED`) or one comparison model
    (`accuracy:RandomForestClassifier`) has a subject after a colon.

    Args:
        task: the problem type.
        trained: names of what the trainings measure, which the folds have, too. Default: none.
    """
    own = list(FIGURES[task])
    folds = [f"cv_{name}" for name in dict.fromkeys((*own, "loss", *trained))]
    names = [*own, *(f"train_{name}" for name in own), *folds, "epochs", "parameters", *FILTERED]
    if task in ("binary", "multiclass"):
        return [*names, *(name for name in OF_A_CLASS if name not in names), "confusion"]
    return [*names, "coefficient", "intercept"] if task in ("regression", "proportion") else names


def plain_name(name: str) -> str:
    """A figure's name without what it is of: `cv_recall:1` is `recall`, `price.mae` is `mae`."""
    own = name.partition(":")[0].rpartition(".")[2]
    return own.removeprefix("train_").removeprefix("cv_")


def known_figure(name: str) -> Figure | None:
    """What is known of a figure of a report, or None for a name of the user's own.

    Args:
        name: with or without what it is of. Folds have the metrics of the training, too; which way
            those are better Keras says.
    """
    plain = plain_name(name)
    if plain in EVALUATED:
        return EVALUATED[plain]
    if any(learned.folded(plain) == learned.folded(each) for each in learned.known()):
        return learned.figure(plain)
    return None


def figure_of(name: str) -> Figure:
    """What is known of a figure of a report.

    Raises:
        BadPipeline: nothing is, not even which way it is better.
    """
    found = known_figure(name)
    if found is None:
        raise BadPipeline(
            "A figure whose direction is known is needed",
            name,
            nearest(plain_name(name), EVALUATED),
        )
    return found


def compared_by(pipeline: Any) -> tuple[str, float | None]:
    """The figure that decides which of two models is better, and the margin of equal ones.

    That of `compare_by`; else the first figure that a gate bounds; else the loss of classes, which
    sees probabilities where accuracy sees nothing beside a frequent class, and the MAE of numbers.
    """
    if pipeline.compare_by is not None:
        return pipeline.compare_by.metric, pipeline.compare_by.margin
    own = FIGURES[pipeline.task]
    gated = (limited(name) for name in pipeline.gates.metrics)
    return next((name for name in gated if name in own), "loss" if "loss" in own else "mae"), None


def unknown_metrics(pipeline: Pipeline) -> Iterator[str]:
    """A line for each claim or gate whose metric no evaluation of this task can have."""
    for name, each in of_each(pipeline).items():
        yield from _unknown(each, f"{name}." if name else "")


def _unknown(pipeline: Pipeline, prefix: str) -> Iterator[str]:
    """The same for the target, or for one of several, whose name stands before its figures."""
    places = [(f"claims.{i}.metric", claim.metric) for i, claim in enumerate(pipeline.claims)]
    gates = {"gates": pipeline.gates}
    gates |= {f"stages.{name}.gates": stage.gates for name, stage in pipeline.stages.items()}
    places += [
        (f"{place}.{prefix}{name}", limited(name))
        for place, each in gates.items()
        for name in each.metrics
    ]
    if pipeline.compare_by is not None:
        name = pipeline.compare_by.metric
        if name not in FIGURES[pipeline.task]:
            hint = nearest(name, FIGURES[pipeline.task])
            yield f"compare_by: no metric '{name}' of a {pipeline.task} problem. {hint}"
    valid = metric_names(pipeline.task, _trained(pipeline))
    for place, name in places:
        plain, _, subject = name.partition(":")
        if plain not in valid:
            hint = nearest(plain, valid)
            yield f"{place}: no metric '{name}' of a {pipeline.task} problem. {hint}"
        elif plain == "coefficient" and subject not in pipeline.columns:
            yield f"{place}: no column '{subject}'. {nearest(subject, pipeline.columns)}"


def _trained(pipeline: Pipeline) -> list[str]:
    """The names of what the trainings of a pipeline and its variants measure, and we can judge."""
    sections = [pipeline.training.metrics, PROBLEMS[pipeline.task].metrics]
    sections += [(each.training or {}).get("metrics") for each in pipeline.variants.values()]
    names = [learned.figure(choice).name for metrics in sections for choice in metrics or ()]
    return [name for name in names if known_figure(name) is not None]


def unknown_figure(name: str, branch: str, known: Iterable[str]) -> BadPipeline:
    """The error for a figure that this evaluation does not have."""
    hint = nearest(name, list(known))
    if name.startswith("cv_"):
        hint = f"Does '{branch}' have a section 'cross_validation'? {hint}"
    if name.startswith(("coefficient", "intercept")):
        hint = "Only a model that is linear in its numeric inputs has coefficients"
    return BadPipeline(f"A metric of '{branch}' is needed", name, hint)
