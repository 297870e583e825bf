"""Section `expectations`: what must hold of the raw rows, in Great Expectations' own names."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from throughline.pipeline.strict import Strict


class Expectations(Strict):
    """Rules for the raw rows and what to do when one fails.

    stop: nothing is written and the stage fails. quarantine: rows that break a rule about single
    rows are set aside; a rule about the whole table still stops. warn: the report says it and the
    rows go on.

    Args:
        on_failure: stop, quarantine or warn. Default: `stop`.
        limit: the share of rows that may be set aside. Default: 0.05.
        rules: expectations of Great Expectations, by their own names.
    """

    on_failure: Literal["stop", "quarantine", "warn"] = "stop"
    limit: float = Field(default=0.05, ge=0, le=1)
    rules: list[dict[str, dict[str, Any]]] = []

    @field_validator("rules", mode="before")
    @classmethod
    def _one_rule_an_entry(cls, rules: Any) -> Any:
        if isinstance(rules, list):
            for number, rule in enumerate(rules):
                if isinstance(rule, dict) and len(rule) != 1:
                    raise ValueError(f"entry {number} must hold exactly one expectation")
        return rules
