"""Columns that say when, in whatever way they say it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.serving.errors import BadRequest
from throughline.serving.rows import clock

if TYPE_CHECKING:
    import pandas as pd

    from throughline.profile.facts import Fact

Moments = np.ndarray

DATES = (
    "%d.%m.%Y", "%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d-%b-%y", "%d-%b-%Y",
    "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%b %d %Y", "%b %d, %Y", "%B %d %Y", "%B %d, %Y",
    "%d %b %Y", "%d %B %Y", "%Y%m%d", "%b-%Y", "%b %Y", "%B %Y", "%m/%Y", "%YQ%q", "%Y-Q%q",
    "%Y Q%q", "Q%q %Y", "Q%q%Y", "Q%q-%Y", "%Y %b", "%Y-%b", "%Y %B", "%b-%y", "%b %y", "%B %y",
    "%m/%y", "%Y/%m", "%b-%d-%Y", "%d. %B %Y", "%d. %b %Y", "%GW%V", "%G-W%V", "%G W%V", "%G/W%V",
)  # fmt: skip
HOURS = ("%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p", "%I %p")
# Of several readings the first one that makes a regular series is taken.
DAYS = ("%Y-%m-%d", *DATES[:18])
FORMATS = (*DATES, *(f"{day} {hour}" for day in DAYS[:-1] for hour in HOURS))
# What columns beside a date are called that say the hour.
CLOCKS = {"hour", "hours", "hr", "time", "clock", "uhrzeit", "stunde", "heure", "hora", "ora", "he",
          "hour_ending", "hour ending"}  # fmt: skip
# Where hours are counted from 1, the last one is the next midnight; it is added to the day.
LAST_HOUR, HOUR_ADDED = 24, "hour"
# A week or a day as part of a year, written with two digits or more.
SHORTEST_PART, UNEVEN, MOSTLY_EVEN = 1 / 400, 0.6, 0.9
# Words of columns that hold years, beside those of times; decades go farther back than years do.
OF_YEARS, FIRST_YEAR = ("year", "decade", "census", "century"), 500
# Columns that say when together.
PARTS = (
    (("year", "month", "day", "hour"), "%Y %m %d %H"),
    (("year", "month", "day"), "%Y %m %d"),
    (("year", "month"), "%Y %m"),
    (("year", "quarter"), "%Y %q"),
    (("year", "week"), "%G %V"),
    (("year", "mon"), "%Y %b"),
    (("year", "qtr"), "%Y Q%q"),
    (("year", "doy"), "%Y %j"),
)
# What whole numbers must lie between to be a time: 1979 to 2096, and years.
EPOCH = (300_000_000, 4_000_000_000)
YEARS = (1700, 2200)
# Days of spreadsheets, 1954 to 2064, in a column that is called like a date.
SPREADSHEET_DAYS = (20_000, 60_000)
# Numbers that count seconds are told from numbers of orders by their steps, or by a name.
SHORTEST_STEP = 60
TELLING = ("time", "date", "epoch", "stamp", "ts", "when", "unix")
# Words that stand in many others.
SHORT = {"at", "ts", "created", "updated", "modified"}
FEWEST = 10


def times(
    frame: pd.DataFrame, facts: Sequence[Fact]
) -> Iterator[tuple[list[str], list[str], Moments]]:
    """Every reading of columns as times.

    Args:
        frame: the rows.
        facts: what is in their columns.

    Yields:
        the columns, the formats that read them, none for ISO 8601, and the seconds since 1970.
    """
    for fact in facts:
        if fact.missing or fact.distinct < FEWEST or fact.role in ("other", "empty", "boolean"):
            continue
        column = frame[fact.name]
        for form in _forms(fact.name, column):
            found = _read([column], [fact.name], form)
            if found is not None:
                yield [fact.name], form, found
    yield from _beside_hours(frame, facts)
    known = {fact.name.lower(): fact.name for fact in facts if not fact.missing}
    for names, text in PARTS:
        if all(name in known for name in names):
            columns = [known[name] for name in names]
            found = _read([frame[name] for name in columns], columns, [text])
            if found is not None:
                yield columns, [text], found
            return


def _beside_hours(
    frame: pd.DataFrame, facts: Sequence[Fact]
) -> Iterator[tuple[list[str], list[str], Moments]]:
    """Columns of days with one of hours or of times of the day beside them."""
    days = [fact.name for fact in facts if fact.role == "time" and not fact.missing]
    hours = [fact.name for fact in facts if fact.name.lower() in CLOCKS and not fact.missing]
    for names in product(days, hours):
        columns = [frame[name] for name in names]
        if names[0] == names[1] or columns[0].dtype.kind == "M":
            continue
        if columns[1].dtype.kind in "iuf" and columns[1].max() == LAST_HOUR:
            for day in DAYS:
                found = _read(columns, list(names), [day, HOUR_ADDED])
                if found is not None:
                    yield list(names), [day, HOUR_ADDED], found
            continue
        clocks = HOURS if columns[1].dtype.kind not in "iuf" else ("%H",)
        for day, hour in product(DAYS, clocks):
            found = _read(columns, list(names), [f"{day} {hour}"])
            if found is not None:
                yield list(names), [f"{day} {hour}"], found


def index_of(columns: Sequence[str], formats: Sequence[str]) -> Any:
    """Section `time.index` of columns that say when."""
    if HOUR_ADDED in formats:
        return {"columns": [columns[0]], "formats": [formats[0]], "hour": columns[1]}
    return {"columns": [*columns], "formats": [*formats]} if formats else [*columns]


def years_without_steps(frame: pd.DataFrame, facts: Sequence[Fact]) -> tuple[str, str] | None:
    """A column of years that follow each other evenly, in steps that no grid has, and why not.

    They are decades, or parts of a year that are no months.
    """
    for fact in facts:
        named = tells_times(fact.name) or any(word in fact.name.lower() for word in OF_YEARS)
        if not named or fact.role != "number" or fact.missing or fact.distinct < FEWEST:
            continue
        values = np.unique(frame[fact.name].to_numpy(np.float64))
        apart = np.diff(values)
        step = float(np.median(apart))
        even = (abs(apart - step) <= UNEVEN * min(step, 1)).mean() >= MOSTLY_EVEN
        if not even or values[-1] > YEARS[1] or values[-1] - values[0] <= 1:
            continue
        if SHORTEST_PART <= step < 1 and values[0] >= YEARS[0]:
            what = f"years in {1 / step:.3g} parts, no months, so no series: write dates"
            return fact.name, f"{what} to forecast"
        if step > 1 and values[0] >= FIRST_YEAR and (values == np.round(values)).all():
            what = f"years, {step:g} apart, so no series: a step is a year at most"
            return fact.name, f"{what}; give each year a row to forecast"
    return None


def written_in_numbers(name: str, column: pd.Series) -> str:
    """How whole numbers say when, as `%Y%m%d` or `epoch-ms`; empty where they do not.

    Years alone are numbers as well. Seconds since 1970 are told from other large numbers by the
    column's name, or by being whole minutes.

    Args:
        name: of the column.
        column: numbers, none of them missing.
    """
    for (form,) in _forms(name, column):
        each = clock.EPOCHS.get(form)
        if form in ("%Y", clock.DECIMAL_YEAR) or (
            each and not tells_times(name) and (column % (SHORTEST_STEP * each) != 0).any()
        ):
            continue
        if _read([column], [name], [form]) is not None:
            return form
    return ""


def tells_times(name: str) -> bool:
    """Whether a column is called like one of times."""
    lower = name.lower()
    words = set(re.split(r"[^a-z]+", lower))
    return bool(words & SHORT) or any(word in lower for word in TELLING if word not in SHORT)


def _forms(name: str, column: pd.Series) -> Iterator[list[str]]:
    """The formats that a column could be read by."""
    import pandas as pd

    if pd.api.types.is_bool_dtype(column.dtype):
        return
    if not pd.api.types.is_numeric_dtype(column.dtype):
        yield []
        yield from ([form] for form in FORMATS)
        return
    values = column.to_numpy(dtype=np.float64)
    low, high = values.min(), values.max()
    if SPREADSHEET_DAYS[0] <= low and high <= SPREADSHEET_DAYS[1] and tells_times(name):
        yield [clock.SPREADSHEET]
    if not (values == np.round(values)).all():
        if YEARS[0] <= low and high <= YEARS[1]:
            yield [clock.DECIMAL_YEAR]
        return
    if YEARS[0] <= low and high <= YEARS[1]:
        yield ["%Y"]
    if YEARS[0] <= low // 10_000 and high // 10_000 <= YEARS[1]:
        yield ["%Y%m%d"]
    for form, digits in (("%Y%m%d%H", 6), ("%Y%m%d%H%M", 8), ("%Y%m%d%H%M%S", 10)):
        if YEARS[0] <= low // 10**digits and high // 10**digits <= YEARS[1]:
            yield [form]
    if YEARS[0] <= low // 100 and high // 100 <= YEARS[1]:
        yield ["%Y%m"]
    steps = np.diff(np.unique(values))
    names_time = any(word in name.lower() for word in TELLING)
    for form, each in clock.EPOCHS.items():
        long = names_time or np.median(steps) >= SHORTEST_STEP * each
        if EPOCH[0] * each <= low and high <= EPOCH[1] * each and long:
            yield [form]


def _read(columns: Sequence[pd.Series], names: list[str], form: list[str]) -> Moments | None:
    """The seconds since 1970, if every row can be read."""
    index = index_of(names, form)
    index = index if isinstance(index, dict) else {"columns": index, "formats": []}
    values = {
        name: column.to_numpy() if column.dtype.kind == "M" else column.to_numpy(dtype=object)
        for name, column in zip(names, columns, strict=True)
    }
    for rows in (slice(FEWEST), slice(None)):
        try:
            found = clock.seconds({name: held[rows] for name, held in values.items()}, index)
        except (BadRequest, ValueError, OverflowError, TypeError):
            return None
    return found
