"""When rows were measured: from the columns of a table to seconds and to steps of a grid."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from throughline.serving.errors import BadRequest
from throughline.serving.rows.spelled import spelled

# A time of the day that says how far its clock is from UTC.
OFFSET = re.compile(r":\d\d(\.\d+)?(Z|[+-]\d\d(:?\d\d)?)$")
# Formats of moments in UTC that are numbers: how many of them are a second since 1970.
EPOCHS = {"epoch": 1, "epoch-ms": 1000, "epoch-us": 1_000_000, "epoch-ns": 1_000_000_000}
# A year and its months or quarters as parts of it, as R writes series: 1974.083 is February 1974.
DECIMAL_YEAR, MONTHS, MONTHS_OFF = "decimal-year", 12, 0.1
# Days as spreadsheets count them, from a day on which 60 is 29 February 1900, which was none.
SPREADSHEET, FIRST_DAY = "spreadsheet-days", datetime(1899, 12, 30)
# The quarter of a year, from 1 to 4; it is known by its first day.
QUARTER = "%q"
# The years 0 to 9999; what lies outside was no time, or none is given.
DAY = 86_400
FIRST, LAST = -62_167_219_200, 253_402_300_799


def seconds(columns: Mapping[str, Any], index: Mapping[str, Any]) -> np.ndarray:
    """Seconds of the wall clock since 1970, for each row.

    Args:
        columns: the raw columns.
        index: `columns` to join by a space, `formats` of `strptime`, `hour`, a column of hours to
            add, if any, and `zone` of the wall clock. A time that says its offset from UTC is
            brought to that clock, or without a zone to UTC.

    Returns:
        int64 of shape (rows,).

    Raises:
        BadRequest: a column that is not there, a value that is no time.
    """
    hour = index.get("hour")
    for name in [*index["columns"], *([hour] if hour else [])]:
        if name not in columns:
            raise BadRequest(
                f"The time column '{name}' is needed, so that the order of the rows is known. "
                f"Received: {', '.join(map(str, columns))}."
            )
    parts = [columns[name] for name in index["columns"]]
    lengths = [len(values) for values in (*parts, *([columns[hour]] if hour else []))]
    if len(set(lengths)) > 1:
        raise BadRequest(f"The time columns must have the same length. Received: {lengths}.")
    formats = index.get("formats") or []
    if len(parts) == 1 and isinstance(parts[0], np.ndarray) and parts[0].dtype.kind == "M":
        texts: Any = parts[0]
        result = parts[0].astype("datetime64[s]").astype(np.int64)
    else:
        texts = [" ".join(map(_plain, values)) for values in zip(*parts, strict=True)]
        result = _read(texts, formats, index.get("zone"))
    strange = (result < FIRST) | (result > LAST)
    if strange.any():
        row = int(np.flatnonzero(strange)[0])
        raise _unreadable(str(texts[row]), formats, row)
    return result + _hours(hour, columns[hour]) if hour else result


def _hours(name: str, values: Sequence[Any]) -> np.ndarray:
    """Hours of the day in seconds; 24 is the next midnight."""
    result = np.zeros(len(values), dtype=np.int64)
    for row, value in enumerate(values):
        try:
            hour = float(value)
        except (TypeError, ValueError):
            hour = -1
        if not 0 <= hour <= 24:
            raise BadRequest(
                f"Row {row + 1}, column '{name}' must be an hour from 0 to 24. "
                f"Received: {value!r:.80}."
            )
        result[row] = round(hour * 3600)
    return result


def _plain(value: Any) -> str:
    """Whole numbers of a table that holds floats lose their `.0`."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _read(texts: Sequence[str], formats: Sequence[str], zone: str | None) -> np.ndarray:
    if not formats:
        texts = [spelled(text, "") for text in texts]
    if zone is None:
        texts = [text.removesuffix("Z") for text in texts]
    if not formats and not any(map(OFFSET.search, texts)):
        try:
            return np.array(texts, dtype="datetime64[s]").astype(np.int64)
        except ValueError:
            pass
    found = [_one(text, formats, zone, row) for row, text in enumerate(texts)]
    return np.array(found, dtype=np.int64)


def _one(text: str, formats: Sequence[str], zone: str | None, row: int) -> int:
    try:
        if not formats and OFFSET.search(text):
            return _on_the_wall(datetime.fromisoformat(text), zone)
        if not formats:
            return int(np.datetime64(text, "s").astype(np.int64))
    except ValueError:
        pass
    for form in formats:
        try:
            return _on_the_wall(_by_format(text, form), zone)
        except (ValueError, OverflowError, OSError):
            continue
    raise _unreadable(text, formats, row)


