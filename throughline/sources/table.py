"""The one form of a table between the stages: a Parquet file whose bytes depend on its rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from throughline.errors import BadData, listed, nearest
from throughline.tokens.token_rows import as_texts, write_windows

if TYPE_CHECKING:
    import datetime
    from pathlib import Path

    import pandas as pd
    import pyarrow as pa


# Whole numbers beyond it are not all exact as float64.
LARGEST_EXACT = 2**53
LARGEST_INTEGER = 2**63 - 1


def exact(values: Sequence[Any]) -> pd.Series:
    """A column of Python's values in which no whole number loses a digit.

    pandas makes whole numbers float64 where one is missing or another has a fraction: beyond 2^53
    that changes them, and as text 5 would be `5.0`, which no served row says.

    Example:
        >>> exact([9007199254740993, None]).dtype.name, exact([5, 1.5]).dtype.name
        ('Int64', 'object')
    """
    import pandas as pd

    kinds = {type(value) for value in values}
    if kinds == {int, type(None)} and all(v is None or -(2**63) <= v < 2**63 for v in values):
        return pd.Series(values, dtype="Int64")
    return pd.Series(values, dtype=object if int in kinds and len(kinds) > 1 else None)


def standardised(
    frame: pd.DataFrame, rename: Mapping[str, str], text_columns: Collection[str], where: str
) -> pd.DataFrame:
    """`frame` with renamed columns, each of one type, and rows counted from 0.

    Integers become int64, or float64 where some are missing, or texts where that would change one;
    other numbers float64 (missing is NaN), categories and texts strings in Unicode's form NFC,
    dates timestamps, durations and times of the day their seconds, structs and maps JSON; a column
    of arrays keeps the type of its numbers.

    Args:
        frame: rows of a source.
        rename: old to new column names.
        text_columns: columns whose values are kept as texts, by their new or old names.
        where: the source, for messages.

    Raises:
        BadData: no rows, no columns, a column's name twice, or a column with mixed types.
    """
    import pandas as pd

    if frame.shape[1] == 0 or len(frame) == 0:
        raise BadData(
            f"{where} must hold at least one row and one column",
            f"{len(frame)} rows, {frame.shape[1]} columns",
        )
    names = [str(name) for name in frame.columns]
    unknown = [name for name in rename if name not in names]
    if unknown:
        raise BadData(
            f"'source.read.rename' names a column of {where}",
            unknown[0],
            nearest(unknown[0], names),
        )
    names = [rename.get(name, name) for name in names]
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise BadData(
            f"Every column of {where} needs a name of its own",
            f"more than once: {listed(repeated)}",
            "Give all names in 'source.read.columns'",
        )
    shapes, frame = frame.attrs.get("shapes", {}), without_attrs(frame)
    columns = {
        name: _standard(_as_text(frame.iloc[:, position], name, text_columns), name, where)
        for position, name in enumerate(names)
    }
    result = pd.DataFrame(columns, copy=False)
    result.attrs["shapes"] = {
        rename.get(str(name), str(name)): list(shape) for name, shape in shapes.items()
    }
    return result


def without_attrs(frame: pd.DataFrame) -> pd.DataFrame:
    """The same table without `attrs`, which pandas copies for each column that is taken."""
    bare = frame.copy(deep=False)
    bare.attrs = {}
    return bare


def only_known(frame: pd.DataFrame, columns: Collection[str], where: str) -> pd.DataFrame:
    """The rows of a source in which these columns are known; whole numbers become that again.

    Args:
        frame: rows of a source.
        columns: that must be known, by their old names.
        where: the source, for messages.

    Raises:
        BadData: a column that is not there.
    """
    for name in columns:
        if name not in frame.columns:
            raise BadData(
                f"'source.read.known' names a column of {where}", name, nearest(name, frame.columns)
            )
    if not columns:
        return frame
    kept = frame.dropna(subset=list(columns)).reset_index(drop=True)
    for name in columns:
        values = kept[name]
        if values.dtype.kind == "f" and (values % 1 == 0).all():
            kept[name] = values.astype("int64")
        elif values.dtype.kind == "O":
            kept[name] = values.infer_objects()
    kept.attrs = frame.attrs
    return kept


def without_infinite(frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with infinite numbers missing."""
    import numpy as np

    for name in frame.columns:
        values = frame[name]
        if values.dtype.kind == "f" and np.isinf(values.to_numpy()).any():
            frame[name] = values.where(~np.isinf(values))
    return frame


def _as_text(column: pd.Series, name: str, text_columns: Collection[str]) -> pd.Series:
    if name not in text_columns and column.name not in text_columns:
        return column
    return column.map(str, na_action="ignore").astype("str")


def _composed(column: pd.Series) -> pd.Series:
    """Texts in which é is one character however it was typed, as served ones are."""
    if column.dropna().map(str.isascii).all():
        return column
    return column.str.normalize("NFC")


