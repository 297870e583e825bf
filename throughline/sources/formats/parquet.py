"""Parquet files."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from throughline.errors import BadData

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.schema.source import Read


def read(content: bytes, name: str, settings: Read) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The table in a Parquet file; an index of its writer becomes columns.

    Raises:
        BadData: no sound Parquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as parquet

    try:
        table = parquet.read_table(io.BytesIO(content))
    except (pa.ArrowException, OSError) as error:
        raise BadData(
            f"'{name}' must be a sound Parquet file", str(error), "Fetch it again"
        ) from None
    return table.to_pandas(ignore_metadata=True), {}
