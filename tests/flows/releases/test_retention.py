"""Logs and Prefect's history have an end: `keep_days` of params.yaml."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from throughline.errors import BadPipeline
from throughline.running.prefect import retention
from throughline.running.prefect.environment import LOGS, prefect_environment, use_prefect
from throughline.running.prefect.retention import DAY_SECONDS, forget, keep_days, settings, tidy


def log(folder: Path, name: str, content: bytes, days: float = 0) -> Path:
    """A log that was last written so many days ago."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(content)
    then = time.time() - days * DAY_SECONDS
    os.utime(path, (then, then))
    return path


class TestLogs:
    def test_the_old_ones_go_when_something_starts(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in prefect_environment(tmp_path).items():
            # Given back to the other tests as it was.
            monkeypatch.setenv(name, value)
        (tmp_path / "params.yaml").write_text("keep_days: 3\n")
        old, new = (log(tmp_path / LOGS, f"worker-{n}.log", b"x", n) for n in (4, 2))
        lock = log(tmp_path / LOGS, "iris.lock", b"", 40)
        use_prefect(tmp_path)
        assert not old.exists() and new.exists() and lock.exists()

    def test_too_many_go_but_those_of_now(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(retention, "ALL_BYTES", 25)
        for number in range(5):
            log(tmp_path, f"worker-{number}.log", b"0123456789", number)
        log(tmp_path, "worker-now.log", b"0123456789" * 3, 0.01)
        assert tidy(tmp_path, 30) == [f"worker-{n}.log" for n in (1, 2, 3, 4)]

    def test_one_that_is_written_is_cut_to_its_last_lines(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(retention, "MOST_BYTES", 100)
        path = log(tmp_path, "standing-server.log", b"")
        other = log(tmp_path, "worker-1.log", b"0" * 300)
        with path.open("ab", buffering=0) as server:
            for number in range(50):
                server.write(b"line %02d\n" % number)
            assert tidy(tmp_path, 30) == []
            server.write(b"line 50\n")
        lines = path.read_text().splitlines()
        assert lines == [f"line {number}" for number in range(44, 51)]
        assert other.stat().st_size == 300


class TestDays:
    @pytest.mark.parametrize("value", ["0", "-1", "1.5", "a month", "true", "[3]", "4000", ""])
    def test_what_is_no_number_of_days(self, tmp_path: Path, value: str) -> None:
        (tmp_path / "params.yaml").write_text(f"seed: 0\nkeep_days: {value}\n")
        with pytest.raises(BadPipeline, match=r"params\.yaml:2: 'keep_days' is a whole number"):
            keep_days(tmp_path)

    def test_without_a_word_it_is_a_month(self, tmp_path: Path) -> None:
        assert keep_days(tmp_path) == 30
        (tmp_path / "params.yaml").write_text("seed: 0\n")
        assert keep_days(tmp_path) == 30

    @pytest.mark.parametrize(("days", "events"), [(2, 2), (30, 7)])
    def test_prefects_service_takes_them(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, events: int
    ) -> None:
        from prefect.settings import Settings

        (tmp_path / "params.yaml").write_text(f"keep_days: {days}\n")
        for name, value in settings(tmp_path).items():
            monkeypatch.setenv(name, value)
        server = Settings().server
        assert {"flow_runs", "events"} <= server.services.db_vacuum.enabled_vacuum_types
        assert server.services.db_vacuum.retention_period == timedelta(days=days)
        assert server.events.retention_period == timedelta(days=events)


@pytest.mark.usefixtures("prefect_server")
class TestRuns:
    def test_old_ones_are_forgotten(self, tmp_path: Path) -> None:
        from prefect import flow
        from prefect.client.orchestration import get_client
        from prefect.states import State

        @flow(name="old")
        def work() -> None:
            """Nothing."""

        (tmp_path / "params.yaml").write_text("keep_days: 5\n")
        now = datetime.now(UTC)
        with get_client(sync_client=True) as client:
            ended, works = client.create_flow_run(work), client.create_flow_run(work)
            client.set_flow_run_state(ended.id, State(type="COMPLETED", name="Completed"), True)

            def known() -> set[str]:
                left = client.request("POST", "/flow_runs/filter", json={}).json()
                return {each["id"] for each in left} & {str(ended.id), str(works.id)}

            forget(tmp_path, now + timedelta(days=4))
            assert known() == {str(ended.id), str(works.id)}
            assert forget(tmp_path, now + timedelta(days=6)) >= 1
            assert known() == {str(works.id)}
