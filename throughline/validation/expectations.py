"""Running rules on a table with Great Expectations, in a context that leaves no files."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from throughline.errors import BadData, BadPipeline, nearest
from throughline.validation.catalogue import catalogue, judges_rows

if TYPE_CHECKING:
    import pandas as pd

COLUMN_ARGUMENTS = ("column", "column_A", "column_B")


@dataclass(frozen=True)
class Verdict:
    """What became of one rule.

    Attributes:
        number: the rule's place in the pipeline file, from 0.
        rule: the expectation.
        arguments: as the file gives them.
        passed: whether it holds.
        observed: what the table showed instead, for rules about the whole table.
        rows: the rows that break it, counted from 0; only for rules about single rows.
    """

    number: int
    rule: str
    arguments: Mapping[str, Any]
    passed: bool
    observed: Any = None
    rows: tuple[int, ...] = field(default=(), repr=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the rule is about."""
        return columns_of(self.rule, self.arguments)

    @property
    def judges_rows(self) -> bool:
        """Whether the rule is about single rows."""
        return judges_rows(self.rule)


def columns_of(rule: str, arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns that a rule needs in the table."""
    named = [str(arguments[key]) for key in COLUMN_ARGUMENTS if key in arguments]
    if judges_rows(rule):
        named += [str(name) for name in arguments.get("column_list", ())]
    return tuple(named)


def verdicts(
    frame: pd.DataFrame, rules: Sequence[Mapping[str, Mapping[str, Any] | None]]
) -> list[Verdict]:
    """Judge a table by every rule, in the rules' order.

    All rules are judged without their rows first, and then only those that fail once more with
    their rows: on 100,000 rows and 20 rules that is twice as fast when all is well.

    Args:
        frame: the rows, numbered from 0.
        rules: `expectations.rules`, already checked against the catalogue.

    Raises:
        BadData: a rule names a column that the table lacks.
        BadPipeline: an argument has an impossible value, or the rule cannot be computed.
    """
    entries = [(name, dict(arguments or {})) for rule in rules for name, arguments in rule.items()]
    for number, (name, arguments) in enumerate(entries):
        _check_columns(frame, number, name, arguments)
    apart = _apart(list(map(str, frame.columns)))
    suite = [
        _expectation(number, name, _renamed(name, arguments, apart))
        for number, (name, arguments) in enumerate(entries)
    ]
    batches = _Batches(frame, frame.rename(columns=apart) if apart else frame)
    about_columns = [bool(columns_of(*entry)) for entry in entries]
    first = batches.results(suite, about_columns, "BASIC")
    failed = [
        number
        for number, (name, _) in enumerate(entries)
        if judges_rows(name) and not first[number]["success"]
    ]
    detailed = dict(
        zip(
            failed,
            batches.results([suite[n] for n in failed], [True] * len(failed), "COMPLETE"),
            strict=True,
        )
    )
    return [
        Verdict(
            number,
            name,
            arguments,
            bool(first[number]["success"]),
            plain(first[number]["result"].get("observed_value")),
            _rows_of(detailed[number]) if number in detailed else (),
        )
        for number, (name, arguments) in enumerate(entries)
    ]


def _apart(names: Sequence[str]) -> dict[str, str]:
    """Other names for columns that differ in capitals alone.

    Great Expectations takes `X` for `x` where both are there, and judges the values of one.
    """
    folded = Counter(name.casefold() for name in names)
    alike = [name for name in names if folded[name.casefold()] > 1]
    mark = "'"
    while any(name.endswith(mark) for name in names):
        mark += "'"
    return {name: f"{name} {number}{mark}" for number, name in enumerate(alike)}


def _renamed(name: str, arguments: Mapping[str, Any], apart: Mapping[str, str]) -> dict[str, Any]:
    """The arguments of a rule with the other names of its columns."""
    found = dict(arguments)
    for key in COLUMN_ARGUMENTS:
        if key in found:
            found[key] = apart.get(str(found[key]), found[key])
    if judges_rows(name) and "column_list" in found:
        found["column_list"] = [apart.get(str(each), each) for each in found["column_list"]]
    return found


class _Batches:
    """The rows for rules about the table, and for those about columns, which may be renamed."""

    def __init__(self, table: pd.DataFrame, columns: pd.DataFrame) -> None:
        whole = _batch(table)
        self._batches = {False: whole, True: whole if columns is table else _batch(columns)}

    def results(
        self, suite: Sequence[Any], about_columns: Sequence[bool], detail: str
    ) -> list[dict[str, Any]]:
        """The result of each expectation, in the order given."""
        found: dict[int, dict[str, Any]] = {}
        for batch in dict.fromkeys(self._batches.values()):
            chosen = [n for n, kind in enumerate(about_columns) if self._batches[kind] is batch]
            given = _results(batch, [suite[n] for n in chosen], detail)
            found |= dict(zip(chosen, given, strict=True))
        return [found[number] for number in range(len(suite))]


def _check_columns(
    frame: pd.DataFrame, number: int, name: str, arguments: Mapping[str, Any]
) -> None:
    if name == "expect_column_to_exist":
        return
    for column in columns_of(name, arguments):
        if column not in frame.columns:
            raise BadData(
                f"expectations.rules[{number}] ({name}) must name a column of the rows",
                column,
                nearest(column, map(str, frame.columns)),
            )


def _expectation(number: int, name: str, arguments: Mapping[str, Any]) -> Any:
    from pydantic.v1 import ValidationError

    expectations = _library().expectations
    kind = getattr(expectations, catalogue()[name]["class"])
    try:
        return kind(**arguments)
    except (ValidationError, ValueError, TypeError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else None
        what = f"{'.'.join(map(str, first['loc']))}: {first['msg']}" if first else str(error)
        raise BadPipeline(
            f"expectations.rules[{number}] ({name}) must have sensible arguments", what
        ) from None


def _library() -> Any:
    """Great Expectations, kept from sending anything anywhere and from writing to the log."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations

    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    return great_expectations


def _batch(frame: pd.DataFrame) -> Any:
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = _library().get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("rows").add_dataframe_asset("rows")
    return asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})


