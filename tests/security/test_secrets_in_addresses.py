"""What is filled into an address is in no file and no message."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from tests.security.projects import SECRET, Refused, ingested
from throughline.processes import NO_CODE
from throughline.sources.fetching.addresses import redacted


class TestSecrets:
    @pytest.mark.parametrize(
        "source",
        [
            {"url": "http://me:$WORD@127.0.0.1:9/a.csv?t=$WORD", "sha256": "0" * 64},
            {"sql": "postgresql+pg8000://me:$WORD@127.0.0.1:9/x", "query": "select 1"},
            {"sql": "postgresql+nosuch://me:${WORD}@localhost/x", "query": "select 1"},
            {"sql": "sqlite:///$WORD.db", "query": "select 1"},
            {"sql": "$WHOLE", "query": "select 1"},
            {"sql": "postgresql://me:$WORD@localhost:$WORD/x", "query": "select 1"},
        ],
    )
    def test_are_in_no_file_and_no_message(
        self,
        project: Path,
        unfetched: Refused,
        monkeypatch: pytest.MonkeyPatch,
        source: dict[str, str],
    ) -> None:
        from throughline.sources.fetching import download

        monkeypatch.setattr(download.downloaded, "__defaults__", (0.01, 0.3, True, None))
        monkeypatch.setenv("WORD", f"{SECRET}/@:x")
        monkeypatch.setenv("WHOLE", f"postgresql+nosuch://me:{SECRET}@localhost/x")
        assert SECRET not in unfetched(**source)
        found = [path for path in project.rglob("*") if path.is_file()]
        assert not [path for path in found if SECRET.encode() in path.read_bytes()]

    def test_what_came_is_recorded_as_written(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("WORD", SECRET)
        with sqlite3.connect(project / f"{SECRET}.db") as connection:
            connection.execute("create table t as select 1 as x, 0 as rain")
        ingested(project, sql="sqlite:///$WORD.db", query="select * from t")
        provenance = project / "data" / "raw" / "rain" / "provenance.json"
        assert json.loads(provenance.read_text())["source"] == "sqlite:///$WORD.db"
        files = [path for path in project.rglob("*") if path.is_file() and path.suffix != ".db"]
        assert not [path for path in files if SECRET.encode() in path.read_bytes()]

    def test_a_stranger_s_project_learns_nothing_of_the_environment(
        self, unfetched: Refused, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("WORD", SECRET)
        monkeypatch.setenv(NO_CODE, "1")
        line = unfetched(url="http://127.0.0.1:9/a.csv?t=$WORD", sha256="0" * 64)
        assert "$WORD" in line and "--no-code" in line

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("https://me:word@a.org/x", "https://me:***@a.org/x"),
            ("https://token@a.org/x", "https://***@a.org/x"),
            ("x://me:w/o@rd@host/y", "x://me:***@host/y"),
            ("https://to@ken@a.org/x", "https://***@a.org/x"),
            ("https://me:word@a.org/x@1", "https://me:***@a.org/x@1"),
            ("http://a.org:8080/p@1/x", "http://a.org:8080/p@1/x"),
            ("x://me:$WORD@host/y", "x://me:$WORD@host/y"),
        ],
    )
    def test_redacted(self, text: str, shown: str) -> None:
        assert redacted(text) == shown
