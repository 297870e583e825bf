"""Rows that a database returns."""

from __future__ import annotations

import logging
import re
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from throughline.errors import BadData, Unreachable
from throughline.limits import OverLimit, at_the_latest, check_table, current
from throughline.sources.fetching.addresses import VARIABLE, Secrets, redacted
from throughline.sources.registry import Fetched, Surroundings, source
from throughline.sources.table import exact

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import URL, Connection

    from throughline.pipeline.schema.source import Source

# Drivers that `postgresql://` alone may mean, as SQLAlchemy names them, the usual one first.
POSTGRESQL = ("psycopg2", "psycopg", "pg8000")
# What is done even in a transaction that may not write: files of the server (MySQL's INTO OUTFILE,
# PostgreSQL's large objects), sessions of others, other databases, settings, copies.
DOES_MORE = re.compile(
    r"\b((out|dump)file\b|lo_(ex|im)port|dblink|pg_file_|pg_(terminate|cancel)_backend"
    r"|pg_reload_conf|pg_rotate_logfile|pg_promote|pg_switch_wal|pg_create_restore_point|pg_stat_(force_)?reset"
    r"|pg_logical_emit|pg_replication_|pg_\w+_slot|pg_(start|stop)_backup|pg_backup_st"
    r"|query_to_xml|u&\")",
    re.IGNORECASE,
)
ASKING = re.compile(r"\(*\s*(select|with|values)\b", re.IGNORECASE)
# Before the first word.
COMMENT = re.compile(r"\A\s*((--[^\n]*\n|/\*.*?\*/)\s*)*", re.DOTALL)
PORT = re.compile(r"(?<=[^/:]):(\$\{?\w+\}?)(?=/|\Z)")
# Databases whose transactions can be told not to write.
READ_ONLY = ("postgresql", "mysql", "mariadb", "oracle")
# Parameters of an address that say where the database is, how it is reached and spoken to. Others
# run a statement before ours (`init_command`) or load a library into this process (`plugin_dir`,
# `odbc_connect`).
PARAMETERS = {
    "application_name", "authenticator", "catalog", "charset", "client_encoding", "collation",
    "connect_timeout", "credentials_path", "encrypt", "host", "http_path", "options", "port",
    "protocol", "role", "schema", "secure", "service_name", "ssl", "ssl_ca", "ssl_cert",
    "ssl_check_hostname", "ssl_key", "ssl_verify_cert", "sslcert", "sslcrl", "sslkey", "sslmode",
    "sslrootcert", "target_session_attrs", "timeout", "trusted_connection",
    "trustservercertificate", "unix_socket", "verify", "warehouse",
}  # fmt: skip
# What SQLite calls a select, a column that is read, a function, and a query that goes on by itself.
ASKED = (21, 20, 31, 33)
BLOCK_ROWS = 10_000
# Of SQLite's machine, between two looks at the clock.
STEPS = 100_000
INTERRUPTED = 9
# How a server is told the milliseconds that a statement may take.
TIME = {
    "postgresql": "SET LOCAL statement_timeout = {}",
    "mysql": "SET SESSION max_execution_time = {}",
    "mariadb": "SET SESSION max_statement_time = {}e-3",
}
MOST_MILLISECONDS = 2**31 - 1
# How it says that it is over: PostgreSQL; MariaDB; MySQL.
TIMED_OUT = ("statement timeout", "max_statement_time exceeded", "maximum statement execution time")
# Warnings of MySQL and MariaDB for answers that are not whole: a text that GROUP_CONCAT cut, a
# recursion that was broken off.
CUT = (1260, 1931)


