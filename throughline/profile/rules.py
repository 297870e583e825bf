"""Expectations that hold of the rows today, so that rows that differ are noticed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from throughline.profile.facts import Fact


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
            bounds = {"min_value": fact.low, "max_value": fact.high}
            rules.append({"expect_column_values_to_be_between": column | bounds})
        elif fact.role == "text":
            words = {"column": f"{fact.name}.words", "min_value": fact.low, "max_value": fact.high}
            rules.append({"expect_column_values_to_be_between": words})
        elif fact.role == "category":
            values = sorted(fact.counts)
            rules.append({"expect_column_values_to_be_in_set": column | {"value_set": values}})
    missing = next(fact for fact in facts if fact.name == target).missing
    if not missing:
        return {"rules": rules}
    rows = facts[0].rows
    limit = min(1.0, round(missing / rows + 0.01, 2))
    return {"on_failure": "quarantine", "limit": limit, "rules": rules}
