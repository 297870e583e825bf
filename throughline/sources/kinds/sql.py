"""Rows that a database returns."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING

from throughline.errors import BadData, Unreachable
from throughline.sources.registry import Fetched, Surroundings, source

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import URL

    from throughline.pipeline.schema.source import Source

# Drivers that `postgresql://` alone may mean, as SQLAlchemy names them, the usual one first.
POSTGRESQL = ("psycopg2", "psycopg", "pg8000")


@source("sql")
def bring(settings: Source, surroundings: Surroundings) -> Fetched:
    """The rows of `query` from the database at `sql`, a SQLAlchemy URL.

    `$NAME` in the URL is taken from the environment, so that no password stands in the file; the
    password never reaches provenance.json. `postgresql://` takes whichever driver is installed. A
    query without ORDER BY may return its rows in another order next time, and then everything after
    it runs again.

    Raises:
        BadData: the URL cannot be understood, the driver is absent or the database refuses.
        Unreachable: no connection comes about.
    """
    import sqlalchemy

    try:
        url = sqlalchemy.make_url(_with_environment(settings.sql or ""))
    except sqlalchemy.exc.ArgumentError as error:
        raise BadData(
            "'source.sql' must be a SQLAlchemy URL such as sqlite:///data.db", str(error)
        ) from None
    shown = url.render_as_string(hide_password=True)
    if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
        path = surroundings.root / str(url.database)
        if not path.exists():
            # SQLite would make an empty database of that name.
            raise BadData(f"SQLite file '{path}' must exist", remedy="Mend 'source.sql'")
        url = url.set(database=str(path))
    frame = _answer(_with_driver(url), shown, settings.query or "")
    return Fetched(frame, {"source": shown, "query": settings.query})


def _with_driver(url: URL) -> URL:
    if url.drivername != "postgresql":
        return url
    driver = next((name for name in POSTGRESQL if find_spec(name)), POSTGRESQL[0])
    return url.set(drivername=f"postgresql+{driver}")


def _answer(url: URL, shown: str, query: str) -> pd.DataFrame:
    import pandas as pd
    import sqlalchemy

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
            "'source.sql' must name a database that SQLAlchemy knows", str(error)
        ) from None
    try:
        connection = engine.connect()
    except sqlalchemy.exc.SQLAlchemyError as error:
        absent = (sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError)
        kind = Unreachable if isinstance(error, absent) else BadData
        raise kind(
            f"The database at {shown} must let us in",
            _said(error),
            "Mend 'source.sql', or run again when the database is up",
        ) from None
    try:
        with connection:
            frame: pd.DataFrame = pd.read_sql_query(sqlalchemy.text(query), connection)
            return frame
    except (sqlalchemy.exc.SQLAlchemyError, pd.errors.DatabaseError) as error:
        cause = error.__cause__ if isinstance(error, pd.errors.DatabaseError) else error
        raise BadData(
            f"The database at {shown} must answer the query",
            _said(cause),
            "Mend 'source.sql' or 'source.query'",
        ) from None
    finally:
        engine.dispose()


def _said(error: BaseException | None) -> str:
    """What the database itself said."""
    original = getattr(error, "orig", None) or error
    first = next(iter(getattr(original, "args", ())), None)
    # pg8000 hands on the fields of the server's message; M is the sentence.
    return str(first.get("M", first)) if isinstance(first, dict) else str(original)


def _with_environment(url: str) -> str:
    """`url` with `$NAME` replaced; a name that the environment lacks is an error."""
    expanded = os.path.expandvars(url)
    if "$" in expanded:
        raise BadData(
            "Every $NAME in 'source.sql' must be set in the environment", url.partition("@")[0]
        )
    return expanded
