"""Which raw columns become which features, before anything is fitted."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from throughline.errors import BadPipeline, listed, nearest
from throughline.pipeline.schema.columns import Column
from throughline.preprocessing.columns.kind import kind_of_column
from throughline.preprocessing.pictures import is_picture_column

if TYPE_CHECKING:
    import pandas as pd


ARITHMETIC = ("sum", "difference", "product", "ratio", "sd", "sd-of-differences")


@dataclass(frozen=True)
class Planned:
    """One column that becomes features: its name, its kind of value and its treatment."""

    name: str
    kind: str
    column: Column


@dataclass(frozen=True)
class Plan:
    """All columns of a pipeline, resolved against the columns that the rows have.

    Attributes:
        raw: name and kind (number, string, boolean) of each raw column that the graph takes.
        inputs: for each network input its columns, in the order of the features.
    """

    raw: Mapping[str, str]
    inputs: Mapping[str, Sequence[Planned]]


def plan(
    rows: pd.DataFrame,
    columns: Mapping[str, Column],
    inputs: Mapping[str, Sequence[str]] | None,
    target: Sequence[str],
    dropped: Sequence[str] = (),
) -> Plan:
    """Resolve patterns, kinds and network inputs; `dropped` columns are left out.

    Raises:
        BadPipeline: a column or pattern that the rows do not have, a treatment that does not fit
            the kind of the column, a column in no input or in two.
    """
    hidden = {*target, *dropped}
    available = {name: kind_of(rows[name]) for name in rows.columns if name not in hidden}
    resolved = {}
    for key, column in columns.items():
        if key in dropped:
            continue
        for name in _names(key, column, available, target):
            resolved[name] = _planned(name, column, available)
    needed = dict.fromkeys(
        raw
        for planned in resolved.values()
        for raw in (planned.column.derive.of if planned.column.derive else [planned.name])
    )
    if inputs is None:
        grouped = {_name_of_all(needed): list(resolved.values())}
    else:
        grouped = _grouped(resolved, inputs)
    for group in grouped:
        if group in needed:
            raise BadPipeline(
                f"Network input '{group}' needs a name that no column has",
                f"the column '{group}'",
                f"Call it '{group}_input' in `inputs` and in the network",
            )
    return Plan({name: available[name] for name in needed}, grouped)


def _name_of_all(raw: Collection[str]) -> str:
    """What the one input of a network is called: as no column of the raw rows."""
    name = "features"
    while name in raw:
        name += "_input"
    return name


def kind_of(values: pd.Series) -> str:
    """`number`, `string`, `boolean` or `image`: the kind of value that a raw column holds."""
    from pandas.api import types

    if is_picture_column(values):
        return "image"
    if types.is_bool_dtype(values.dtype):
        return "boolean"
    return "number" if types.is_numeric_dtype(values.dtype) else "string"


def _names(
    key: str, column: Column, available: Mapping[str, str], target: Sequence[str]
) -> list[str]:
    if column.derive is not None:
        return [key]
    if key in available:
        return [key]
    found = [name for name in available if fnmatchcase(name, key)]
    if not found and any(fnmatchcase(name, key) for name in target):
        raise BadPipeline(
            f"columns.{key} should name features, and all columns that it names are the target",
            listed(target),
            "Name others, or write `target: features` for a network that gives back its own input "
            "(an autoencoder)",
        )
    if not found:
        raise BadPipeline(
            f"columns.{key}: the rows have no such column",
            listed(available),
            nearest(key, available),
        )
    return found


def _planned(name: str, column: Column, available: Mapping[str, str]) -> Planned:
    if column.derive is not None:
        column = _spelled_out(column, available)
        assert column.derive is not None
        for source in column.derive.of:
            if source not in available:
                raise BadPipeline(
                    f"columns.{name}.derive: the rows have no column '{source}'",
                    remedy=nearest(source, available),
                )
            if column.derive.kind == "matches" and available[source] != "string":
                raise BadPipeline(
                    f"columns.{name}.derive: 'matches' needs texts in '{source}'", available[source]
                )
            if column.derive.kind in ARITHMETIC and available[source] != "number":
                raise BadPipeline(
                    f"columns.{name}.derive: '{column.derive.kind}' needs numbers in '{source}'",
                    available[source],
                )
        return Planned(name, "number", column)
    kind = available[name]
    kind_of_column(column).check(name, kind, column)
    return Planned(name, kind, column)


def _spelled_out(column: Column, available: Mapping[str, str]) -> Column:
    """The column with the patterns in `derive.of` replaced by the columns that they name."""
    assert column.derive is not None
    names = [
        name
        for key in column.derive.of
        for name in (
            [key] if key in available else [n for n in available if fnmatchcase(n, key)] or [key]
        )
    ]
    derive = column.derive.model_copy(update={"of": names})
    return column.model_copy(update={"derive": derive})


def _grouped(
    resolved: Mapping[str, Planned], inputs: Mapping[str, Sequence[str]]
) -> dict[str, list[Planned]]:
    grouped = {}
    placed: dict[str, str] = {}
    for group, keys in inputs.items():
        names = [name for key in keys for name in resolved if name == key or fnmatchcase(name, key)]
        for name in names:
            if name in placed:
                raise BadPipeline(f"inputs.{group}: '{name}' is already in '{placed[name]}'")
            placed[name] = group
        if not names:
            raise BadPipeline(
                f"inputs.{group} must name columns", list(keys), nearest(str(keys[0]), resolved)
            )
        grouped[group] = [resolved[name] for name in names]
    left = [name for name in resolved if name not in placed]
    if left:
        raise BadPipeline(f"Every column must be in an input; left out: {listed(left)}")
    return grouped