@source("sql")
def bring(settings: Source, surroundings: Surroundings) -> Fetched:
    """The rows of `query` from the database at `sql`, a SQLAlchemy URL.

    `$NAME` in the URL, or as all of it, is taken from the environment, so that no password stands
    in the file; what is recorded is the URL as written. `postgresql://` takes whichever driver is
    installed. The database is only read: one SELECT, in a transaction that may not write and is
    rolled back. A query without ORDER BY may return its rows in another order next time, and then
    everything after it runs again.

    Raises:
        BadData: the URL cannot be understood, the query is none, the driver is absent or the
            database refuses.
        Unreachable: no connection comes about.
    """
    written, secrets = settings.sql or "", Secrets("source.sql")
    query = one_select(settings.query or "")
    url = _filled(written, secrets)
    if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
        path = surroundings.root / str(url.database)
        if not path.is_file():
            # SQLite would make an empty database of that name.
            shown = secrets.hide(str(path))
            raise BadData(f"SQLite file '{shown}' must exist", remedy="Mend 'source.sql'")
        address = f"file:{quote(str(path.resolve()))}"
        url = url.set(database=address, query={"mode": "ro", "uri": "true"})
    shown = redacted(written)
    _refuse_parameters(url, shown)
    frame = _answer(_with_driver(url), shown, query, secrets)
    return Fetched(frame, {"source": shown, "query": settings.query})


def one_select(query: str) -> str:
    """`query` itself, once it is certain that it asks and is one statement.

    Example:
        >>> one_select("select * from orders;")
        'select * from orders'

    Raises:
        BadData: it begins with another word, names what does more than read, or holds a `;` that
            another statement may follow.
    """
    bare = query.strip().rstrip(";").rstrip()
    if not ASKING.match(COMMENT.sub("", bare)):
        raise BadData("'source.query' must begin with SELECT, WITH or VALUES", query)
    if more := DOES_MORE.search(bare):
        raise BadData("'source.query' must do no more than return rows", f"'{more[0]}' in {query}")
    if ";" in bare:
        raise BadData(
            "'source.query' must be one statement", query, "Write CHR(59) for a ';' in a text"
        )
    return bare


def _filled(written: str, secrets: Secrets) -> URL:
    """The address with its parts filled in, after it was taken apart."""
    import sqlalchemy

    whole = VARIABLE.fullmatch(written) is not None
    # A port must be a number already; whatever else stands there is refused below.
    text = PORT.sub(lambda found: f":{secrets.fill(found[1])}", written)
    try:
        url = sqlalchemy.make_url(secrets.fill(written) if whole else text)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        raise BadData(
            "'source.sql' must be a SQLAlchemy URL such as sqlite:///data.db", redacted(written)
        ) from None
    if whole:
        return url
    parts = {part: getattr(url, part) for part in ("username", "password", "host", "database")}
    known = {part: secrets.fill(value) for part, value in parts.items() if value}
    query = {
        key: secrets.fill(value) if isinstance(value, str) else [secrets.fill(v) for v in value]
        for key, value in url.query.items()
    }
    return url.set(query=query, **known)  # type: ignore[arg-type]


def _refuse_parameters(url: URL, shown: str) -> None:
    """Refuse an address that does more than lead to a database.

    Raises:
        BadData: names the parameter.
    """
    known = PARAMETERS | ({"mode", "uri"} if url.get_backend_name() == "sqlite" else set())
    for name, value in url.query.items():
        # ODBC's names of drivers; a path would be a library.
        driver = name == "driver" and not set("/\\.") & set(str(value))
        if name.lower() not in known and not driver:
            raise BadData(
                f"'source.sql' may say how a database is reached: {shown}",
                f"parameter '{name}'",
                f"Known: {', '.join(sorted(PARAMETERS))}",
            )


def _with_driver(url: URL) -> URL:
    if url.drivername != "postgresql":
        return url
    driver = next((name for name in POSTGRESQL if find_spec(name)), POSTGRESQL[0])
    return url.set(drivername=f"postgresql+{driver}")


def _answer(url: URL, shown: str, query: str, secrets: Secrets) -> pd.DataFrame:
    import sqlalchemy

    # With pg8000, SQLAlchemy logs the traceback of each query that is refused.
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    try:
        engine = sqlalchemy.create_engine(url)
    except ModuleNotFoundError as error:
        raise BadData(
            f"The driver of '{url.get_backend_name()}' must be installed",
            str(error),
            f"pip install {error.name}",
        ) from None
    except sqlalchemy.exc.ArgumentError as error:
        raise BadData(
            "'source.sql' must name a database that SQLAlchemy knows", secrets.hide(str(error))
        ) from None
    try:
        connection = engine.connect()
    except sqlalchemy.exc.SQLAlchemyError as error:
        absent = (sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError)
        kind = Unreachable if isinstance(error, absent) else BadData
        raise kind(
            f"The database at {shown} must let us in",
            secrets.hide(_said(error)),
            "Mend 'source.sql', or run again when the database is up",
        ) from None
    try:
        with at_the_latest(shown), connection:
            _only_read(connection)
            frame = _rows(connection, query, shown)
            _refuse_cut(connection, shown)
            connection.rollback()
            return frame
    except sqlalchemy.exc.SQLAlchemyError as error:
        if _interrupted(error):
            raise OverLimit(
                f"The database at {shown} must answer within {current().seconds:g} seconds",
                remedy="Raise 'limits.seconds' in params.yaml if it may take longer",
            ) from None
        raise BadData(
            f"The database at {shown} must answer the query",
            secrets.hide(_said(error)),
            "Mend 'source.sql' or 'source.query'",
        ) from None
    finally:
        engine.dispose()


