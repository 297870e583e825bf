"""Rows come out of a real PostgreSQL server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.sources.conftest import Ingest
from tests.sources.postgresql import running
from throughline.errors import BadData, Unreachable
from throughline.limits import OverLimit

TABLE = """
create table house (
    id serial primary key, town text, rooms integer, price numeric(10, 2), sold boolean,
    built date, seen timestamptz, code char(3), share double precision
)"""
ROWS = """
insert into house (town, rooms, price, sold, built, seen, code, share) values
    ('Köln', 4, 350000.50, true, '1999-05-01', '2024-01-02 12:00:00+02', 'ab', 0.25),
    ('Ulm', null, 120000.00, false, '2010-12-31', '2024-07-02 12:00:00+00', 'xyz', 'NaN'),
    (null, 2, null, null, null, null, null, null)"""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    import sqlalchemy

    with running(tmp_path_factory.mktemp("postgresql")) as url:
        engine = sqlalchemy.create_engine(url.replace("postgresql", "postgresql+pg8000", 1))
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text(TABLE))
            connection.execute(sqlalchemy.text(ROWS))
        engine.dispose()
        yield url


class TestRows:
    def test_of_every_usual_type(self, bring: Ingest, database: str) -> None:
        rows, provenance, _ = bring(sql=database, query="select * from house order by id")
        kinds = {column["name"]: column["type"] for column in provenance["columns"]}
        assert kinds == {
            "id": "integer", "town": "string", "rooms": "number", "price": "number",
            "sold": "number", "built": "time", "seen": "time", "code": "string",
            "share": "number",
        }  # fmt: skip
        assert rows["town"].tolist()[:2] == ["Köln", "Ulm"]
        assert rows["price"].tolist()[:2] == [350000.5, 120000.0]
        # A truth value that is not known makes the column one of 1, 0 and missing.
        assert rows["sold"].tolist()[:2] == [1.0, 0.0]
        assert rows["seen"].iloc[0] == pd.Timestamp("2024-01-02 10:00:00")
        assert np.isnan(rows["rooms"][1])
        assert rows.drop(columns=["id", "rooms"]).iloc[2].isna().all()

    def test_are_the_same_bytes_again(self, bring: Ingest, database: str) -> None:
        query = "select town, rooms from house order by id"
        files = [bring(sql=database, query=query)[2].raw / "rows.parquet" for _ in range(2)]
        first, second = (path.read_bytes() for path in files)
        assert first == second

    def test_are_counted_while_they_come(
        self, bring: Ingest, database: str, tmp_path: Path
    ) -> None:
        (tmp_path / "params.yaml").write_text("limits: {rows: 20_000}\n")
        with pytest.raises(OverLimit, match=r"limits\.rows"):
            bring(sql=database, query="select generate_series(1, 1000000000) as n")

    def test_a_query_with_a_percent_sign_and_a_colon(self, bring: Ingest, database: str) -> None:
        query = r"select town from house where town like 'K%' and seen > '2024-01-01 00\:00'"
        assert bring(sql=database, query=query)[0]["town"].tolist() == ["Köln"]

    def test_the_driver_may_be_named(self, bring: Ingest, database: str) -> None:
        url = database.replace("postgresql", "postgresql+pg8000", 1)
        assert len(bring(sql=url, query="select 1 as one")[0]) == 1


class TestSecrets:
    def test_the_password_comes_from_the_environment_and_stays_there(
        self, bring: Ingest, database: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HOUSE_WORD", "hush")
        url = database.replace("hush", "$HOUSE_WORD")
        _, provenance, workspace = bring(sql=url, query="select 1 as one")
        assert "hush" not in (workspace.raw / "provenance.json").read_text()
        # As it is written.
        assert provenance["source"] == url

    @pytest.mark.parametrize(
        "query",
        [
            "drop table house",
            "select 1; drop table house",
            "with gone as (delete from house returning *) select * from gone",
            "select * from house; commit; drop table house",
            "select nextval('house_id_seq')",
        ],
    )
    def test_a_query_changes_nothing(self, bring: Ingest, database: str, query: str) -> None:
        with pytest.raises(BadData):
            bring(sql=database, query=query)
        assert len(bring(sql=database, query="select * from house")[0]) > 0


class TestTime:
    @pytest.mark.parametrize("query", ["select pg_sleep(900)", "select count(*) from forever"])
    def test_a_query_that_never_ends(
        self, bring: Ingest, database: str, tmp_path: Path, query: str
    ) -> None:
        (tmp_path / "params.yaml").write_text("limits: {seconds: 1}\n")
        endless = "with recursive forever(n) as (select 1 union all select n + 1 from forever) "
        if "forever" in query:
            query = endless + query
        before = time.monotonic()
        with pytest.raises(OverLimit, match=r"limits\.seconds"):
            bring(sql=database, query=query)
        assert time.monotonic() - before < 20


class TestRefusal:
    @pytest.mark.parametrize(
        ("query", "words"),
        [
            ("select * from houses", 'relation "houses" does not exist'),
            ("select nothing from house", 'column "nothing" does not exist'),
            ("select 1 / 0", "division by zero"),
        ],
    )
    def test_says_what_the_server_said(
        self, bring: Ingest, database: str, query: str, words: str
    ) -> None:
        with pytest.raises(BadData, match="must answer the query") as caught:
            bring(sql=database, query=query)
        assert words in str(caught.value)

    def test_a_wrong_password_is_not_shown(self, bring: Ingest, database: str) -> None:
        with pytest.raises((BadData, Unreachable), match="password authentication") as caught:
            bring(sql=database.replace("hush", "shout"), query="select 1")
        assert "shout" not in str(caught.value)

    def test_no_server(self, bring: Ingest) -> None:
        pytest.importorskip("pg8000")
        with pytest.raises(Unreachable, match="must let us in"):
            bring(sql="postgresql+pg8000://me:hush@127.0.0.1:9/x", query="select 1")

    def test_nothing_is_left_of_a_failed_query(
        self, bring: Ingest, database: str, tmp_path: Any
    ) -> None:
        with pytest.raises(BadData):
            bring(sql=database, query="select * from houses")
        assert not (tmp_path / "data").exists()
