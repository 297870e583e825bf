"""Expectations that hold of the rows today, so that rows that differ are noticed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from throughline.profile.facts import Fact

# Of the cells of a column of categories: a new one is none yet of a column that means another.
KNOWN_SHARE = 0.95


def wider(low: float, high: float) -> dict[str, float]:
    """The range of a column that goes on as it was: by its width to either side, signs kept.

    Rows that come later go a little beyond those of today; another unit goes far beyond them.
    """
    width = high - low
    least = max(0.0, low - width) if low >= 0 else low - width
    most = min(0.0, high + width) if high <= 0 else high + width
    if not width:
        return {"min_value": low, "max_value": high}
    return {
        "min_value": _shortest(least, lambda bound: bound <= low),
        "max_value": _shortest(most, lambda bound: bound >= high),
    }


def _shortest(bound: float, holds: Callable[[float], bool]) -> float:
    """A bound in six digits, or in more where numbers far from 0 lie close to each other."""
    written = (float(f"{bound:.{digits}g}") for digits in range(6, 17))
    return next(filter(holds, written), bound)


def expectations(facts: Sequence[Fact], target: str) -> dict[str, Any]:
    """What holds of the rows today, so that rows that differ are noticed."""
    rules: list[dict[str, Any]] = [
        {"expect_table_columns_to_match_set": {"column_set": [fact.name for fact in facts]}}
    ]
    for fact in facts:
        column: dict[str, Any] = {"column": fact.name}
        if fact.role in ("other", "empty"):
            continue
        if not fact.missing or fact.name == target:
            rules.append({"expect_column_values_to_not_be_null": column})
        if fact.is_numeric:
            bounds = wider(fact.low, fact.high)
            rules.append({"expect_column_values_to_be_between": column | bounds})
        elif fact.role == "text":
            words = {"column": f"{fact.name}.words"} | wider(fact.low, fact.high)
            rules.append({"expect_column_values_to_be_between": words})
        elif fact.role == "category":
            values: dict[str, Any] = {"value_set": sorted(fact.counts)}
            if fact.name != target:
                values["mostly"] = KNOWN_SHARE
            rules.append({"expect_column_values_to_be_in_set": column | values})
    missing = next(fact for fact in facts if fact.name == target).missing
    if not missing:
        return {"rules": rules}
    rows = facts[0].rows
    limit = min(1.0, round(missing / rows + 0.01, 2))
    return {"on_failure": "quarantine", "limit": limit, "rules": rules}
