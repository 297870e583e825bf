"""Parquet files."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from throughline.errors import BadData
from throughline.limits import Budget, check, check_table
from throughline.sources.table import LARGEST_EXACT

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

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
    objects = any(_beyond(column) for column in table.columns if column.null_count)
    return table.to_pandas(ignore_metadata=True, integer_object_nulls=objects), {}


def _beyond(column: pa.ChunkedArray) -> bool:
    """Whether whole numbers are too large to be exact beside missing ones, as float64."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_integer(column.type) or column.type.bit_width < 64:
        return False
    held = pc.min_max(column).as_py()
    return any(value is not None and abs(value) > LARGEST_EXACT for value in held.values())
