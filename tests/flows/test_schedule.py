"""Schedules fire, on a real server and a real worker; `make schedule` shows what they did."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.flows import shop
from tests.flows.standing import Standing, standing
from throughline.releasing import releases
from throughline.releasing.outputs import sha256
from throughline.releasing.promotion import champion_file, created

EVERY_MINUTE = '[{cron: "* * * * *", timezone: UTC, active: true}]'
SECONDS = 480


def named(found: Standing, name: str) -> list[dict]:
    """The runs whose final state has a name."""
    return [run for run in found.runs() if run["state_name"] == name]


@pytest.mark.slow
@pytest.mark.timeout(1500)
class TestEveryMinute:
    def test_changed_data_release_once_and_are_refused_once(self, built: Path) -> None:
        created(built, shop.NAME)
        with standing(built, EVERY_MINUTE) as prefect:
            shop.feed(built, 2000, 1)
            prefect.wait(lambda: named(prefect, "Released"), SECONDS)
            assert releases.champion(built, shop.NAME) == "v2"
            champion = sha256(champion_file(built, shop.NAME))
            shop.feed(built, 240, 2)
            (kept,) = prefect.wait(lambda: named(prefect, "Kept"), SECONDS)
            print()
            for run in prefect.runs():
                state = prefect.get(f"/flow_runs/{run['id']}")["state"]
                line = (str(run["start_time"])[:19], run["name"], run["state_name"])
                print(*line, state["message"] or "", sep="  ")
            message = prefect.get(f"/flow_runs/{kept['id']}")["state"]["message"]
        print(releases.read(built, shop.NAME, "v2")["verdict"])
        assert "worse" in message
        assert releases.versions(built, shop.NAME) == ["v1", "v2"]
        assert sha256(champion_file(built, shop.NAME)) == champion
        with pytest.raises(urllib.error.URLError):
            urllib.request.urlopen(f"{prefect.url}/health")
