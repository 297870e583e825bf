"""Rows of a query, by the same stage."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from tests.sources.conftest import Ingest
from throughline.errors import BadData
from throughline.sources.kinds import sql
from throughline.sources.table import standardised


class TestSql:
    @pytest.fixture
    def database(self, tmp_path: Path) -> Path:
        path = tmp_path / "towns.db"
        with sqlite3.connect(path) as connection:
            connection.execute("create table town (name text, size integer)")
            connection.executemany("insert into town values (?, ?)", [("Bonn", 3), ("Köln", None)])
        connection.close()
        return path

    def test_rows(self, bring: Ingest, database: Path) -> None:
        rows, provenance, _ = bring(
            sql=f"sqlite:///{database.name}", query="select * from town order by name"
        )
        assert rows["name"].tolist() == ["Bonn", "Köln"]
        assert np.isnan(rows["size"][1])
        assert provenance["query"] == "select * from town order by name"

    def test_have_the_types_that_pandas_gives_them(self, database: Path) -> None:
        """Also where the first block holds no value of a column, and another does."""
        import pandas as pd
        import sqlalchemy

        query = (
            "with recursive n(x) as (select 1 union all select x + 1 from n where x < 25000) "
            "select x, nullif(x, 7) as hole, nullif(x, x) as none, "
            "case when x > 20000 then x / 2.0 end as late, 'a' || x as text, "
            "case when x > 20000 then 'b' end as late_text from n"
        )
        with sqlalchemy.create_engine(f"sqlite:///{database}").connect() as connection:
            found = sql._rows(connection, query, "the database")
            usual = pd.read_sql_query(sqlalchemy.text(query), connection)
        pd.testing.assert_frame_equal(
            standardised(found, {}, (), "the rows"), standardised(usual, {}, (), "the rows")
        )

    def test_a_mistake_in_the_query(self, bring: Ingest, database: Path) -> None:
        with pytest.raises(BadData, match="no such table: towns"):
            bring(sql=f"sqlite:///{database.name}", query="select * from towns")

    def test_no_empty_database_is_made(self, bring: Ingest, tmp_path: Path) -> None:
        with pytest.raises(BadData, match="must exist"):
            bring(sql="sqlite:///absent.db", query="select 1")
        assert not (tmp_path / "absent.db").exists()

    def test_secrets_stay_out_of_files_and_messages(
        self, bring: Ingest, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TOWN_WORD", "hush")
        with pytest.raises(BadData) as caught:
            bring(sql="postgresql+nosuchdriver://me:$TOWN_WORD@localhost/x", query="select 1")
        assert "hush" not in str(caught.value)
        monkeypatch.delenv("TOWN_WORD")
        with pytest.raises(BadData, match="set in the environment"):
            bring(sql="postgresql://me:$TOWN_WORD@localhost/x", query="select 1")
