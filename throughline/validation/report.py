"""The validation report: JSON for programs, one HTML page that needs no network for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from throughline.errors import shorten
from throughline.report.page import page
from throughline.validation.expectations import Verdict, plain
from throughline.validation.row_verdicts import Judgement


def as_json(judgement: Judgement) -> dict[str, Any]:
    """The judgement as the content of validation.json."""
    return {
        "rows": judgement.rows,
        "kept": judgement.rows - len(judgement.set_aside),
        "quarantined": len(judgement.set_aside),
        "on_failure": judgement.on_failure,
        "limit": judgement.limit,
        "passed": not judgement.failed,
        "stopped": judgement.stops,
        "rules": [_rule(judgement, verdict) for verdict in judgement.verdicts],
    }


def _rule(judgement: Judgement, verdict: Verdict) -> dict[str, Any]:
    examples = judgement.examples.get(verdict.number, [])
    return {
        "rule": verdict.rule,
        "arguments": plain(dict(verdict.arguments)),
        "passed": verdict.passed,
        "observed": verdict.observed,
        "broken_by": len(verdict.rows),
        "examples": [{"row": row, "value": value} for row, value in examples],
    }


def as_html(judgement: Judgement, name: str) -> str:
    """The judgement as one page, what does not hold first."""
    found = as_json(judgement)
    return page(
        "validation/validation.html",
        "validation",
        name,
        title=f"{name}: validation",
        found=found,
        rules=[_shortened(rule) for rule in found["rules"]],
    )


def _shortened(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule with its values as long as a cell holds them."""
    observed = rule["observed"]
    return {
        **rule,
        "arguments": {key: shorten(value) for key, value in rule["arguments"].items()},
        "observed": None if observed is None else shorten(observed),
        "examples": [{**each, "value": shorten(each["value"])} for each in rule["examples"]],
    }
