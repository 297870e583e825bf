"""What must hold between the sections of a pipeline file; each rule says all that breaks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from throughline.errors import nearest
from throughline.pipeline.problem import SEVERAL
from throughline.pipeline.reconstructing import features_can_be_given_back
from throughline.pipeline.schema.judgement import FORECASTERS, Claim, Gates, fits
from throughline.pipeline.several_targets import targets_fit
from throughline.pipeline.strict import MisplacedKey

if TYPE_CHECKING:
    from throughline.pipeline.pipeline import Network, Pipeline

# `prepare` keeps the array of each input as NAME.npy, its parts as NAME.PART.npy, and beside them
# arrays of its own.
BESIDE_ARRAYS = ("target", "positions", "steps")
SPARSE_PARTS = ("values", "columns", "begins", "counts", "places", "zeros")
ARRAY_PARTS = ("ends", "offsets", "vectors", *SPARSE_PARTS)

Problems = Iterator[MisplacedKey]


def _carries_state(network: Network) -> bool:
    """Whether a layer of the network is `stateful`."""
    layers = network.get("layers", []) if isinstance(network, dict) else network
    return isinstance(layers, list) and any(
        isinstance(arguments, dict) and arguments.get("stateful") is True
        for layer in layers
        if isinstance(layer, dict)
        for arguments in layer.values()
    )


def _time_fits(pipeline: Pipeline) -> Problems:
    task, target, split = pipeline.task, pipeline.target, pipeline.split
    if pipeline.time is None:
        if task == "forecast":
            yield MisplacedKey("task 'forecast' needs the section 'time'", "task")
        if split.kind == "temporal" and split.column is None:
            yield MisplacedKey("'temporal' needs 'column'", "split")
        for name, column in pipeline.columns.items():
            if column.smooth or column.change:
                yield MisplacedKey("'smooth' and 'change' need the section 'time'", "columns", name)
        return
    for name, column in pipeline.columns.items():
        if column.encode is not None and column.encode.kind == "target":
            yield MisplacedKey(
                "'target' encodes rows, and a window of a series has many; use frequency, hash or "
                "ids",
                "columns",
                name,
                "encode",
            )
    if task not in ("forecast", "binary", "multiclass", SEVERAL):
        yield MisplacedKey("with 'time' the task is forecast, binary or multiclass", "task")
    if split.kind != "temporal" or split.column is not None:
        yield MisplacedKey("a series is split by 'kind: temporal', without a column", "split")
    if _carries_state(pipeline.network):
        training = pipeline.training
        if training.batch_size != 1 or training.shuffle or training.validation:
            yield MisplacedKey(
                "a stateful layer needs 'batch_size: 1' and 'shuffle: false', and no 'validation': "
                "windows are visited in order",
                "training",
            )
        if pipeline.cross_validation is not None or pipeline.time.group:
            yield MisplacedKey(
                "a stateful layer follows one series: no 'cross_validation', no 'time.group'",
                "network",
            )
    directed = target.change is not None and target.change.kind == "direction"
    if directed and (task != "binary" or target.classes):
        yield MisplacedKey(
            "'change: direction' is a binary task whose classes are down and up", "target"
        )
    if task != "forecast" and target.change is not None and not directed:
        yield MisplacedKey("'change' of a class needs 'direction'", "target", "change")
    if task != "forecast" and len(pipeline.time.horizon) > 1:
        yield MisplacedKey("a class is predicted for one horizon", "time", "horizon")
    folded = pipeline.cross_validation
    if folded is not None and (folded.group or folded.temporal or folded.stratify or folded.sizes):
        yield MisplacedKey(
            "folds of a series are 'rolling-origin' or 'blocked'", "cross_validation"
        )


def _target_is_no_feature(pipeline: Pipeline) -> Problems:
    for name in pipeline.target.columns:
        # The past of a series may well predict its future.
        if name in pipeline.columns and pipeline.time is None:
            yield MisplacedKey(
                f"the target '{name}' cannot be a feature too; remove it here. For a network that "
                "gives back its own input (an autoencoder) write 'target: features'",
                "columns",
                name,
            )


def _weight_is_no_feature(pipeline: Pipeline) -> Problems:
    weight = pipeline.training.sample_weight
    if weight is None:
        return
    if pipeline.time is not None:
        yield MisplacedKey(
            "'sample_weight' weighs rows, and a window of a series has many; remove it",
            "training",
            "sample_weight",
        )
    if weight in pipeline.target.columns:
        yield MisplacedKey(
            f"the target '{weight}' cannot be the weight too", "training", "sample_weight"
        )
    for name, column in pipeline.columns.items():
        used = column.derive.of if column.derive else [name]
        if any(weight == each or fnmatchcase(weight, each) for each in used):
            yield MisplacedKey(
                f"the sample weight '{weight}' cannot be a feature too; leave it out here",
                "columns",
                name,
            )


def _target_fits_task(pipeline: Pipeline) -> Problems:
    several = len(pipeline.target.columns) > 1
    if several and pipeline.task in ("binary", "multiclass"):
        yield MisplacedKey(f"task '{pipeline.task}' takes one target column", "target")
    if pipeline.problem.classifies and pipeline.target.scale is not None:
        yield MisplacedKey("'scale' has a meaning for regression only", "target", "scale")
    if not pipeline.problem.classifies and pipeline.target.classes is not None:
        yield MisplacedKey("'classes' has a meaning for classification only", "target", "classes")


def _some_training_is_done(pipeline: Pipeline) -> Problems:
    if pipeline.training.epochs == 0 and "Pretrained" not in str(pipeline.network):
        yield MisplacedKey(
            "0 leaves the network untrained, which only a pretrained one may stay; give at least 1",
            "training",
            "epochs",
        )


def _names_that_are_meant_exist(pipeline: Pipeline) -> Problems:
    branches = {"main", *pipeline.variants}
    if "main" in pipeline.variants:
        yield MisplacedKey(
            "'main' is the pipeline itself; give the variant another name", "variants", "main"
        )
    for number, claim in enumerate(pipeline.claims):
        if claim.variant not in branches:
            yield MisplacedKey(
                f"claim at {claim.at} names no variant: '{claim.variant}'. "
                f"{nearest(claim.variant, branches)}",
                "claims",
                number,
            )
        if claim.sweep is not None:
            yield from _point_is_one(pipeline, claim, number)
    for name, sweep in pipeline.sweeps.items():
        if sweep.base not in branches:
            yield MisplacedKey(
                f"no variant '{sweep.base}' to start from. {nearest(sweep.base, branches)}",
                "sweeps",
                name,
            )
    asked: dict[tuple[str, ...], Gates] = {("gates",): pipeline.gates}
    asked |= {("stages", name, "gates"): stage.gates for name, stage in pipeline.stages.items()}
    for place, gates in asked.items():
        for beaten in gates.beat:
            if beaten not in [comparison.model for comparison in pipeline.compare]:
                yield MisplacedKey(
                    f"gate 'beat: {beaten}' needs '{beaten}' in 'compare'", *place, "beat"
                )


def _inputs_have_files_of_their_own(pipeline: Pipeline) -> Problems:
    inputs = pipeline.inputs or {}
    taken = {*BESIDE_ARRAYS, *(f"{name}.{part}" for name in inputs for part in ARRAY_PARTS)}
    for name in inputs:
        if name in pipeline.columns:
            yield MisplacedKey(
                f"'{name}' is a column; give the input another name, such as '{name}_input'",
                "inputs",
                name,
            )
        if name in taken:
            yield MisplacedKey(
                f"'{name}.npy' is another array of the prepared data; give the input another name",
                "inputs",
                name,
            )


def _columns_are_not_called_like_answers(pipeline: Pipeline) -> Problems:
    taken = dict.fromkeys(pipeline.problem.answers, "answer")
    if pipeline.time is not None:
        from throughline.serving.rows.windows import TIMESTAMP

        taken[TIMESTAMP] = "input of times"
    for name, column in pipeline.columns.items():
        if name in taken and column.derive is None:
            yield MisplacedKey(
                f"'{name}' is what the model's {taken[name]} is called; give the column another "
                f"name in the data, or leave it out",
                "columns",
                name,
            )


def _folds_can_follow_the_split(pipeline: Pipeline) -> Problems:
    protocol, kind = pipeline.cross_validation, pipeline.split.kind
    if protocol is None or protocol.group or protocol.temporal or pipeline.time is not None:
        return
    if kind in ("grouped", "temporal") and protocol.stratify:
        yield MisplacedKey(
            f"folds follow the split, which is {kind}: they cannot be stratified",
            "cross_validation",
            "stratify",
        )
    if kind == "temporal" and protocol.repeats > 1:
        yield MisplacedKey(
            "folds follow the split, which is temporal: there is one way to draw them",
            "cross_validation",
            "repeats",
        )


def _folds_for_those_that_ask(pipeline: Pipeline) -> Problems:
    asks = any(comparison.cross_validate for comparison in pipeline.compare)
    if asks and pipeline.time is not None:
        yield MisplacedKey("'cross_validate' is for rows, not for windows", "compare")
    if asks and pipeline.cross_validation is None:
        yield MisplacedKey("'cross_validate' needs section 'cross_validation'", "compare")


def _linear_starts_answer_with_numbers(pipeline: Pipeline) -> Problems:
    numbers = ("regression", "forecast", SEVERAL)
    if pipeline.training.start is not None and pipeline.task not in numbers:
        yield MisplacedKey(
            "'start: linear' is for tasks that answer with numbers: regression and forecast",
            "training",
            "start",
        )


def _forecasters_forecast(pipeline: Pipeline) -> Problems:
    for number, comparison in enumerate(pipeline.compare):
        if comparison.model in FORECASTERS and pipeline.task != "forecast":
            yield MisplacedKey(
                f"'{comparison.model}' forecasts, and the task is '{pipeline.task}'; "
                f"name '{pipeline.problem.baseline}' instead",
                "compare",
                number,
            )


def _point_is_one(pipeline: Pipeline, claim: Claim, number: int) -> Problems:
    if claim.sweep not in pipeline.sweeps:
        yield MisplacedKey(
            f"claim at {claim.at} names no sweep. {nearest(str(claim.sweep), pipeline.sweeps)}",
            "claims",
            number,
        )
        return
    found = [p for p in pipeline.sweeps[claim.sweep].points() if fits(claim.point, p)]
    if len(found) != 1:
        yield MisplacedKey(
            f"claim at {claim.at} must fit one point of sweep '{claim.sweep}', fits {len(found)}",
            "claims",
            number,
        )


RULES: tuple[Callable[[Pipeline], Problems], ...] = (
    _target_is_no_feature,
    features_can_be_given_back,
    targets_fit,
    _target_fits_task,
    _weight_is_no_feature,
    _some_training_is_done,
    _time_fits,
    _names_that_are_meant_exist,
    _columns_are_not_called_like_answers,
    _inputs_have_files_of_their_own,
    _folds_can_follow_the_split,
    _folds_for_those_that_ask,
    _linear_starts_answer_with_numbers,
    _forecasters_forecast,
)
