"""Rows that a database returns."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tasks.errors import BadData
from tasks.sources.registry import Fetched, Surroundings, source

if TYPE_CHECKING:
    from tasks.config.source import Source


@source("sql")
def bring(settings: Source, surroundings: Surroundings) -> Fetched:
    """The rows of `query` from the database at `sql`, a SQLAlchemy URL.

    `$NAME` in the URL is taken from the environment, so that no password stands in the file; the
    password never reaches provenance.json. A query without ORDER BY may return its rows in
    another order next time, and then everything after it runs again.

    Raises:
        BadData: the URL cannot be understood, the driver is absent or the database refuses.
    """
    import pandas as pd
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
    try:
        engine = sqlalchemy.create_engine(url)
        with engine.connect() as connection:
            frame = pd.read_sql_query(sqlalchemy.text(settings.query or ""), connection)
    except ModuleNotFoundError as error:
        raise BadData(
            f"The driver of '{url.get_backend_name()}' must be installed",
            str(error),
            f"pip install {error.name}",
        ) from None
    except (sqlalchemy.exc.SQLAlchemyError, pd.errors.DatabaseError) as error:
        cause = error.__cause__ if isinstance(error, pd.errors.DatabaseError) else error
        raise BadData(
            f"The database at {shown} must answer the query",
            str(getattr(cause, "orig", None) or cause),
            "Mend 'source.sql' or 'source.query'",
        ) from None
    return Fetched(frame, {"source": shown, "query": settings.query})


def _with_environment(url: str) -> str:
    """`url` with `$NAME` replaced; a name that the environment lacks is an error."""
    expanded = os.path.expandvars(url)
    if "$" in expanded:
        raise BadData(
            "Every $NAME in 'source.sql' must be set in the environment", url.partition("@")[0]
        )
    return expanded
