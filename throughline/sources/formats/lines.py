"""Text files with one row a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from throughline.errors import BadData
from throughline.sources.formats.content import decoded
from throughline.sources.formats.delimited import body

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.schema.source import Read

FORMATS = {"lines": {"suffixes": (".txt",), "lines": True}}


def read(content: bytes, name: str, settings: Read) -> tuple[pd.DataFrame, dict[str, Any]]:
    """One row a line in the column `text`, or as `columns` names it; empty lines are left out."""
    import pandas as pd

    columns = settings.columns or ["text"]
    if len(columns) != 1:
        raise BadData(
            f"'{name}' is read line by line into one column, as 'source.read.columns' names it",
            columns,
            "Set 'source.read.format: csv' for a table",
        )
    text = body(decoded(content, name, settings.encoding), name, settings)
    rows = [line for line in text.replace("\r\n", "\n").split("\n") if line.strip()]
    return pd.DataFrame({columns[0]: pd.Series(rows, dtype="str")}), {"encoding": settings.encoding}
