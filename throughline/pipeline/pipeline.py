"""The schema of `pipelines/<name>/pipeline.yaml`."""

from __future__ import annotations

from typing import Annotated, Any, get_args

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from throughline.names import Name
from throughline.pipeline.problem import PROBLEMS, Problem, Task
from throughline.pipeline.rules import RULES
from throughline.pipeline.schema.columns import Column, Encode
from throughline.pipeline.schema.expectations import Expectations
from throughline.pipeline.schema.export import Export
from throughline.pipeline.schema.judgement import (
    Claim,
    CompareBy,
    Comparison,
    Gates,
    Slice,
    short_compare_by,
    short_comparison,
    short_gates,
)
from throughline.pipeline.schema.pictures.geometry import with_fit
from throughline.pipeline.schema.protocol import CrossValidation, Split, Sweep
from throughline.pipeline.schema.release_stage import ReleaseStage, StageName
from throughline.pipeline.schema.source import Source
from throughline.pipeline.schema.targets import (
    NamedTarget,
    Target,
    named_columns,
    one_or_several,
    short_target,
    with_targets,
)
from throughline.pipeline.schema.time import Time
from throughline.pipeline.schema.training import Training
from throughline.pipeline.several_targets import of_each, of_target
from throughline.pipeline.strict import MisplacedKey, MisplacedKeys, Strict

MOST_VARIANTS = 300

# What a person may take for all that there is to say of a column.
ENCODINGS = get_args(Encode.model_fields["kind"].annotation)

Network = list[Any] | dict[str, Any] | str


def _each(short: Any) -> BeforeValidator:
    return BeforeValidator(
        lambda value: [short(item) for item in value] if isinstance(value, list) else value,
        json_schema_input_type=list[str | Comparison | dict[str, Any]],
    )


def _empty_columns(value: Any) -> Any:
    """`age:` without anything after it is a column that is used as it is."""
    if isinstance(value, list) and value:
        raise ValueError(f"must be a mapping such as {{{value[0]}: {{scale: standard}}}}")
    if isinstance(value, dict):
        for name, column in value.items():
            if isinstance(column, str):
                key = "encode" if column in ENCODINGS else "scale"
                raise MisplacedKey(f"must be a mapping such as {{{key}: {column}}}", name)
        return {name: {} if column is None else column for name, column in value.items()}
    return value


class Variant(Strict):
    """The same pipeline with some sections changed; mappings are merged, lists replaced.

    Args:
        title: of the variant.
        columns: what changes in the section.
        without: columns of the pipeline, as its file writes them, that the variant leaves out.
        target: what changes in the section.
        targets: what changes in the section.
        time: what changes in the section.
        split: what changes in the section.
        network: another network.
        inputs: other network inputs.
        training: what changes in the section.
        cross_validation: what changes in the section; `null` spares the variant the folds.
    """

    title: str = ""
    columns: dict[str, Any] | None = None
    without: list[str] = []
    target: dict[str, Any] | None = None
    targets: dict[str, Any] | None = None
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

    Args:
        title: what is predicted, as a question or a short sentence.
        task: the problem type; the last layer, loss, metric and baseline follow from it.
        source: where the raw data come from.
        target: what is predicted.
        targets: several things that one network predicts, each with a task, in the place of `task`
            and `target`; a name alone is that of its column.
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
        stages: what a release must show before it stands in one, such as `production`; what
            params.yaml asks there holds, too.
        slices: parts of the test rows with metrics of their own.
        claims: figures of a text, to be tested.
        variants: the same pipeline with some sections changed.
        sweeps: grids over settings, judged on validation rows only.
    """

    model_config = ConfigDict(json_schema_extra=one_or_several)

    title: str = Field(min_length=1)
    task: Task
    source: Source
    target: Annotated[
        Target,
        BeforeValidator(
            short_target, json_schema_input_type=str | list[str] | Target | dict[str, Any]
        ),
    ]
    targets: Annotated[
        dict[Name, NamedTarget],
        BeforeValidator(
            named_columns, json_schema_input_type=dict[Name, NamedTarget | dict[str, Any]]
        ),
    ] = {}
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
    gates: Annotated[
        Gates, BeforeValidator(short_gates, json_schema_input_type=Gates | dict[str, Any])
    ] = Gates()
    stages: dict[StageName, ReleaseStage] = {}
    slices: list[Slice] = []
    claims: list[Claim] = []
    # Each is the whole pipeline, which names the others: the work grows with their square.
    variants: Annotated[dict[Name, Variant], Field(max_length=MOST_VARIANTS)] = {}
    sweeps: dict[Name, Sweep] = {}

    @property
    def class_columns(self) -> list[str]:
        """The columns of targets that are classes."""
        return [
            name
            for each in of_each(self).values()
            if each.problem.classifies
            for name in each.target.columns
        ]

    @property
    def problem(self) -> Problem:
        """What follows from the task."""
        return PROBLEMS[self.task]

    def of_target(self, name: str) -> Pipeline:
        """The pipeline as if it had this one of its targets alone."""
        return of_target(self, name)

    @model_validator(mode="before")
    @classmethod
    def _several_targets(cls, document: Any) -> Any:
        return with_targets(document)

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
    def _sections_fit(self) -> Pipeline:
        if found := [problem for rule in RULES for problem in rule(self)]:
            raise MisplacedKeys(found)
        return self
