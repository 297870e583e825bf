"""Parquet files."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from throughline.errors import BadData
from throughline.limits import Budget, check, check_table

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

    batches, rows, size = [], 0, 0
    try:
        file = parquet.ParquetFile(io.BytesIO(content))
        check(name, "columns", file.metadata.num_columns)
        check(name, "rows", file.metadata.num_rows)
        budget = Budget(name, len(content))
        for batch in file.iter_batches():
            # A run of equal values is a few bytes in the file, however long it is.
            rows, size = rows + batch.num_rows, size + batch.nbytes
            check_table(name, rows, batch.num_columns)
            check(name, "bytes", size, "bytes in memory")
            budget.take(batch.nbytes)
            batches.append(batch)
        table = pa.Table.from_batches(batches, file.schema_arrow)
    except MemoryError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise BadData(
            f"'{name}' must be a sound Parquet file", str(error), "Fetch it again"
        ) from None
    return table.to_pandas(ignore_metadata=True), {}
