"""From the verdicts of the rules to what happens to the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from throughline.errors import BadData
from throughline.validation.expectations import Verdict, verdicts
from throughline.validation.profile_frame import with_profiles

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from throughline.pipeline.schema.expectations import Expectations


@dataclass(frozen=True)
class Judgement:
    """The verdicts on a table and their consequence.

    Attributes:
        rows: how many there are.
        on_failure: stop, quarantine or warn.
        limit: the largest share of rows that may be set aside.
        verdicts: one a rule.
        set_aside: the rows that go into quarantine, counted from 0.
        stopped_by: the verdicts that stop the stage.
        beyond_limit: too many rows would be set aside.
        examples: for each rule that failed, a few rows with the values that broke it.
    """

    rows: int
    on_failure: str
    limit: float
    verdicts: tuple[Verdict, ...]
    set_aside: tuple[int, ...]
    stopped_by: tuple[Verdict, ...]
    beyond_limit: bool
    examples: dict[int, list[tuple[int, str]]]

    @property
    def failed(self) -> tuple[Verdict, ...]:
        """The rules that do not hold."""
        return tuple(verdict for verdict in self.verdicts if not verdict.passed)

    @property
    def stops(self) -> bool:
        """Whether the rows are refused."""
        return bool(self.stopped_by) or self.beyond_limit


EXAMPLES = 10
# How the rules about which columns a table has are called.
TABLE_COLUMNS = "expect_table_column"


def judge(frame: pd.DataFrame, settings: Expectations) -> Judgement:
    """The verdict of every rule and what follows from `on_failure`.

    Great Expectations is imported only when there are rules.
    """
    found: list[Verdict] = []
    profiled = frame
    if settings.rules:
        profiled = with_profiles(frame, settings.rules)
        found = _verdicts(frame, profiled, settings.rules)
    failed = [verdict for verdict in found if not verdict.passed]
    quarantines = settings.on_failure == "quarantine"
    rows = {row for v in failed if quarantines and v.judges_rows for row in v.rows}
    stopping = [
        v for v in failed
        if settings.on_failure == "stop" or (quarantines and not v.judges_rows)
    ]  # fmt: skip
    return Judgement(
        rows=len(frame),
        on_failure=settings.on_failure,
        limit=settings.limit,
        verdicts=tuple(found),
        set_aside=tuple(sorted(rows)),
        stopped_by=tuple(stopping),
        beyond_limit=len(rows) > settings.limit * len(frame),
        examples={v.number: _examples(profiled, v) for v in failed if v.judges_rows},
    )


def _verdicts(
    frame: pd.DataFrame, profiled: pd.DataFrame, rules: Sequence[Mapping[str, Any]]
) -> list[Verdict]:
    """The verdicts in the rules' order; rules about the table's columns see no profile column."""
    if profiled is frame:
        return verdicts(frame, rules)
    of_table = [n for n, rule in enumerate(rules) if next(iter(rule)).startswith(TABLE_COLUMNS)]
    others = [n for n in range(len(rules)) if n not in of_table]
    found: dict[int, Verdict] = {}
    for seen, numbers in ((frame, of_table), (profiled, others)):
        judged = verdicts(seen, [rules[n] for n in numbers])
        found |= {n: replace(v, number=n) for n, v in zip(numbers, judged, strict=True)}
    return [found[n] for n in range(len(rules))]


def _examples(frame: pd.DataFrame, verdict: Verdict) -> list[tuple[int, str]]:
    return [(row, value_at(frame, row, verdict.columns)) for row in verdict.rows[:EXAMPLES]]


def value_at(frame: pd.DataFrame, row: int, columns: tuple[str, ...]) -> str:
    """The values of a row in the columns of a rule, as text."""
    values = [frame[column].iloc[row] for column in columns]
    return " | ".join(str(value) for value in values)


def refuse_if_stopped(judgement: Judgement, report: Path) -> None:
    """Stop the stage where the judgement says so.

    Raises:
        BadData: names the rule, the columns, the first row and value, and the report.
    """
    if judgement.stopped_by:
        verdict = judgement.stopped_by[0]
        others = len(judgement.failed) - 1
        remedy = f"See {report}"
        if judgement.on_failure == "stop" and verdict.judges_rows:
            remedy += "; mend the rows, or set 'expectations.on_failure: quarantine'"
        raise BadData(_demand(verdict), _found(judgement, verdict, others), remedy)
    if judgement.beyond_limit:
        share = len(judgement.set_aside) / judgement.rows
        raise BadData(
            f"At most {judgement.limit:.1%} of the rows may be set aside ('expectations.limit')",
            f"{len(judgement.set_aside)} of {judgement.rows} rows ({share:.1%})",
            f"See {report}; mend the rows or the rules",
        )


def _demand(verdict: Verdict) -> str:
    about = f" of {', '.join(verdict.columns)}" if verdict.columns else ""
    return f"expectations.rules[{verdict.number}] ({verdict.rule}){about} must hold"


def _found(judgement: Judgement, verdict: Verdict, others: int) -> str:
    more = f"; {others} more rules fail" if others else ""
    if not verdict.judges_rows:
        return f"{verdict.observed}{more}"
    row, value = judgement.examples[verdict.number][0]
    return f"{len(verdict.rows)} rows, first row {row} with {value}{more}"
