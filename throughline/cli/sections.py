"""What a pipeline file says that no run could do, or would do without a word.

Rules that need no library and no row: `check` tells them before anything is fetched.
"""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Iterator, Mapping
from importlib import import_module
from itertools import islice
from typing import TYPE_CHECKING, Any

from throughline.cli import values
from throughline.errors import BadPipeline, nearest, sentence, shorten
from throughline.evaluation.measure.evaluated import known_figure
from throughline.figures.learned import folded
from throughline.names import is_reference
from throughline.pipeline.schema.judgement import BOUND, limited
from throughline.pipeline.schema.training import Epochs
from throughline.training.network import spec
from throughline.training.objects.optimizers import PLATEAU

if TYPE_CHECKING:
    from throughline.pipeline.loading import Definition
    from throughline.pipeline.pipeline import Pipeline
    from throughline.pipeline.schema.training import Training
    from throughline.pipeline.yaml_file import YamlFile

CLASSES, NUMBERS = ("binary", "multiclass", "multilabel"), ("regression", "proportion")
MOST_POINTS = 256
# FILE:LINE:COLUMN before what is said.
PLACED = re.compile(r"^\S+\.yaml:\d+:\d+: ")
# What Python says of patterns that RE2 cannot read, either.
BROKEN_PATTERNS = (
    "unterminated character set", "missing )", "unbalanced parenthesis", "nothing to repeat",
    "multiple repeat", "bad character range",
)  # fmt: skip
CHARACTER_CLASS = re.compile(r"\[\^?\]?[^\]]*\]")
NOT_IN_RE2 = re.compile(r"\(\?<?[=!]|(?<!\\)\\[1-9]")


def problems(pipeline: Pipeline) -> Iterator[str]:
    """A sentence for each."""
    training = pipeline.training
    if isinstance(training.class_weight, dict):
        yield from _class_weights(training.class_weight)
    if _two_rates(training):
        yield (
            "training.schedule gives the learning rate, and so does the optimizer. Remove its "
            "learning_rate, or the schedule."
        )
    chooses = isinstance(training.epochs, Epochs) and training.epochs.choose is not None
    if chooses and pipeline.cross_validation is None:
        yield (
            "training.epochs.choose needs the section 'cross_validation', whose folds choose. "
            "Add one, or give the number of epochs."
        )
    if training.warm_up is not None and not _may_be_pretrained(pipeline):
        yield (
            "training.warm_up trains while 'Pretrained' layers are frozen, and 'network' has none. "
            "Add one, or remove it."
        )
    for name, column in pipeline.columns.items():
        low, high = (column.clip.low, column.clip.high) if column.clip else (None, None)
        if low is not None and high is not None and low >= high:
            yield (
                f"columns.{name}.clip must have its low end below its high one. Received: "
                f"[{low:g}, {high:g}]."
            )
    if isinstance(pipeline.network, dict):
        yield from _unused(pipeline)
    yield from _patterns(pipeline)
    yield from _bounds(pipeline)
    yield from _gates(pipeline)
    yield from _comparisons(pipeline)


def _two_rates(training: Training) -> bool:
    optimizer, schedule = training.optimizer, training.schedule
    if schedule is None or isinstance(optimizer, str):
        return False
    named = schedule if isinstance(schedule, str) else next(iter(schedule))
    rated = "learning_rate" in (next(iter(optimizer.values())) or {})
    return rated and folded(str(named)) != folded(PLATEAU)


def _may_be_pretrained(pipeline: Pipeline) -> bool:
    network = pipeline.network
    return isinstance(network, str) or any(
        entry.kind == spec.PRETRAINED or is_reference(entry.kind) for entry in spec.entries(network)
    )


def _class_weights(weights: Mapping[int | str, float]) -> Iterator[str]:
    for name, weight in weights.items():
        if not str(name).isdecimal():
            yield (
                f"training.class_weight should name classes by their numbers, from 0 on. "
                f"Received: {shorten(name)}."
            )
        if not weight >= 0:
            yield f"training.class_weight.{name} should not be below 0. Received: {weight:g}."


def _unused(pipeline: Pipeline) -> Iterator[str]:
    """Inputs and layers of a graph that nothing follows: they would be left out without a word."""
    listing = spec.entries(pipeline.network)  # type: ignore[arg-type]
    inputs = list(pipeline.inputs or ["features"])
    read = {source for entry in listing for source in entry.sources}
    read |= {str(e.arguments.get("layer")) for e in listing if e.kind == spec.SHARED}
    if listing and not listing[0].sources:
        # Keras takes the first input; so does a network of one.
        read.add(inputs[0])
    for each in inputs if len(inputs) > 1 else ():
        if each not in read:
            yield sentence(
                f"inputs.{each}: no layer of 'network' has '{each}' under 'from', so its columns "
                "would have no say; add it, or remove the input"
            )
    ends = {len(listing) - 1, *(i for i, entry in enumerate(listing) if _answers(entry))}
    for i, entry in enumerate(listing):
        followed = i + 1 < len(listing) and not listing[i + 1].sources
        name = spec.given_name(entry)
        if i in ends or followed or name in read:
            continue
        if name is None and any(_may_be(entry.kind, source) for source in read):
            continue
        yield sentence(
            f"{entry.position} leads nowhere: no later layer has {name or 'it'} under 'from', and "
            "the next one begins elsewhere; connect it, or remove it"
        )


