"""Several targets of one network: what must hold of them, and the pipeline as each sees it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from throughline.errors import listed, nearest
from throughline.names import REFERENCE
from throughline.pipeline.problem import PROBLEMS, SEVERAL
from throughline.pipeline.schema.judgement import FORECASTERS, Gates, limited
from throughline.pipeline.strict import MisplacedKey

if TYPE_CHECKING:
    from throughline.pipeline.pipeline import Pipeline

Problems = Iterator[MisplacedKey]

# The tasks that one of several targets may have.
TASKS = tuple(task for task in PROBLEMS if task not in ("forecast", SEVERAL))


def answer(target: str, name: str) -> str:
    """What an answer of one of several targets is called: `sold_label`, and `price` itself.

    Args:
        target: its name; empty where there is one.
        name: of the answer where there is one target.
    """
    if not target:
        return name
    return target if name == "prediction" else f"{target}_{name}"


def of_each(view: Pipeline) -> dict[str, Pipeline]:
    """The pipeline as each target sees it, by its name; one without several by an empty name."""
    return {name: view.of_target(name) for name in view.targets} or {"": view}


def inner(name: str, target: str) -> str | None:
    """What is left of `price.mae` or `lower(price.mae)` for the target `price`; None for others."""
    bare = limited(name)
    own = bare.removeprefix(f"{target}.")
    return None if own == bare else name.replace(bare, own)


def of_target(pipeline: Pipeline, name: str) -> Pipeline:
    """A pipeline of several targets as if it had this one alone."""

    def own(names: Iterable[str]) -> dict[str, str]:
        return {each: found for each in names if (found := inner(each, name))}

    def gates_of(gates: Gates) -> Gates:
        metrics = {found: gates.metrics[each] for each, found in own(gates.metrics).items()}
        return Gates(beat=[*own(gates.beat).values()], metrics=metrics)

    target = pipeline.targets[name]
    judged = {"loss": target.loss, "metrics": target.metrics}
    return pipeline.model_copy(
        update={
            "target": target,
            "targets": {},
            "task": target.task,
            "compare": [
                each.model_copy(update={"model": found})
                for each in pipeline.compare
                if (found := inner(each.model, name))
            ],
            "gates": gates_of(pipeline.gates),
            "stages": {
                stage: each.model_copy(update={"gates": gates_of(each.gates)})
                for stage, each in pipeline.stages.items()
            },
            "training": pipeline.training.model_copy(update=judged),
        }
    )


def targets_fit(pipeline: Pipeline) -> Problems:
    """The rules of `targets`; each says all that breaks it."""
    if not pipeline.targets:
        if pipeline.task == SEVERAL:
            yield MisplacedKey(
                "'several' needs the section 'targets', with a task for each of them", "task"
            )
        for number, each in enumerate(pipeline.compare):
            if "." in each.model:
                yield MisplacedKey(f"no comparison model '{each.model}'", "compare", number)
        return
    yield from _each_target_fits(pipeline)
    yield from _names_are_of_their_own(pipeline)
    yield from _sections_fit(pipeline)
    yield from _judges_name_their_target(pipeline)


def _each_target_fits(pipeline: Pipeline) -> Problems:
    for name, target in pipeline.targets.items():
        place = ("targets", name)
        classifies = PROBLEMS[target.task].classifies
        if target.task not in TASKS:
            yield MisplacedKey(
                f"one of several targets has a task of {listed(TASKS)}", *place, "task"
            )
        if target.features:
            yield MisplacedKey("'features' is the only target of a pipeline", *place, "features")
        if target.change is not None:
            yield MisplacedKey("'change' needs the section 'time'", *place, "change")
        if len(target.columns) > 1 and target.task in ("binary", "multiclass"):
            yield MisplacedKey(f"task '{target.task}' takes one target column", *place, "columns")
        if classifies and target.scale is not None:
            yield MisplacedKey("'scale' has a meaning for regression only", *place, "scale")
        if not classifies and target.classes is not None:
            yield MisplacedKey("'classes' has a meaning for classification only", *place, "classes")
    held: dict[str, str] = {}
    for name, target in pipeline.targets.items():
        for column in target.columns:
            if column in held:
                yield MisplacedKey(
                    f"'{column}' is predicted by '{held[column]}' already", "targets", name
                )
            held[column] = name


def _names_are_of_their_own(pipeline: Pipeline) -> Problems:
    inputs = pipeline.inputs or {"features": []}
    for name, target in pipeline.targets.items():
        if "." in name or REFERENCE.fullmatch(f"a:{name.replace('-', '_')}") is None:
            yield MisplacedKey(
                "a target's name begins with a letter and holds no '.', which parts it from its "
                "figures",
                "targets",
                name,
            )
        if name in inputs or name == "loss":
            yield MisplacedKey(
                f"'{name}' is another thing of the network; give the target another name",
                "targets",
                name,
            )
        taken = {answer(name, each) for each in PROBLEMS[target.task].answers}
        for column in sorted(taken & set(pipeline.columns)):
            yield MisplacedKey(
                f"'{column}' is what the model answers, too; give the target another name",
                "targets",
                name,
            )


def _sections_fit(pipeline: Pipeline) -> Problems:
    """What is not there for several targets."""
    training, folds = pipeline.training, pipeline.cross_validation
    each = "give each of 'targets' its own"
    said = {
        ("time",): (pipeline.time, "several targets are of rows, not of windows of a series"),
        ("training", "loss"): (training.loss, each),
        ("training", "metrics"): (training.metrics, each),
        ("training", "class_weight"): (
            training.class_weight, "weighs the classes of one target; weigh rows by 'sample_weight'"
        ),
        ("training", "start"): (training.start, "begins with the linear function of one target"),
        ("cross_validation", "stratify"): (
            folds and folds.stratify, "keeps the shares of one target's classes"
        ),
        ("compare_by",): (pipeline.compare_by, "each target is compared by its first gate"),
        ("claims",): (pipeline.claims, "a text's figure is of one target"),
        ("export", "precisions"): (
            pipeline.export.precisions, "smaller files are judged by one target"
        ),
    }  # fmt: skip
    for place, (given, why) in said.items():
        if given:
            yield MisplacedKey(f"not with 'targets': {why}; remove it", *place)
    if len(pipeline.targets) < 2:
        yield MisplacedKey("one target is written as 'task' and 'target'", "targets")
    if "Pretrained" in str(pipeline.network) and "answers" in str(pipeline.network):
        yield MisplacedKey("a pretrained network's own answers are those of one target", "network")


def _judges_name_their_target(pipeline: Pipeline) -> Problems:
    """Comparisons and gates say of which target they are: `price.mean`, `price.mae`."""
    names = list(pipeline.targets)
    asked: list[tuple[str, tuple[str | int, ...]]] = [
        (each.model, ("compare", number)) for number, each in enumerate(pipeline.compare)
    ]
    gates: dict[tuple[str, ...], Gates] = {("gates",): pipeline.gates}
    gates |= {("stages", stage, "gates"): each.gates for stage, each in pipeline.stages.items()}
    for where, held in gates.items():
        asked += [(name, (*where, "beat")) for name in held.beat]
        asked += [(limited(name), (*where, name)) for name in held.metrics]
    for name, place in asked:
        target, dot, own = name.partition(".")
        if own in FORECASTERS:
            yield MisplacedKey(f"'{own}' forecasts series", *place)
        if not dot or target not in names:
            yield MisplacedKey(
                f"'{name}' should begin with its target, such as '{names[0]}.{name}'"
                if not dot
                else f"'{name}' begins with no target. {nearest(target, names)}",
                *place,
            )
