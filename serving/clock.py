"""When rows were measured: from the columns of a table to seconds and to steps of a grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from serving.errors import BadRequest


def seconds(columns: Mapping[str, Any], index: Mapping[str, Any]) -> np.ndarray:
    """Seconds of the wall clock since 1970, for each row.

    Args:
        columns: the raw columns.
        index: `columns` to join by a space, `formats` of `strptime`, and `hour`, a column of hours
            to add, if any.

    Returns:
        int64 of shape (rows,).

    Raises:
        BadRequest: a column that is not there, a value that is no time.
    """
    for name in [*index["columns"], *([index["hour"]] if index.get("hour") else [])]:
        if name not in columns:
            raise BadRequest(
                f"The time column '{name}' is needed, so that the order of the rows is known. "
                f"Received: {', '.join(map(str, columns))}."
            )
    parts = [columns[name] for name in index["columns"]]
    if len(parts) == 1 and isinstance(parts[0], np.ndarray) and parts[0].dtype.kind == "M":
        return parts[0].astype("datetime64[s]").astype(np.int64)
    joined = [" ".join(map(_plain, values)) for values in zip(*parts, strict=True)]
    result = _read(joined, index.get("formats") or [])
    if index.get("hour"):
        hours = np.asarray([float(value) for value in columns[index["hour"]]])
        result = result + np.round(hours * 3600).astype(np.int64)
    return result


def _plain(value: Any) -> str:
    """Whole numbers of a table that holds floats lose their `.0`."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _read(texts: Sequence[str], formats: Sequence[str]) -> np.ndarray:
    if not formats:
        try:
            naive = [text.removesuffix("Z") for text in texts]
            return np.array(naive, dtype="datetime64[s]").astype(np.int64)
        except ValueError:
            pass
    return np.array([_one(text, formats, row) for row, text in enumerate(texts)], dtype=np.int64)


def _one(text: str, formats: Sequence[str], row: int) -> int:
    if not formats:
        try:
            return int(np.datetime64(text.removesuffix("Z"), "s").astype(np.int64))
        except ValueError:
            pass
    for form in formats:
        try:
            return round(datetime.strptime(text, form).replace(tzinfo=UTC).timestamp())
        except ValueError:
            continue
    wanted = " or ".join(formats) if formats else "an ISO 8601 time such as 2009-01-31 10:00:00"
    raise BadRequest(f"Row {row + 1}: the time must be {wanted}. Received: '{text:.80}'.")


def utc(clock: np.ndarray, zone: str | None) -> np.ndarray:
    """Seconds since 1970 in UTC of a wall clock; an hour that comes twice is in order of rows.

    Args:
        clock: int64 seconds of the wall clock.
        zone: its time zone, or None for a clock without summer time.
    """
    if zone is None:
        return clock
    import zoneinfo

    place = zoneinfo.ZoneInfo(zone)
    result = np.empty_like(clock)
    last = -(2**62)
    for row, value in enumerate(clock.tolist()):
        naive = datetime.fromtimestamp(value, UTC).replace(tzinfo=None)
        moment = int(naive.replace(tzinfo=place).timestamp())
        if moment <= last:
            later = int(naive.replace(tzinfo=place, fold=1).timestamp())
            moment = later if later > last else moment
        result[row] = last = moment
    return result


def steps(moments: np.ndarray, grid: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """The number of each row's step on the grid, and whether it lies exactly on it.

    Args:
        moments: int64 seconds since 1970.
        grid: `every` and `unit` (`s` or `mo`), and `origin`, the seconds that every step is past
            a multiple of it.
    """
    if grid["unit"] == "s":
        shifted = moments - grid["origin"]
        return shifted // grid["every"], shifted % grid["every"] == 0
    months = moments.astype("datetime64[s]").astype("datetime64[M]")
    into = moments - months.astype("datetime64[s]").astype(np.int64)
    return months.astype(np.int64), into == grid["origin"]


def moments_of(numbers: np.ndarray, grid: Mapping[str, Any]) -> np.ndarray:
    """The seconds since 1970 of steps; the inverse of `steps`."""
    if grid["unit"] == "s":
        return np.asarray(numbers * grid["every"] + grid["origin"])
    months = numbers.astype("datetime64[M]")
    return np.asarray(months.astype("datetime64[s]").astype(np.int64) + grid["origin"])


def wall_clock(moments: np.ndarray, zone: str | None) -> np.ndarray:
    """Seconds of the wall clock of moments in UTC."""
    if zone is None:
        return moments
    import zoneinfo

    place = zoneinfo.ZoneInfo(zone)
    offsets = (datetime.fromtimestamp(m, place).utcoffset() for m in moments.tolist())
    # Never none, for a moment that has a zone; an offset of zero is false.
    ahead = [int(offset.total_seconds()) if offset is not None else 0 for offset in offsets]
    return np.asarray(moments + np.array(ahead, dtype=np.int64))
