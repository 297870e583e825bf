"""How long Prefect's server holds an event back that another one should come before.

A run that starts within five minutes of being scheduled has an event that names the one of its
scheduled state as what came before. The scheduler sends none of those, so Prefect 3.8.8 would hold
the events of the run, and every alert, for a quarter of an hour. Named by Prefect's own setting
`server.events.causal_ordering`; the time itself is a constant of its module.
"""

from __future__ import annotations

from datetime import timedelta

from prefect.server.events.ordering import memory

# Events that come in the wrong order are milliseconds apart.
LONGEST = timedelta(seconds=10)
memory.PRECEDING_EVENT_LOOKBACK = LONGEST  # type: ignore[attr-defined]

CausalOrdering = memory.CausalOrdering
