"""A query to a real server reads, is bounded and changes nothing, whatever its user may do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.security.projects import SHARED, Refused, ingested
from tests.sources import mariadb, postgresql

TABLES = ("create table t (x int, rain int)", "insert into t values (1, 0), (2, 1)")
SETUP = {
    "mariadb": (
        "create database shop", "use shop", *TABLES, "create sequence s",
        "create table old (x int) engine=MyISAM", "insert into old values (1)",
        "create function writes() returns int begin insert into t values (9, 9); return 1; end",
        "create function old() returns int begin delete from old; return 1; end",
        "create function allows() returns int begin set session tx_read_only = 0; "
        "insert into t values (9, 9); return 1; end",
    ),
    "postgresql": (
        *TABLES, "create sequence s", "select lo_from_bytea(7777, 'payload')",
        "create function writes() returns int language plpgsql as "
        "$$ begin insert into t values (9, 9); return 1; end $$",
    ),
}  # fmt: skip
STATE = {
    "mariadb": (
        "select * from shop.t", "select * from shop.old",
        "select next_not_cached_value from shop.s",
        "select table_name from information_schema.tables where table_schema = 'shop'",
        "select @@global.max_connections",
    ),
    "postgresql": (
        "select * from t", "select last_value, is_called from s", "select slot_name from "
        "pg_replication_slots", "select relname from pg_class", "select pg_conf_load_time()",
        "select stats_reset from pg_stat_database where datname = 'postgres'",
    ),
}  # fmt: skip
BOTH = (
    "drop table t", "insert into t values (3, 3)", "select 1; drop table t", "select writes() as x",
    "select * from t for update", "with z as (select 1) delete from t", "create table u (x int)",
    "truncate t", "grant all on t to public", "call p()", "explain analyze delete from t",
)  # fmt: skip
HOSTILE = {
    "mariadb": (
        *BOTH, "select * from t into outfile 'MARKER'", "select 'x' INTO/**/DUMPFILE 'MARKER'",
        "select 1 /*!50000 into outfile*/ 'MARKER'", "select 1 as x /*M! union select writes() */",
        "set global max_connections = 99", "select old() as x", "select allows() as x",
        "select nextval(s) as x", "select setval(s, 1000) as x", "select x into @y from t limit 1",
        "/*! insert into t values (4, 4) */", "handler t open",
        "load data infile '/x' into table t",
    ),
    "postgresql": (
        *BOTH, "select lo_export(7777, '/tmp/MARKER')", "select LO_IMPORT('/etc/passwd')",
        'select U&"\\006co_export"(7777, \'/tmp/MARKER\')', "select pg_reload_conf()",
        "select query_to_xml('select lo_ex'||'port(7777, ''/tmp/MARKER'')', true, true, '')",
        "select nextval('s')", "select setval('s', 50)", "select 1 as x into u",
        "select set_config('transaction_read_only', 'off', true), writes()",
        "select pg_create_physical_replication_slot('q')", "select pg_stat_reset()",
        "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()",
        "select dblink_exec('dbname=postgres', 'drop table t')", "copy t to '/tmp/MARKER'",
        "select table_to_xml('writes', true, true, '')", "do $$ begin drop table t; end $$",
    ),
}  # fmt: skip
ENDLESS = {
    "mariadb": ("select sleep(1000) as x", "select get_lock('held', 1000) as x, sleep(1000) as y"),
    "postgresql": (
        "select pg_sleep(1000)", "select set_config('statement_timeout', '0', false), pg_sleep(99)",
    ),
}  # fmt: skip
CUT = (
    "with recursive n(x) as (select 1 union all select x + 1 from n) select count(*) as x from n",
    "select group_concat(a.column_name, repeat('x', 2000)) as x from information_schema.columns a",
)


class Server:
    """A server with the tables of SETUP, and an eye on it."""

    def __init__(self, kind: str, url: str, control: Any) -> None:
        self.kind, self.url, self._control = kind, url, control

    def asked(self, *statements: str) -> list[Any]:
        """What the server answers to its owner."""
        answers = [self._control.exec_driver_sql(statement) for statement in statements]
        return [list(map(tuple, each)) if each.returns_rows else [] for each in answers]


@pytest.fixture(scope="module", params=["mariadb", "postgresql"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    import sqlalchemy

    kind = request.param
    module = {"mariadb": mariadb, "postgresql": postgresql}[kind]
    with module.running(tmp_path_factory.mktemp(kind)) as url:
        address = url.replace("postgresql:", "postgresql+pg8000:").removesuffix("/shop")
        engine = sqlalchemy.create_engine(address, isolation_level="AUTOCOMMIT")
        with engine.connect() as control:
            made = Server(kind, url, control)
            made.asked(*SETUP[kind])
            yield made
        engine.dispose()


class TestServers:
    def test_answer_a_select(self, server: Server, project: Path) -> None:
        ingested(project, sql=server.url, query="select x, rain from t")
        assert (project / "data" / "raw" / "rain" / "rows.parquet").exists()

    def test_change_nothing(
        self, server: Server, unfetched: Refused, capfd: pytest.CaptureFixture[str]
    ) -> None:
        before = server.asked(*STATE[server.kind])
        for query in HOSTILE[server.kind]:
            unfetched(sql=server.url, query=query)
            assert server.asked(*STATE[server.kind]) == before, query
        # Nor does a library print what went wrong inside of it.
        assert capfd.readouterr().err == ""

    def test_end_in_time(self, server: Server, project: Path, unfetched: Refused) -> None:
        (project / "params.yaml").write_text(yaml.safe_dump({**SHARED, "limits": {"seconds": 1}}))
        for query in ENDLESS[server.kind]:
            begun = time.monotonic()
            unfetched("limits.seconds", sql=server.url, query=query)
            assert time.monotonic() - begun < 60

    def test_give_no_part_for_the_whole(self, server: Server, unfetched: Refused) -> None:
        if server.kind != "mariadb":
            pytest.skip("PostgreSQL cuts no answer")
        for query in CUT:
            unfetched("whole answer", sql=server.url, query=query)
