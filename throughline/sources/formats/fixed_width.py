"""Text files whose columns stand at fixed positions."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from throughline.errors import BadData
from throughline.sources.cells import unsettled
from throughline.sources.formats.content import decoded
from throughline.sources.formats.delimited import body

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.schema.source import Read

FORMATS = {"fixed": {"lines": True}}


def read(content: bytes, name: str, settings: Read) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The table in a text file; the positions are found from its first hundred lines.

    Raises:
        BadData: the names in `columns` do not fit the columns that were found.
    """
    import pandas as pd

    text = body(decoded(content, name, settings.encoding), name, settings)
    header = 0 if settings.header else None
    try:
        frame = pd.read_fwf(
            io.StringIO(text),
            header=header,
            keep_default_na=False,
            na_filter=False,
            dtype=str,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise BadData(f"'{name}' must be a table of fixed columns", str(error)) from None
    if settings.columns is not None:
        if len(settings.columns) != frame.shape[1]:
            raise BadData(
                f"'source.read.columns' must name the {frame.shape[1]} columns of '{name}'",
                f"{len(settings.columns)} names",
            )
        frame.columns = settings.columns
    elif not settings.header:
        frame.columns = [f"column_{i + 1}" for i in range(frame.shape[1])]
    frame.columns = frame.columns.map(str)
    return unsettled(frame, {"encoding": settings.encoding}), {"encoding": settings.encoding}
