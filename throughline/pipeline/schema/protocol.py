"""Sections `split` and `cross_validation`: which rows train, which validate, which test."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from throughline.pipeline.strict import Strict

# YAML reads a bare `off` as false.
Verdict = Annotated[
    Literal["stop", "drop", "warn", "off"],
    BeforeValidator(lambda value: "off" if value is False else value),
]


def _share_or_rows(value: float | int) -> float | int:
    if isinstance(value, float) and value > 1:
        raise ValueError(f"must be a share of the rows, or a whole number of them, found {value}")
    return value


# 1.2 is neither.
ShareOrRows = Annotated[float | int, Field(ge=0), AfterValidator(_share_or_rows)]


class Guards(Strict):
    """What each leak guard does when it finds something (`throughline/guards/`).

    stop: the stage fails. drop: the rows leave the test part, or the column leaves the features.
    warn: the report says it. off: nobody looks.

    Args:
        duplicates: test rows that are also training rows.
        windows: windows that share steps with windows of the other part.
        groups: a group in two parts.
        target_in_disguise: a feature that is the target, or determines it.
        identifiers: a feature that numbers the rows.
        unseen_classes: classes that training never sees.
        unseen_categories: categories that training never sees.
        shifted_parts: parts whose distributions differ.
        grouped_by: columns whose groups must lie in one part, whatever the kind of split.
    """

    duplicates: Verdict = "warn"
    windows: Verdict = "stop"
    groups: Verdict = "stop"
    target_in_disguise: Verdict = "stop"
    identifiers: Verdict = "warn"
    unseen_classes: Verdict = "stop"
    unseen_categories: Verdict = "warn"
    shifted_parts: Verdict = "warn"
    grouped_by: list[str] = []

    @model_validator(mode="after")
    def _something_to_drop(self) -> Guards:
        if self.shifted_parts == "drop":
            raise ValueError("'shifted_parts: drop' has no effect; use stop, warn or off")
        return self


class Split(Strict):
    """Which rows are test rows.

    shuffled: a seeded draw of the share `test`. first: the first `train` rows train, the rest test.
    predefined: `column` says `train` or `test`, in any usual spelling; `validation` trains, or
    tests where nothing else does. temporal: the last share `test` in the order of `column`; with
    the section `time` no column is named. grouped: whole groups of `column`.

    Args:
        kind: of split. Default: `shuffled`.
        test: share of the rows, or their number. 0 keeps every row for training; the report then
            says that its figures are of training rows. Default: 0.2.
        train: rows of `first` that train.
        stratify: a column whose shares a shuffled split keeps.
        column: of a predefined, temporal or grouped split.
        start: the first time of the test part, in the place of `test`, with the section `time`.
        shuffle: a seed: `first` brings the rows into the order of NumPy's
            `RandomState(SEED).shuffle` before, as Keras' own data sets were.
        gap: rows between the parts of a temporal split that neither gets. Default: 0.
        seed: of the draw. Default: 0.
        guards: what each leak guard does.
    """

    kind: Literal["shuffled", "first", "predefined", "temporal", "grouped"] = "shuffled"
    test: ShareOrRows = 0.2
    train: int | None = Field(default=None, ge=1)
    stratify: str | None = None
    column: str | None = None
    start: str | None = None
    shuffle: int | None = Field(default=None, ge=0)
    gap: int = Field(default=0, ge=0)
    seed: int = 0
    guards: Guards = Guards()

    @model_validator(mode="after")
    def _settings_that_have_an_effect(self) -> Split:
        if isinstance(self.test, float) and self.test == 1:
            raise ValueError("'test: 1.0' would leave no row to train on")
        needs_column = self.kind in ("predefined", "grouped")
        if needs_column and self.column is None:
            raise ValueError(f"'{self.kind}' needs 'column'")
        if not needs_column and self.kind != "temporal" and self.column is not None:
            raise ValueError(f"'column' has no effect beside '{self.kind}'")
        if self.stratify is not None and self.kind != "shuffled":
            raise ValueError(f"'stratify' has no effect beside '{self.kind}'")
        if (self.kind == "first") != (self.train is not None):
            raise ValueError("'kind: first' and 'train' belong together")
        if self.shuffle is not None and self.kind != "first":
            raise ValueError(f"'shuffle' has no effect beside '{self.kind}'")
        if self.start is not None and (self.kind != "temporal" or self.column is not None):
            raise ValueError("'start' has an effect beside 'temporal' and 'time' only")
        if self.gap and self.kind != "temporal":
            raise ValueError(f"'gap' has no effect beside '{self.kind}'")
        return self


How = Literal["auto", "together", "processes", "in-turn"]


class CrossValidation(Strict):
    """How the training rows are folded.

    Without `group` and `temporal`, folds follow a grouped or temporal split, and its gap.

    Args:
        folds: parts. Default: 5.
        repeats: times that all is done again with other shuffles (iterated K-fold). Default: 1.
        stratify: whether folds keep the classes' shares. Default: where the task has classes.
        group: a column whose groups are kept whole.
        temporal: a column by which folds train on the past only.
        gap: rows left out before each part of `temporal` folds.
        order: with the section `time`: `rolling-origin` trains on the past and validates on the
            next block, `blocked` validates on one block and trains on the others; no window crosses
            a boundary.
        shuffle: false takes contiguous parts in the file's order. Default: true.
        sizes: a learning curve: every fold trained again on so many, or such a share, of its
            training rows.
        runs: how the trainings run: `together` side by side in one program, in `processes`, one for
            each core or GPU, or `in-turn`; `auto` takes what is quickest. Scores are the same.
        seed: of the shuffles. Default: 0.
    """

    folds: int = Field(default=5, ge=2)
    repeats: int = Field(default=1, ge=1)
    stratify: bool | None = None
    group: str | None = None
    temporal: str | None = None
    gap: int = Field(default=0, ge=0)
    order: Literal["rolling-origin", "blocked"] = "rolling-origin"
    shuffle: bool = True
    sizes: list[Annotated[ShareOrRows, Field(gt=0)]] = []
    runs: How = "auto"
    seed: int = 0

    @model_validator(mode="after")
    def _settings_that_have_an_effect(self) -> CrossValidation:
        if self.temporal and (self.group or self.stratify or self.repeats > 1):
            raise ValueError("'temporal' folds cannot be grouped, stratified or repeated")
        if self.group and self.stratify:
            raise ValueError("'stratify' has no effect beside 'group'")
        if self.gap and not self.temporal:
            raise ValueError("'gap' has an effect beside 'temporal' only")
        if not self.shuffle and self.repeats > 1:
            raise ValueError("'repeats' without 'shuffle' would repeat the same folds")
        return self


class Sweep(Strict):
    """A grid over settings of the file; every point is cross-validated, none sees a test row.

    Args:
        title: of its table.
        over: key paths such as `training.batch_size`, each with the values to try.
        base: a variant to start from. Default: the pipeline itself.
        repeats: seeds a point. Default: 1.
        folds: parts. Default: those of `cross_validation`.
        refit: trains each point once more on all training rows, for claims on the figures of
            training rows.
    """

    title: str = ""
    over: dict[str, list[Any]] = Field(min_length=1)
    base: str = "main"
    repeats: int = Field(default=1, ge=1)
    folds: int | None = Field(default=None, ge=2)
    refit: bool = False

    def points(self) -> Iterator[dict[str, Any]]:
        """Every combination of the values, the last key changing fastest."""
        for values in product(*self.over.values()):
            yield dict(zip(self.over, values, strict=True))