def _standard(column: pd.Series, name: str, where: str) -> pd.Series:
    import pandas as pd
    from pandas.api import types

    column = column.reset_index(drop=True)
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    if types.is_bool_dtype(column.dtype):
        # No bool says that it is missing; 1 and 0 beside it do.
        return column.astype("float64" if column.isna().any() else bool)
    if types.is_integer_dtype(column.dtype):
        known = column.dropna()
        most = LARGEST_INTEGER if len(known) == len(column) else LARGEST_EXACT
        if len(known) and (known.max() > most or known.min() < -most - 1):
            return column.map(str, na_action="ignore").astype("str")
        return column.astype("int64" if len(known) == len(column) else "float64")
    if types.is_numeric_dtype(column.dtype):
        return column.astype("float64")
    if types.is_timedelta64_dtype(column.dtype):
        seconds: pd.Series = column.dt.total_seconds()
        return seconds
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    if types.is_datetime64_any_dtype(column.dtype):
        return column.astype("datetime64[us]")
    if isinstance(column.dtype, pd.StringDtype):
        return _composed(column.astype("str"))
    return _one_type(column, name, where)


def _one_type(column: pd.Series, name: str, where: str) -> pd.Series:
    """A column of Python objects, which must all be of one kind."""
    import pandas as pd

    present = column.notna() if not _holds_arrays(column) else column.map(lambda v: v is not None)
    kinds = column[present].map(_kind)
    if kinds.empty:
        return column.astype("float64")
    first = kinds.iloc[0]
    if first == "mapping":
        return column.map(_as_json, na_action="ignore").astype("str")
    others = kinds[kinds != first]
    if not others.empty:
        row = others.index[0]
        raise BadData(
            f"Column '{name}' of {where} must hold one type of value",
            f"{first} in row {kinds.index[0] + 1}, {others.iloc[0]} in row {row + 1}: "
            f"{column[row]!r}",
            "Mend the values, or list the column in 'source.read.text_columns'",
        )
    if first == "boolean":
        return column.astype("float64" if not present.all() else bool)
    if first == "number" and any(map(_loses_digits, column[present])):
        return column.map(str, na_action="ignore").astype("str")
    if first == "number":
        return pd.to_numeric(column).astype("float64")
    if first == "text":
        return _composed(column.astype("str"))
    if first == "time of day":
        return column.map(_seconds_of_day, na_action="ignore").astype("float64")
    if first == "time":
        return pd.to_datetime(column).astype("datetime64[us]")
    return column


def _loses_digits(value: Any) -> bool:
    """Whether a whole number is no float64: such are names of things, not quantities."""
    import decimal

    if isinstance(value, (int, decimal.Decimal)):
        return not -LARGEST_EXACT <= value <= LARGEST_EXACT and value == int(value)
    return False


def _seconds_of_day(moment: datetime.time) -> float:
    return 3600 * moment.hour + 60 * moment.minute + moment.second + moment.microsecond / 1e6


def _is_map(value: Any) -> bool:
    """Whether a value is a map as pyarrow gives it: a list of pairs with a name in front."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(pair, tuple) and len(pair) == 2 for pair in value)
        and all(isinstance(pair[0], str) for pair in value)
    )


def _as_json(value: Any) -> str:
    import json

    return json.dumps(value if isinstance(value, dict) else dict(value), default=str)


def _holds_arrays(column: pd.Series) -> bool:
    import numpy as np

    return any(isinstance(value, (list, tuple, np.ndarray)) for value in column.iloc[:1000])


def _kind(value: Any) -> str:
    import datetime
    import decimal

    import numpy as np

    if isinstance(value, (bool, np.bool_)):
        return "boolean"
    if isinstance(value, (int, float, decimal.Decimal, np.number)):
        return "number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, (datetime.date, datetime.datetime)):
        return "time"
    if isinstance(value, datetime.time):
        return "time of day"
    if isinstance(value, bytes):
        return "bytes"
    if isinstance(value, dict) or _is_map(value):
        return "mapping"
    if isinstance(value, (list, tuple, np.ndarray)):
        return "array"
    return type(value).__name__


def as_arrow(frame: pd.DataFrame) -> pa.Table:
    """`frame` as an Arrow table without pandas' metadata, which name versions.

    Raises:
        BadData: a column cannot be stored; names it.
    """
    import pyarrow as pa

    arrays = {}
    for name in frame.columns:
        try:
            array = pa.array(frame[name], from_pandas=True)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            raise BadData(f"Column '{name}' must hold values of one type", str(error)) from None
        if pa.types.is_large_string(array.type):
            array = array.cast(pa.string())
        arrays[str(name)] = array
    return pa.table(arrays)


def write_rows(frame: pd.DataFrame, path: Path) -> None:
    """Write rows as Parquet, with the tokens of windows beside it; equal rows give equal bytes."""
    import pyarrow.parquet as parquet

    parquet.write_table(
        as_arrow(write_windows(frame, path)),
        path,
        compression="zstd",
        version="2.6",
        data_page_version="1.0",
        row_group_size=1 << 20,
        store_schema=True,
    )


def described(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Name, type and number of missing values of each column, for provenance.json."""
    schema = as_arrow(as_texts(frame.head(1000))).schema
    shapes = frame.attrs.get("shapes", {})
    return [
        {
            "name": name,
            "type": _type_name(schema.field(name).type),
            "missing": int(frame[name].isna().sum()),
            **({"shape": shapes[name]} if name in shapes else {}),
        }
        for name in map(str, frame.columns)
    ]


def _type_name(kind: pa.DataType) -> str:
    import pyarrow as pa

    for name, holds in (
        ("boolean", pa.types.is_boolean),
        ("integer", pa.types.is_integer),
        ("number", pa.types.is_floating),
        ("string", pa.types.is_string),
        ("time", pa.types.is_timestamp),
        ("bytes", pa.types.is_binary),
        ("array", pa.types.is_list),
    ):
        if holds(kind):
            return name
    return str(kind)
