"""Schedules fire, on a real server and a real worker; `make schedule` shows what they did."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.flows import shop
from tests.flows.deployments.standing import Standing, standing
from throughline.releasing import releases
from throughline.releasing.outputs import sha256
from throughline.releasing.promotion import champion_file, created

EVERY_MINUTE = '[{cron: "* * * * *", timezone: UTC, active: true}]'
SECONDS = 480
# An event may wait for another for ten seconds, see throughline/running/prefect/ordering.py.
ALERT_SECONDS = 60
TOLD = {"Released", "Kept", "Failed"}


def named(found: Standing, name: str) -> list[dict]:
    """The runs whose final state has a name."""
    return [run for run in found.runs() if run["state_name"] == name]


@pytest.mark.slow
@pytest.mark.timeout(2400)
class TestEveryMinute:
    def test_changed_data_release_once_are_kept_once_refused_once_and_told_each_time(
        self, built: Path, receiver: tuple[str, list[Any]]
    ) -> None:
        host, received = receiver
        created(built, shop.NAME)
        alerts = f"[{{to: 'http://{host}/alerts', tell: [failed, released, kept]}}]"
        with standing(built, EVERY_MINUTE, alerts) as prefect:
            shop.feed(built, 2000, 1)
            prefect.wait(lambda: named(prefect, "Released"), SECONDS)
            assert releases.champion(built, shop.NAME) == "v2"
            champion = sha256(champion_file(built, shop.NAME))
            # Of 30 rows for training: clearly worse than of 400.
            shop.feed(built, 150, 4)
            (kept,) = prefect.wait(lambda: named(prefect, "Kept"), SECONDS)
            # Rows that break the expectations.
            feed = built / "feed/shop.csv"
            feed.write_text(feed.read_text().replace(",1\n", ",7\n", 30))
            refused = prefect.wait(lambda: named(prefect, "Failed"), SECONDS)[0]
            prefect.wait(lambda: {told["state"] for _, told in received} == TOLD, ALERT_SECONDS)
            print(*((told["state"], told["occurred"]) for _, told in received), "", sep="\n")
            for run in prefect.runs():
                state = prefect.get(f"/flow_runs/{run['id']}")["state"]
                line = (str(run["start_time"])[:19], run["name"], run["state_name"])
                print(*line, state["message"] or "", sep="  ")
            message = prefect.get(f"/flow_runs/{kept['id']}")["state"]["message"]
            reason = prefect.get(f"/flow_runs/{refused['id']}")["state"]["message"]
        print(releases.read(built, shop.NAME, "v2")["verdict"])
        assert "worse" in message
        assert "expectations.rules[0]" in reason and "bought" in reason
        # The schedule goes on: the same rows may be refused again before it ends.
        states = [told["state"] for _, told in received]
        assert [states.count(state) for state in ("Released", "Kept")] == [1, 1]
        told = {content["state"]: content["message"] for _, content in received}
        assert "better" in told["Released"] and told["Kept"] == message
        assert releases.versions(built, shop.NAME) == ["v1", "v2"]
        assert sha256(champion_file(built, shop.NAME)) == champion
        with pytest.raises(urllib.error.URLError):
            urllib.request.urlopen(f"{prefect.url}/health")
