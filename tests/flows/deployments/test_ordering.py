"""Events whose forerunner never comes are held for seconds, so that alerts arrive."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest


def event(seconds_ago: float) -> Any:
    """An event of a run that names one before it, which nobody sent."""
    from prefect.server.events.schemas.events import ReceivedEvent

    now = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    return ReceivedEvent(
        occurred=now, received=now, event="prefect.flow-run.Pending", id=uuid4(), follows=uuid4(),
        resource={"prefect.resource.id": "prefect.flow-run.1"},
    )  # fmt: skip


@pytest.mark.parametrize(("seconds_ago", "held"), [(0, True), (11, False)])
def test_an_event_without_its_forerunner_is_let_go(seconds_ago: float, held: bool) -> None:
    from prefect.server.events.ordering import EventArrivedEarly, get_triggers_causal_ordering
    from prefect.settings import PREFECT_SERVER_EVENTS_CAUSAL_ORDERING, temporary_settings

    from throughline.running.prefect.access import settings

    async def waits() -> tuple[bool, bool]:
        ordering = get_triggers_causal_ordering()
        given = event(seconds_ago)
        try:
            await ordering.wait_for_leader(given)  # type: ignore[attr-defined]
        except EventArrivedEarly:
            return True, given in await ordering.get_lost_followers()
        await ordering.record_follower(given)
        return False, given in await ordering.get_lost_followers()

    module = settings("http://127.0.0.1:1")["PREFECT_SERVER_EVENTS_CAUSAL_ORDERING"]
    with temporary_settings({PREFECT_SERVER_EVENTS_CAUSAL_ORDERING: module}):
        assert asyncio.run(waits()) == (held, not held)
