"""The schema of `pipelines/<name>/pipeline.yaml`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from throughline.errors import nearest
from throughline.names import Name
from throughline.pipeline.problem import PROBLEMS, Problem, Task
from throughline.pipeline.schema.columns import Column, Target, short_target
from throughline.pipeline.schema.expectations import Expectations
from throughline.pipeline.schema.export import Export
from throughline.pipeline.schema.geometry import with_fit
from throughline.pipeline.schema.judgement import (
    Claim,
    CompareBy,
    Comparison,
    Gates,
    Slice,
    fits,
    short_compare_by,
    short_comparison,
    short_gates,
)
from throughline.pipeline.schema.protocol import CrossValidation, Split, Sweep
from throughline.pipeline.schema.source import Source
from throughline.pipeline.schema.time import Time
from throughline.pipeline.schema.training import Training
from throughline.pipeline.strict import MisplacedKey, Strict

# `prepare` keeps the array of each input as NAME.npy, its parts as NAME.PART.npy, and beside them
# arrays of its own.
BESIDE_ARRAYS = ("target", "positions", "steps")
ARRAY_PARTS = ("ends", "offsets", "vectors")

Network = list[Any] | dict[str, Any] | str


def _carries_state(network: Network) -> bool:
    """Whether a layer of the network is `stateful`."""
    layers = network.get("layers", []) if isinstance(network, dict) else network
    return isinstance(layers, list) and any(
        isinstance(arguments, dict) and arguments.get("stateful") is True
        for layer in layers
        if isinstance(layer, dict)
        for arguments in layer.values()
    )


def time_problems(pipeline: Pipeline) -> Iterator[MisplacedKey]:
    """What does not fit between `time` and the other sections."""
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
    if task not in ("forecast", "binary", "multiclass"):
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


def _each(short: Any) -> BeforeValidator:
    return BeforeValidator(
        lambda value: [short(item) for item in value] if isinstance(value, list) else value,
        json_schema_input_type=list[str | dict[str, Any]],
    )


def _empty_columns(value: Any) -> Any:
    """`age:` without anything after it is a column that is used as it is."""
    if isinstance(value, dict):
        return {name: {} if column is None else column for name, column in value.items()}
    return value


class Variant(Strict):
    """The same pipeline with some sections changed; mappings are merged, lists replaced.

    `without` names columns of the pipeline, as its file writes them, that the variant leaves out;
    `cross_validation: null` spares it the folds.
    """

    title: str = ""
    columns: dict[str, Any] | None = None
    without: list[str] = []
    target: dict[str, Any] | None = None
    time: dict[str, Any] | None = None
    split: dict[str, Any] | None = None
    network: Network | None = None
    inputs: dict[Name, list[str]] | None = None
    training: dict[str, Any] | None = None
    cross_validation: dict[str, Any] | None = None

    def overrides(self) -> dict[str, Any]:
        """The sections that this variant changes."""
        given = self.model_fields_set - {"title", "without"}
        return {key: value for key, value in self if key in given}


class Pipeline(Strict):
    """One system, from its source to the figures that it is measured against.

    Attributes:
        title: what is predicted, as a question or a short sentence.
        task: the problem type; the last layer, loss, metric and baseline follow from it.
        source: where the raw data come from.
        target: what is predicted.
        columns: the raw columns that the network sees and what happens to each; a key may be a
            pattern such as `pixel_*`.
        time: how rows become series and windows.
        expectations: what must hold of the raw rows.
        split: which rows are test rows.
        inputs: several network inputs, each with its columns; without it there is one, `features`.
        network: the hidden layers; the output layer follows from the task.
        training: optimizer, batches, epochs.
        cross_validation: folds; without it nothing is cross-validated.
        export: smaller files of the model.
        compare: baselines and classical models on the same rows.
        compare_by: the figure that decides whether one model is better than another.
        gates: what must hold before a release.
        slices: parts of the test rows with metrics of their own.
        claims: figures of a text, to be tested.
        variants: the same pipeline with some sections changed.
        sweeps: grids over settings, judged on validation rows only.
    """

    title: str = Field(min_length=1)
    task: Task
    source: Source
    target: Annotated[
        Target,
        BeforeValidator(short_target, json_schema_input_type=str | list[str] | dict[str, Any]),
    ]
    columns: Annotated[
        dict[str, Column],
        BeforeValidator(_empty_columns, json_schema_input_type=dict[str, Column | None]),
    ] = Field(min_length=1)
    time: Time | None = None
    expectations: Expectations = Expectations()
    split: Split = Split()
    inputs: dict[Name, list[str]] | None = None
    network: Network = []
    training: Training = Training()
    cross_validation: CrossValidation | None = None
    export: Export = Export()
    compare: Annotated[list[Comparison], _each(short_comparison)] = []
    compare_by: Annotated[
        CompareBy | None,
        BeforeValidator(short_compare_by, json_schema_input_type=CompareBy | str | None),
    ] = None
    gates: Annotated[Gates, BeforeValidator(short_gates, json_schema_input_type=dict[str, Any])] = (
        Gates()
    )
    slices: list[Slice] = []
    claims: list[Claim] = []
    variants: dict[Name, Variant] = {}
    sweeps: dict[Name, Sweep] = {}

    @property
    def problem(self) -> Problem:
        """What follows from the task."""
        return PROBLEMS[self.task]

    @model_validator(mode="after")
    def _target_is_no_feature(self) -> Pipeline:
        for name in self.target.columns:
            # The past of a series may well predict its future.
            if name in self.columns and self.time is None:
                raise MisplacedKey(
                    f"the target '{name}' cannot be a feature too; remove it here", "columns", name
                )
        return self

    @model_validator(mode="after")
    def _target_fits_task(self) -> Pipeline:
        several = len(self.target.columns) > 1
        if several and self.task in ("binary", "multiclass"):
            raise MisplacedKey(f"task '{self.task}' takes one target column", "target")
        if self.problem.classifies and self.target.scale is not None:
            raise MisplacedKey("'scale' has a meaning for regression only", "target", "scale")
        if not self.problem.classifies and self.target.classes is not None:
            raise MisplacedKey(
                "'classes' has a meaning for classification only", "target", "classes"
            )
        return self

    @model_validator(mode="after")
    def _some_training_is_done(self) -> Pipeline:
        if self.training.epochs == 0 and "Pretrained" not in str(self.network):
            raise MisplacedKey(
                "0 leaves the network untrained, which only a pretrained one may stay; "
                "give at least 1",
                "training",
                "epochs",
            )
        return self

    @model_validator(mode="before")
    @classmethod
    def _series_are_split_in_time(cls, document: Any) -> Any:
        if isinstance(document, dict) and document.get("time") is not None:
            return {**document, "split": document.get("split") or {"kind": "temporal"}}
        return document

    @model_validator(mode="before")
    @classmethod
    def _pictures_have_one_geometry(cls, document: Any) -> Any:
        return with_fit(document)

    @model_validator(mode="after")
    def _time_fits(self) -> Pipeline:
        for problem in time_problems(self):
            raise problem
        return self

    @model_validator(mode="after")
    def _names_that_are_meant_exist(self) -> Pipeline:
        branches = {"main", *self.variants}
        if "main" in self.variants:
            raise MisplacedKey(
                "'main' is the pipeline itself; give the variant another name", "variants", "main"
            )
        for number, claim in enumerate(self.claims):
            if claim.variant not in branches:
                raise MisplacedKey(
                    f"claim at {claim.at} names no variant: '{claim.variant}'", "claims", number
                )
            if claim.sweep is not None:
                self._point_is_one(claim, number)
        for name, sweep in self.sweeps.items():
            if sweep.base not in branches:
                raise MisplacedKey(f"no variant '{sweep.base}' to start from", "sweeps", name)
        for beaten in self.gates.beat:
            if beaten not in [comparison.model for comparison in self.compare]:
                raise MisplacedKey(f"gate 'beat: {beaten}' needs '{beaten}' in 'compare'", "gates")
        return self

    @model_validator(mode="after")
    def _inputs_have_files_of_their_own(self) -> Pipeline:
        inputs = self.inputs or {}
        taken = {*BESIDE_ARRAYS, *(f"{name}.{part}" for name in inputs for part in ARRAY_PARTS)}
        for name in inputs:
            if name in self.columns:
                raise MisplacedKey(
                    f"'{name}' is a column; give the input another name, such as '{name}_input'",
                    "inputs",
                    name,
                )
            if name in taken:
                raise MisplacedKey(
                    f"'{name}.npy' is another array of the prepared data; give the input another "
                    "name",
                    "inputs",
                    name,
                )
        return self

    @model_validator(mode="after")
    def _folds_can_follow_the_split(self) -> Pipeline:
        protocol, kind = self.cross_validation, self.split.kind
        if protocol is None or protocol.group or protocol.temporal or self.time is not None:
            return self
        if kind in ("grouped", "temporal") and protocol.stratify:
            raise MisplacedKey(
                f"folds follow the split, which is {kind}: they cannot be stratified",
                "cross_validation",
                "stratify",
            )
        if kind == "temporal" and protocol.repeats > 1:
            raise MisplacedKey(
                "folds follow the split, which is temporal: there is one way to draw them",
                "cross_validation",
                "repeats",
            )
        return self

    @model_validator(mode="after")
    def _folds_for_those_that_ask(self) -> Pipeline:
        asks = any(comparison.cross_validate for comparison in self.compare)
        if asks and self.time is not None:
            raise MisplacedKey("'cross_validate' is for rows, not for windows", "compare")
        if asks and self.cross_validation is None:
            raise MisplacedKey("'cross_validate' needs section 'cross_validation'", "compare")
        return self

    def _point_is_one(self, claim: Claim, number: int) -> None:
        if claim.sweep not in self.sweeps:
            raise MisplacedKey(
                f"claim at {claim.at} names no sweep. {nearest(str(claim.sweep), self.sweeps)}",
                "claims",
                number,
            )
        found = [p for p in self.sweeps[claim.sweep].points() if fits(claim.point, p)]
        if len(found) != 1:
            raise MisplacedKey(
                f"claim at {claim.at} must fit one point of sweep '{claim.sweep}', "
                f"fits {len(found)}",
                "claims",
                number,
            )
