"""Names of columns in a pipeline file, held against the header of its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from throughline.errors import nearest
from throughline.pipeline.several_targets import of_each

if TYPE_CHECKING:
    from throughline.pipeline.pipeline import Pipeline


def unknown_columns(pipeline: Pipeline, header: Sequence[str]) -> Iterator[str]:
    """A line for each name that the rows do not have: its place in the file, and the nearest."""
    from throughline.preprocessing.reconstruction import AMBIGUOUS
    from throughline.validation.profile_frame import measured

    if pipeline.target.features and "features" in header:
        yield f"target: {AMBIGUOUS}"
    for place, name in _named(pipeline):
        if place.startswith("expectations."):
            name = measured(name, header)
        if not any(fnmatchcase(known, name) or known == name for known in header):
            yield f"{place}: the rows have no column '{name}'. {nearest(name, header)}"


def texts_as_numbers(pipeline: Pipeline, held: Mapping[str, str | None]) -> Iterator[str]:
    """A line for each column that is to be a number and begins with texts.

    Args:
        pipeline: of the file.
        held: the columns of the rows, each with a text that it holds, if any.
    """
    for named, column in pipeline.columns.items():
        if any(each is not None for each in (column.encode, column.text, column.image)):
            continue
        sources = column.derive.of if column.derive is not None else [named]
        if column.derive is not None and column.derive.kind in ("equals", "matches"):
            continue
        for name, text in held.items():
            if text is not None and any(fnmatchcase(name, source) for source in sources):
                yield (
                    f"columns.{named}: column '{name}' must hold numbers, or say how its texts are "
                    f"encoded. Received: '{text:.40}'. Write `{name}: {{encode: one-hot}}`, mend "
                    "the rows, or leave the column out."
                )


def _named(pipeline: Pipeline) -> Iterator[tuple[str, str]]:
    for target, each in of_each(pipeline).items():
        yield from ((f"targets.{target}" if target else "target", n) for n in each.target.columns)
    derived = {name for name, column in pipeline.columns.items() if column.derive is not None}
    for name, column in pipeline.columns.items():
        if column.derive is None:
            yield f"columns.{name}", name
        else:
            yield from ((f"columns.{name}.derive", source) for source in column.derive.of)
    split, folds = pipeline.split, pipeline.cross_validation
    yield from (
        (place, name)
        for place, name in (
            ("split.stratify", split.stratify),
            ("split.column", split.column),
            ("training.sample_weight", pipeline.training.sample_weight),
            ("cross_validation.group", folds.group if folds else None),
            ("cross_validation.temporal", folds.temporal if folds else None),
        )
        if name is not None
    )
    for number, part in enumerate(pipeline.slices):
        if part.column not in derived:
            yield f"slices.{number}.column", part.column
    for number, rule in enumerate(pipeline.expectations.rules):
        for kind, arguments in rule.items():
            if isinstance(subject := arguments.get("column"), str):
                yield f"expectations.rules.{number}.{kind}.column", subject
