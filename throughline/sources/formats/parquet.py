"""Parquet files."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from throughline.errors import BadData
from throughline.limits import Budget, check, check_table

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from throughline.pipeline.schema.source import Read

FORMATS = {"parquet": {"suffixes": (".parquet",)}}


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
    frame = table.to_pandas(ignore_metadata=True)
    for place, column in enumerate(table.columns):
        if column.null_count and pa.types.is_integer(column.type):
            # pandas' own way is float64: 5.0 as a text, and not exact beyond 2^53.
            frame.isetitem(place, _whole(column))
    return frame, {}


def _whole(column: pa.ChunkedArray) -> pd.Series:
    """Whole numbers of which some are missing, as pandas' Int64, or UInt64."""
    import pandas as pd
    import pyarrow as pa

    kinds: dict[Any, Any] = {pa.int64(): pd.Int64Dtype(), pa.uint64(): pd.UInt64Dtype()}
    wide = pa.uint64() if pa.types.is_unsigned_integer(column.type) else pa.int64()
    whole: pd.Series = column.cast(wide).to_pandas(types_mapper=kinds.get)
    return whole
