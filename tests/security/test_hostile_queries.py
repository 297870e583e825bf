"""A query reads, is bounded and changes nothing."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import yaml

from tests.security.projects import SHARED, Refused
from throughline.sources.kinds.sql import one_select


class TestQueries:
    @pytest.mark.parametrize(
        "query",
        [
            "drop table t", "delete from t", "select 1; drop table t", "attach 'MARKER' as m",
            "vacuum into 'MARKER'", "pragma writable_schema=1", "/* x */ drop table t",
            "with x as (select 1) delete from t", "select load_extension('x')",
            "with x(a) as (select 1) insert into t select a, a from x",
        ],
    )  # fmt: skip
    def test_change_nothing(self, project: Path, unfetched: Refused, query: str) -> None:
        with sqlite3.connect(project / "a.db") as connection:
            connection.execute("create table t as select 1 as x, 0 as rain")
        before = (project / "a.db").read_bytes()
        unfetched(sql="sqlite:///a.db", query=query)
        assert (project / "a.db").read_bytes() == before

    def test_an_answer_without_end_is_counted_while_it_comes(
        self, project: Path, unfetched: Refused
    ) -> None:
        (project / "params.yaml").write_text(yaml.safe_dump({**SHARED, "limits": {"rows": 20_000}}))
        sqlite3.connect(project / "a.db").execute("create table t (x)").connection.close()
        endless = "with recursive n(x) as (select 1 union all select x + 1 from n) select x from n"
        unfetched("limits.rows", sql="sqlite:///a.db", query=endless)

    def test_an_answer_that_never_comes(self, project: Path, unfetched: Refused) -> None:
        (project / "params.yaml").write_text(yaml.safe_dump({**SHARED, "limits": {"seconds": 1}}))
        sqlite3.connect(project / "a.db").execute("create table t (x)").connection.close()
        endless = "with recursive n(x) as (select 1 union all select x + 1 from n) "
        unfetched("limits.seconds", sql="sqlite:///a.db", query=f"{endless}select count(*) from n")

    def test_a_comment_may_come_first(self) -> None:
        assert one_select("-- all\nselect 1;\n") == "-- all\nselect 1"