def _answers(entry: spec.Entry) -> bool:
    return entry.kind == spec.OUTPUT or bool(entry.arguments.get("answers"))


def _may_be(kind: str, source: str) -> bool:
    """Whether a source may be the name that Keras gives a layer of this kind."""
    return source.replace("_", "").startswith(kind.rpartition(":")[2].lower().replace("_", ""))


def _patterns(pipeline: Pipeline) -> Iterator[str]:
    """Patterns that the runtime's RE2 cannot read."""
    for name, column in pipeline.columns.items():
        tokens = column.text.tokens if column.text is not None else "characters"
        if tokens != "characters":
            yield from _pattern(f"columns.{name}.text.tokens", tokens)
        if column.derive is not None and column.derive.kind == "matches":
            yield from _pattern(f"columns.{name}.derive.matches.to", str(column.derive.to))


def _pattern(place: str, pattern: str) -> Iterator[str]:
    try:
        with warnings.catch_warnings(action="ignore"):
            re.compile(pattern)
    except re.error as error:
        # Of the rest RE2 takes some: classes such as \\pL, flags in the middle.
        if error.msg.startswith(BROKEN_PATTERNS):
            yield f"{place} must be a pattern of RE2: {error}. Received: {shorten(pattern)}."
            return
    if found := NOT_IN_RE2.search(CHARACTER_CLASS.sub("", pattern)):
        yield (
            f"{place} must be a pattern of RE2, which has no '{found[0]}'. Received: "
            f"{shorten(pattern)}."
        )


def _bounds(pipeline: Pipeline) -> Iterator[str]:
    """Rules whose two ends cannot both hold."""
    for number, rule in enumerate(pipeline.expectations.rules):
        for kind, arguments in rule.items():
            low, high = ((arguments or {}).get(key) for key in ("min_value", "max_value"))
            if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
                yield (
                    f"expectations.rules[{number}].{kind}: min_value must not be above max_value. "
                    f"Received: {low} and {high}."
                )


def _gates(pipeline: Pipeline) -> Iterator[str]:
    """Gates beyond the limits of their figure, which no model can pass."""
    for name, bound in pipeline.gates.metrics.items():
        found = BOUND.fullmatch(bound)
        known = known_figure(limited(name))
        if found is None or known is None:
            continue
        sign, number = found[1], float(found[2])
        low, high = known.limits
        above = number > high or (sign == ">" and number == high)
        below = number < low or (sign == "<" and number == low)
        if above if sign.startswith(">") else below:
            yield (
                f"gates.{name}: no model can pass '{bound}', since {known.name} lies between "
                f"{low:g} and {high:g}."
            )


def _comparisons(pipeline: Pipeline) -> Iterator[str]:
    """Comparison models of another task, and arguments that they do not have."""
    from throughline.evaluation.compare.comparisons import MODULES, REGRESSORS, refused_values

    for number, comparison in enumerate(pipeline.compare):
        target, _, name = comparison.model.rpartition(".")
        if name not in MODULES:
            continue
        task = pipeline.targets[target].task if target in pipeline.targets else pipeline.task
        numbers = name.endswith("Regressor") or name in REGRESSORS
        if task in CLASSES and numbers:
            yield (
                f"compare.{number}: '{name}' predicts numbers, and task '{task}' has "
                "classes. Name a classifier."
            )
        elif task in NUMBERS and not numbers:
            yield (
                f"compare.{number}: '{name}' predicts classes, and task '{task}' has "
                "numbers. Name a regressor."
            )
        elif comparison.arguments:
            valid = inspect.signature(getattr(import_module(MODULES[name]), name)).parameters
            unknown = [argument for argument in comparison.arguments if argument not in valid]
            for argument in unknown:
                yield (
                    f"compare.{number}: '{name}' has no argument '{argument}'. "
                    f"{nearest(argument, valid)}"
                )
            if not unknown and (said := refused_values(name, comparison.arguments)):
                yield f"compare.{number}: {said}"


def sweep_problems(definition: Definition, file: YamlFile) -> Iterator[str]:
    """Points of sweeps that no pipeline can be, each once, with the place in the file.

    Of a sweep of many points the first `MOST_POINTS` are looked at.
    """
    from throughline.pipeline.loading import checked, varied
    from throughline.training.search.sweeps import with_settings

    for name, sweep in definition.main.sweeps.items():
        document: Mapping[str, Any] = definition.document
        if sweep.base != "main":
            document = varied(document, definition.main.variants[sweep.base])
        line, column = file.place(("sweeps", name, "over"))
        seen: set[str] = set()
        for settings in islice(sweep.points(), MOST_POINTS):
            try:
                point = checked(with_settings(document, settings), file)
                found = [*values.problems(point)]
            except BadPipeline as error:
                found = [PLACED.sub("", each) for each in error.lines]
            for said in found:
                if said not in seen:
                    seen.add(said)
                    yield f"{file.path}:{line}:{column}: sweeps.{name}.over: {said}"
