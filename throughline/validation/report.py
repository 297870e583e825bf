"""The validation report: JSON for programs, one HTML page that needs no network for people."""

from __future__ import annotations

from html import escape
from typing import Any

from throughline.errors import shorten
from throughline.validation.expectations import Verdict, plain
from throughline.validation.judgement import Judgement

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#222}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem .6rem;
border-bottom:1px solid #ddd;vertical-align:top}.held{color:#17692d}.broken{color:#a3161a}
code{font-size:.92em}details{margin:.2rem 0}
"""


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
    """The judgement as one page."""
    passed = len(judgement.verdicts) - len(judgement.failed)
    rows = "".join(_table_row(judgement, verdict) for verdict in judgement.verdicts)
    table = (
        "<table><thead><tr><th></th><th>Expectation</th><th>Arguments</th><th>Found</th></tr>"
        f"</thead><tbody>{rows}</tbody></table>"
        if rows
        else "<p>The pipeline file states no expectations.</p>"
    )
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        f"<title>{escape(name)}: validation</title><style>{STYLE}</style></head><body>"
        f"<h1>{escape(name)}: validation</h1><p>{_summary(judgement, passed)}</p>{table}"
        "</body></html>\n"
    )


def _summary(judgement: Judgement, passed: int) -> str:
    aside = len(judgement.set_aside)
    consequence = "The rows were refused." if judgement.stops else ""
    if aside:
        consequence = (
            f"{aside:,} rows ({aside / judgement.rows:.2%}; limit {judgement.limit:.2%}) were set "
            f"aside in quarantine.parquet. {consequence}"
        )
    return (
        f"{judgement.rows:,} rows, {len(judgement.verdicts)} expectations, {passed} hold. "
        f"On failure: {judgement.on_failure}. {consequence}"
    )


def _table_row(judgement: Judgement, verdict: Verdict) -> str:
    mark = ("held", "holds") if verdict.passed else ("broken", "fails")
    arguments = "<br>".join(
        f"<code>{escape(key)}: {escape(shorten(plain(value)))}</code>"
        for key, value in verdict.arguments.items()
    )
    return (
        f"<tr><td class={mark[0]}>{mark[1]}</td><td><code>{escape(verdict.rule)}</code></td>"
        f"<td>{arguments}</td><td>{_found(judgement, verdict)}</td></tr>"
    )


def _found(judgement: Judgement, verdict: Verdict) -> str:
    if verdict.observed is not None:
        return escape(shorten(verdict.observed))
    if verdict.passed or not verdict.rows:
        return ""
    examples = "".join(
        f"<li>row {row}: <code>{escape(shorten(value))}</code></li>"
        for row, value in judgement.examples.get(verdict.number, [])
    )
    share = len(verdict.rows) / judgement.rows
    return (
        f"<details><summary>{len(verdict.rows):,} rows ({share:.2%})</summary>"
        f"<ul>{examples}</ul></details>"
    )