def _by_format(text: str, form: str) -> datetime:
    """A time by a format of `strptime`, or by one of ours that it has no letter for."""
    if form in EPOCHS:
        return datetime.fromtimestamp(float(text) / EPOCHS[form], UTC)
    if form == SPREADSHEET:
        return FIRST_DAY + timedelta(seconds=round(DAY * float(text)))
    if form == DECIMAL_YEAR:
        months = round(MONTHS * float(text))
        if abs(months - MONTHS * float(text)) > MONTHS_OFF:
            raise ValueError(text)
        return datetime(months // MONTHS, months % MONTHS + 1, 1)
    if QUARTER in form:
        pattern = re.escape(form).replace("%Y", r"(?P<year>\d{4})").replace(QUARTER, "(?P<q>[1-4])")
        found = re.fullmatch(pattern, text)
        if found is None:
            raise ValueError(text)
        return datetime(int(found["year"]), 3 * int(found["q"]) - 2, 1)
    if "%V" in form and not any(day in form for day in ("%u", "%a", "%A", "%w")):
        # A week is known by its Monday.
        text, form = f"{text} 1", f"{form} %u"
    return datetime.strptime(spelled(text, form), form)


def _on_the_wall(moment: datetime, zone: str | None) -> int:
    """Seconds of the wall clock; a moment without an offset was read from it."""
    if moment.tzinfo is not None:
        import zoneinfo

        moment = moment.astimezone(zoneinfo.ZoneInfo(zone) if zone else UTC)
    return int(moment.replace(microsecond=0, tzinfo=UTC).timestamp())


def _unreadable(text: str, formats: Sequence[str], row: int) -> BadRequest:
    wanted = " or ".join(formats) if formats else "an ISO 8601 time such as 2009-01-31 10:00:00"
    return BadRequest(f"Row {row + 1}: the time must be {wanted}. Received: '{text:.80}'.")


def utc(
    clock: np.ndarray,
    zone: str | None,
    starts: np.ndarray | None = None,
    after: int | None = None,
) -> np.ndarray:
    """Seconds since 1970 in UTC of a wall clock; an hour that comes twice is in order of rows.

    A series that begins in such an hour and does not come back to it begins the second time.

    Args:
        clock: int64 seconds of the wall clock, each series oldest first.
        zone: its time zone, or None for a clock without summer time.
        starts: whether a row is the first of a series. Default: all rows are one series.
        after: the moment of the row before the first one. Default: there is none.
    """
    if zone is None:
        return clock
    first, second = _both(clock, zone)
    result = first.copy()
    begins = np.zeros(len(clock), dtype=bool) if starts is None else starts
    for row in np.flatnonzero(second > first).tolist():
        last = after
        if row:
            last = None if begins[row] else int(result[row - 1])
        if last is None:
            again = _left_at_once(clock, begins, first == second, row)
        else:
            again = first[row] <= last < second[row]
        result[row] = second[row] if again else first[row]
    return result


def _both(clock: np.ndarray, zone: str) -> tuple[np.ndarray, np.ndarray]:
    """The moments in UTC when a clock shows a time for the first and for the second time."""
    import zoneinfo

    place = zoneinfo.ZoneInfo(zone)

    def moment(value: int, fold: int) -> int:
        naive = datetime.fromtimestamp(value, UTC).replace(tzinfo=None)
        return int(naive.replace(tzinfo=place, fold=fold).timestamp())

    days, at = np.unique(clock // 86400, return_inverse=True)
    edges = [
        [day * 86400 - moment(day * 86400, 0), (day + 1) * 86400 - moment((day + 1) * 86400, 1)]
        for day in days.tolist()
    ]
    ahead = np.array(edges, dtype=np.int64).reshape(-1, 2)[at]
    first = clock - ahead[:, 0]
    second = first.copy()
    # A day that ends as it began has one offset; only on the others each row is looked up.
    for row in np.flatnonzero(ahead[:, 0] != ahead[:, 1]).tolist():
        first[row], second[row] = (moment(int(clock[row]), fold) for fold in (0, 1))
    return first, second


def _left_at_once(clock: np.ndarray, begins: np.ndarray, once: np.ndarray, row: int) -> bool:
    """Whether a series that begins in an hour that comes twice goes on after it, not back in it."""
    for later in range(row + 1, len(clock)):
        if begins[later] or clock[later] <= clock[later - 1]:
            return False
        if once[later]:
            return True
    return False


def steps(moments: np.ndarray, grid: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """The number of each row's step on the grid, and whether it lies exactly on it.

    Args:
        moments: int64 seconds since 1970.
        grid: `every` and `unit` (`s`, `b` for days from Monday to Friday, or `mo`); `origin`, the
            seconds that every step is past a multiple of it, past midnight, or past the beginning
            of the month, or if negative before its end; of several months `phase`, the months that
            every step is past a multiple of it.
    """
    if grid["unit"] == "s":
        shifted = moments - grid["origin"]
        return shifted // grid["every"], shifted % grid["every"] == 0
    if grid["unit"] == "b":
        days = (moments // DAY).astype("datetime64[D]")
        exact = np.is_busday(days) & (moments % DAY == grid["origin"])
        return np.busday_count(np.datetime64(0, "D"), days).astype(np.int64), exact
    months = moments.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
    into = moments - _month_edges(months, grid)
    numbers, rest = np.divmod(months - grid.get("phase", 0), grid["every"])
    return numbers, (into == grid["origin"]) & (rest == 0)


def moments_of(numbers: np.ndarray, grid: Mapping[str, Any]) -> np.ndarray:
    """The seconds since 1970 of steps; the inverse of `steps`."""
    if grid["unit"] == "s":
        return np.asarray(numbers * grid["every"] + grid["origin"])
    if grid["unit"] == "b":
        days = np.busday_offset(np.datetime64(0, "D"), numbers, roll="forward")
        return np.asarray(days.astype(np.int64) * DAY + grid["origin"])
    months = np.asarray(numbers) * grid["every"] + grid.get("phase", 0)
    return np.asarray(_month_edges(months, grid) + grid["origin"])


def _month_edges(months: np.ndarray, grid: Mapping[str, Any]) -> np.ndarray:
    """The second at which months, counted since 1970, begin, or end where the grid says so."""
    edges = (months + (grid["origin"] < 0)).astype("datetime64[M]")
    return np.asarray(edges.astype("datetime64[s]").astype(np.int64))


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