def _results(batch: Any, suite: Sequence[Any], detail: str) -> list[dict[str, Any]]:
    """The result of each expectation, in the order given."""
    if not suite:
        return []
    library = _library()
    # An expectation's number keeps results and rules together, whatever order they come back in.
    for number, expectation in enumerate(suite):
        expectation.meta = {"number": number}
    held = library.ExpectationSuite("rules")
    held.expectations = list(suite)
    outcome = batch.validate(held, result_format={"result_format": detail})
    results: dict[int, dict[str, Any]] = {}
    for result in outcome.results:
        _check_computed(result)
        results[result.expectation_config.meta["number"]] = {
            "success": result.success,
            "result": result.result,
        }
    return [results[number] for number in range(len(suite))]


def _check_computed(result: Any) -> None:
    information = result.exception_info or {}
    raised = [
        entry
        for entry in [information, *information.values()]
        if isinstance(entry, dict) and entry.get("raised_exception")
    ]
    if raised:
        config = result.expectation_config
        raise BadPipeline(
            f"'{config.type}' must be computable on the rows",
            str(raised[0].get("exception_message")),
            f"Look at its arguments: {dict(config.kwargs)}",
        )


def _rows_of(result: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(sorted({int(row) for row in result["result"]["unexpected_index_list"] or ()}))


def plain(value: Any) -> Any:
    """A value of Great Expectations as JSON knows it: numpy's numbers break `json.dumps`."""
    import math

    import numpy as np

    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(held) for key, held in value.items()}
    if isinstance(value, (list, tuple, set, frozenset, np.ndarray)):
        held = sorted(value, key=str) if isinstance(value, (set, frozenset)) else list(value)
        return [plain(item) for item in held]
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    return str(value)