def _rows(connection: Connection, query: str, shown: str) -> pd.DataFrame:
    """The answer, counted block by block while it comes.

    Other than by `pandas.read_sql_query`, no whole number loses digits beside a missing one.

    Raises:
        BadData: it returns none, such as `SELECT ... INTO @variable`.
        OverLimit: more rows or columns than `limits` allows; no further row is fetched.
    """
    import pandas as pd
    import sqlalchemy

    # Without this, drivers of PostgreSQL and MySQL fetch every row before they give the first.
    streamed = {"stream_results": True}
    answer = connection.execute(sqlalchemy.text(query), execution_options=streamed)
    if not answer.returns_rows:
        raise BadData("'source.query' must return rows", query)
    names, rows = list(answer.keys()), list[tuple[Any, ...]]()
    check_table(shown, 0, len(names))
    while block := answer.fetchmany(BLOCK_ROWS):
        rows += map(tuple, block)
        check_table(shown, len(rows), len(names))
    columns = [exact(values) for values in zip(*rows, strict=True)] or [exact(())] * len(names)
    return pd.concat(columns, axis=1, keys=range(len(names))).set_axis(names, axis=1)


def _refuse_cut(connection: Connection, shown: str) -> None:
    """Refuse an answer that MySQL or MariaDB gave in part and with a warning alone.

    Raises:
        BadData: with the warning.
    """
    if connection.dialect.name not in ("mysql", "mariadb"):
        return
    for _, code, text in connection.exec_driver_sql("SHOW WARNINGS"):
        if code in CUT:
            raise BadData(
                f"The database at {shown} must give its whole answer",
                text,
                "Raise the variable of the server or ask for less",
            )


def _said(error: BaseException | None) -> str:
    """What the database itself said."""
    original = getattr(error, "orig", None) or error
    first = next(iter(getattr(original, "args", ())), None)
    # pg8000 hands on the fields of the server's message; M is the sentence.
    return str(first.get("M", first)) if isinstance(first, dict) else str(original)


def _interrupted(error: Exception) -> bool:
    """Whether the database stopped because the time was over."""
    original = getattr(error, "orig", None)
    interrupted = getattr(original, "sqlite_errorcode", None) == INTERRUPTED
    return interrupted or any(words in _said(error) for words in TIMED_OUT)


def _only_read(connection: Connection) -> None:
    """Let the database answer and do nothing else, as far as its kind has words for that."""
    import sqlite3

    import sqlalchemy

    held = connection.connection.dbapi_connection
    if isinstance(held, sqlite3.Connection):
        # A file that is opened for reading can still be copied into another, and others attached.
        held.set_authorizer(
            lambda action, *_: sqlite3.SQLITE_OK if action in ASKED else sqlite3.SQLITE_DENY
        )
        # A query that gives no row returns to Python only here, and an alarm waits for Python.
        until = time.monotonic() + current().seconds
        held.set_progress_handler(lambda: time.monotonic() > until, STEPS)
    elif connection.dialect.name in READ_ONLY:
        connection.execute(sqlalchemy.text("SET TRANSACTION READ ONLY"))
        of_mariadb = getattr(connection.dialect, "is_mariadb", False)
        kind = "mariadb" if of_mariadb else connection.dialect.name
        if kind in TIME:
            # Of others the process ends, and the server goes on.
            milliseconds = max(1, min(int(1000 * current().seconds), MOST_MILLISECONDS))
            connection.execute(sqlalchemy.text(TIME[kind].format(milliseconds)))
