"""What `deploy apply` plans and does, on a server of a few lines."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughline.errors import BadPipeline
from throughline.running.prefect import schedules

HERE = "/srv/here"
CRON = {"cron": "0 3 * * *", "timezone": "UTC"}


class Server:
    """Keeps deployments and does as Prefect's `deploy` and its interface do."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {}

    def request(self, method: str, path: str, json: Any = None) -> Any:
        if path == "/deployments/filter":
            page = list(self.kept.values())[json["offset"] : json["offset"] + json["limit"]]
            return type("Answer", (), {"json": lambda _: page})()
        name, schedule = re.fullmatch(r"/deployments/([^/]+)(?:/schedules/(\d+))?", path).groups()  # type: ignore[union-attr]
        target = self.kept[name]["schedules"][int(schedule)] if schedule else self.kept[name]
        if method == "PATCH":
            target |= json
        elif schedule:
            target["deleted"] = True
        else:
            del self.kept[name]
        return None

    def deploy(self, written: list[dict[str, Any]], directory: str = HERE) -> None:
        """As `prefect deploy --all`: starts what was paused, keeps schedules where none is said."""
        for each in written:
            old = self.kept.get(each["name"], {})
            said = [
                {"id": str(number), "schedule": one, "active": one.get("active", True)}
                for number, one in enumerate(each.get("schedules") or [])
            ]
            self.kept[each["name"]] = {
                **each,
                "id": each["name"],
                "paused": False,
                "schedules": said or old.get("schedules", []),
                "pull_steps": [{"set_working_directory": {"directory": directory}}],
            }

    def apply(self, written: list[dict[str, Any]], **how: bool) -> schedules.Plan:
        before = [{**each, "schedules": [dict(s) for s in each["schedules"]]}
                  for each in schedules.standing(self)]  # fmt: skip
        found = schedules.plan(written, before, HERE, ["/srv/elsewhere"])
        self.deploy(written)
        schedules.settle(self, written, before, HERE, **how)
        return found

    def fires(self) -> set[str]:
        """The deployments that run by themselves."""
        return {
            name
            for name, each in self.kept.items()
            if not each["paused"]
            and any(s["active"] and "deleted" not in s for s in each["schedules"])
        }


def deployment(name: str, *schedules: Any, **more: Any) -> dict[str, Any]:
    """As a file has it."""
    return {
        "name": name,
        "entrypoint": "flows/retrain.py:retrain",
        "schedules": [*schedules],
        **more,
    }


class TestPlan:
    def test_every_kind(self) -> None:
        server = Server()
        server.apply([deployment("a", CRON), deployment("b", CRON), deployment("c", CRON)])
        server.kept["b"]["paused"] = True
        found = server.apply(
            [deployment("b", CRON), deployment("c", {"interval": 60}), deployment("d")]
        )
        assert found == schedules.Plan(
            ("retrain/d",), ("retrain/c",), ("retrain/b",), ("retrain/a",), ("retrain/b",)
        )
        told = "\n".join(found.lines(prune=False, resume=False))
        for line in ("new: retrain/d", "changed: retrain/c", "--prune", "--resume"):
            assert line in told

    def test_a_server_of_many_pages(self) -> None:
        server = Server()
        server.apply([deployment(f"d{number}", CRON) for number in range(2 * schedules.PAGE + 1)])
        assert len(schedules.standing(server)) == 2 * schedules.PAGE + 1

    def test_another_checkouts_deployment_is_neither_taken_nor_stopped(self) -> None:
        server = Server()
        server.deploy([deployment("a", CRON), deployment("z", CRON)], "/srv/elsewhere")
        with pytest.raises(BadPipeline, match="/srv/elsewhere"):
            server.apply([deployment("a", CRON)])
        server.apply([deployment("b", CRON)], prune=True)
        assert server.fires() == {"a", "b", "z"}


NAMES = st.sampled_from(["a", "b", "c"])
SCHEDULE = st.sampled_from([CRON, {"interval": 60}, {"cron": "1 * * * *", "active": False}])
FILES = st.dictionaries(NAMES, st.lists(SCHEDULE, max_size=2, unique_by=str), max_size=3)


class TestKeys:
    def test_a_rule_is_the_same_however_a_server_writes_it(self) -> None:
        rule = "FREQ=WEEKLY;BYDAY=SU;BYHOUR=4;BYMINUTE=0"
        there = "DTSTART:20200101T000000\nRRULE:FREQ=WEEKLY;BYHOUR=4;BYMINUTE=0;BYDAY=SU"
        assert schedules._key({"rrule": rule}) == schedules._key(
            {"rrule": there, "timezone": "UTC"}
        )
        other = rule.replace("SU", "MO")
        assert schedules._key({"rrule": rule}) != schedules._key({"rrule": other})
        assert schedules._key({"interval": 60}) == schedules._key({"interval": 60.0})


class TestTheFileIsTheTruth:
    @given(old=FILES, new=FILES, paused=st.sets(NAMES), resume=st.booleans(), prune=st.booleans())
    def test_what_fires_is_what_it_says_but_for_what_a_person_paused(
        self, old: Any, new: Any, paused: set[str], resume: bool, prune: bool
    ) -> None:
        server = Server()
        server.apply([deployment(name, *each) for name, each in old.items()])
        for name in paused & old.keys():
            server.kept[name]["paused"] = True
        server.apply(
            [deployment(name, *each) for name, each in new.items()], prune=prune, resume=resume
        )
        held = set() if resume else paused & old.keys()
        means = {name for name, each in new.items() if any(s.get("active", True) for s in each)}
        if resume:
            assert server.fires() == means - held
        # An interval that the older file held back counts as a person's word.
        assert server.fires() <= means - held
        assert (server.kept.keys() == new.keys()) or not prune

    def test_a_schedule_that_a_person_paused_stays_so(self) -> None:
        server = Server()
        file = [deployment("a", CRON, {"interval": 60})]
        server.apply(file)
        server.kept["a"]["schedules"][0]["active"] = False
        server.apply(file)
        assert [s["active"] for s in server.kept["a"]["schedules"]] == [False, True]
        server.apply(file, resume=True)
        assert [s["active"] for s in server.kept["a"]["schedules"]] == [True, True]
