"""A query reads, is bounded and changes nothing."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.security.projects import SHARED, Refused
from throughline.errors import BadData
from throughline.sources.kinds.sql import one_select

# Each of 40 million characters is looked for among as many.
ENDLESS = """
from pathlib import Path
from tests.security.projects import ingested
from throughline import limits
from throughline.cli.ending import ended
limits.GRACE_SECONDS = 1
text = "replace(hex(zeroblob(20000000)), '0', '{}')"
query = f"select trim({text.format('a')}, {text.format('b')} || 'a') as x"
raise SystemExit(ended(lambda: ingested(Path.cwd(), sql="sqlite:///a.db", query=query)))
"""
CHECKOUT = Path(__file__).parents[2]


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

    def test_a_column_may_be_called_as_what_writes(self) -> None:
        """Of `layoutfile` the end was taken for MySQL's OUTFILE."""
        query = "select outfile_path, layoutfile, hello_export from t"
        assert one_select(query) == query
        for written in ("select 1 INTO/**/OUTFILE 'x'", "select pg_catalog.lo_export(1, 'x')"):
            with pytest.raises(BadData, match="no more than return rows"):
                one_select(written)

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

    def test_a_function_that_never_comes_back(self, project: Path) -> None:
        """SQLite looks at no clock within one, nor does Python."""
        (project / "params.yaml").write_text(yaml.safe_dump({**SHARED, "limits": {"seconds": 1}}))
        sqlite3.connect(project / "a.db").execute("create table t (x)").connection.close()
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", ENDLESS],
            cwd=project,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert done.returncode == 2 and time.monotonic() - started < 60
        (line,) = done.stderr.splitlines()
        assert line.startswith("error: 'sqlite:///a.db' must be read within 1 seconds")
        assert not (project / "data").exists()

    @pytest.mark.parametrize(
        ("address", "named"),
        [
            ("mysql+pymysql://me@localhost/x?init_command=drop table t", "init_command"),
            ("mysql+mysqldb://me@localhost/x?plugin_dir=/tmp&default_auth=x", "plugin_dir"),
            ("mysql://me@localhost/x?read_default_file=/tmp/my.cnf", "read_default_file"),
            ("mssql+pyodbc:///?odbc_connect=DRIVER=/tmp/x.so", "odbc_connect"),
            ("mssql+pyodbc://me@host/x?driver=/tmp/x.so", "driver"),
            ("postgresql://me@localhost/x?plugin=evil", "plugin"),
        ],
    )
    def test_an_address_that_does_more_than_lead_there(
        self, unfetched: Refused, address: str, named: str
    ) -> None:
        assert f"'{named}'" in unfetched("how a database is reached", sql=address, query="select 1")

    def test_a_comment_may_come_first(self) -> None:
        assert one_select("-- all\nselect 1;\n") == "-- all\nselect 1"
