"""Telling what became of a retraining: the screen, Prefect, a webhook."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from throughline.errors import tell
from throughline.report.markup import plain_markdown
from throughline.running.prefect.artifacts import key
from throughline.running.prefect.webhook import post


def announce(verdict: Mapping[str, Any], webhook: str = "") -> None:
    """Tell a verdict.

    Args:
        verdict: pipeline, outcome, reason, release and the figures behind them.
        webhook: an address that gets it as JSON; see `running.webhook`. Default: none.
    """
    from prefect.artifacts import create_markdown_artifact
    from prefect.events import emit_event

    name, outcome, reason = (verdict[field] for field in ("pipeline", "outcome", "reason"))
    tell(f"{name}: {outcome} ({reason}) {verdict['release']}".rstrip())
    # First: Prefect's server may have gone meanwhile, and nobody would be told.
    if webhook:
        post(webhook, verdict)
    figures = f"```json\n{json.dumps(verdict, indent=2)}\n```"
    create_markdown_artifact(
        key=key(name, "verdict"),
        markdown=f"**{outcome}**: {plain_markdown(reason)}\n\n{figures}",
        description=f"What became of retraining {name}",
    )
    emit_event(
        event=f"throughline.retrain.{outcome}",
        resource={"prefect.resource.id": f"throughline.pipeline.{name}"},
        payload=dict(verdict),
    )
