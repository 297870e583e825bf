"""Texts that say when, as times: read by one format for a whole column, never guessed a cell."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from throughline.errors import BadData
from throughline.serving.rows.spelled import spelled

if TYPE_CHECKING:
    import pandas as pd

ISO = "ISO8601"
QUARTERS = "quarters"
WEEKS = "weeks"
# A week of ISO 8601, as 2022-W05.
WEEK = r"^\s*\d{4}[-/ ]?[Ww]\d{2}\s*$"
# What a quarter looks like, year and number in either order.
QUARTER = (
    r"^\s*(?:(?P<year>\d{4})[-/ ]?[Qq](?P<number>[1-4])"
    r"|[Qq](?P<first>[1-4])[-/ ]?(?P<of>\d{4}))\s*$"
)
SEPARATORS = ("/", ".", "-")
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", " %H:%M:%S.%f")
# Behind a day in numbers, or in words, as `12.03.2021 10:00 CET`.
ZONED = (" %H:%M %z", " %H:%M:%S %z")
WORDS = (
    "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y",
    "%b-%Y", "%b %Y", "%B %Y", "%Y %b", "%b-%y", "%d. %B %Y", "%d. %b %Y",
)  # fmt: skip
LOOKED_AT = 200
# What may be the letters of a zone behind a time of day.
ENDS = r"\d\s?[A-Z]{3,4}$"
# Without a digit or a separator a text is no time.
TIME = r"\d.*[-/.: ]|[-/.: ].*\d|\d[Qq][1-4]|[Qq][1-4]\d|\d[Ww]\d"
# How servers, mails and logs write a moment.
LOGGED = (
    "%Y-%m-%d %H:%M:%S UTC", "%Y-%m-%d %H:%M:%S.%f UTC", "%Y-%m-%d %H:%M:%S GMT",
    "%Y-%m-%d %H:%M:%S,%f", "%d/%b/%Y:%H:%M:%S %z", "[%d/%b/%Y:%H:%M:%S %z]",
    "%a, %d %b %Y %H:%M:%S GMT", "%a, %d %b %Y %H:%M:%S %z", "%a %b %d %H:%M:%S %Y",
    "%a %b %d %H:%M:%S %z %Y", "%a %b %d %H:%M:%S UTC %Y",
)  # fmt: skip


@dataclass(frozen=True)
class Found:
    """The formats that read every time of a column: one, or two that tell different days."""

    formats: tuple[str, ...]

    @property
    def ambiguous(self) -> bool:
        """Whether the column does not tell day from month."""
        return len(self.formats) > 1


def found_format(texts: pd.Series) -> Found | None:
    """How the times of a column are written; None where they are none.

    Day and month are told apart by the values: a 13 can be no month; or, where both would do, by
    the order of the rows, if they are in order one way and not the other.
    """
    known = texts.dropna()
    sample = known.iloc[:LOOKED_AT].astype(str).str.strip().drop_duplicates()
    if sample.empty or not sample.str.contains(TIME).all():
        return None
    fitting = [
        form
        for form in _formats()
        if _may_fit(sample.iloc[0], form) and _parsed(sample, form).notna().all()
    ]
    if not fitting:
        return None
    present = known.astype(str).str.strip()
    distinct = present.drop_duplicates()
    fitting = [form for form in fitting if _parsed(distinct, form).notna().all()]
    if not fitting:
        return None
    if len(fitting) == 1:
        return Found((fitting[0],))
    read = {form: _parsed(present, form) for form in fitting[:2]}
    first, second = read
    if bool((read[first] == read[second]).all()):
        return Found((first,))
    ordered = [form for form, moments in read.items() if _in_order(moments)]
    return Found((ordered[0],) if len(ordered) == 1 else (first, second))


def _may_fit(text: str, form: str) -> bool:
    """Whether one text fits a format, in a hundredth of the time that pandas takes to say so."""
    if form in (ISO, QUARTERS, WEEKS):
        return True
    try:
        datetime.strptime(spelled(text, form), form)
    except ValueError:
        return False
    return True


def _in_order(moments: pd.Series) -> bool:
    return bool(moments.is_monotonic_increasing or moments.is_monotonic_decreasing)


def _formats() -> Iterator[str]:
    """All that are tried; only day first and month first can both fit."""
    yield ISO
    yield QUARTERS
    yield WEEKS
    yield from LOGGED
    for separator, year, clock in product(SEPARATORS, ("%Y", "%y"), (*CLOCKS, *ZONED)):
        yield f"{separator.join(('%d', '%m', year))}{clock}"
        yield f"{separator.join(('%m', '%d', year))}{clock}"
        if year == "%Y":
            yield f"{separator.join(('%Y', '%m', '%d'))}{clock}"
    yield "%m/%Y"
    for words, clock in product(WORDS, (*CLOCKS, *ZONED)):
        yield f"{words}{clock}"


def _spelled(texts: pd.Series, form: str) -> pd.Series:
    """Texts as `strptime` takes them, where there is anything to change."""
    named = "%b" in form or "%B" in form
    zoned = (form == ISO or "%z" in form) and texts.str.contains(ENDS).any()
    if not named and not zoned:
        return texts
    return texts.map(lambda text: spelled(text, "" if form == ISO else form), na_action="ignore")


def _parsed(texts: pd.Series, form: str) -> pd.Series:
    """Times in UTC without a zone; not a time where a text does not fit the format."""
    import pandas as pd

    if form == QUARTERS:
        return _quarters(texts)
    if form == WEEKS:
        texts = texts.where(texts.str.match(WEEK)).str.replace(r"[-/ Ww]", "", regex=True) + "1"
        form = "%G%V%u"
    texts = _spelled(texts, form)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        read = pd.to_datetime(texts, format=form, errors="coerce", utc=True)
    return read.dt.tz_localize(None).astype("datetime64[us]")


def _quarters(texts: pd.Series) -> pd.Series:
    """The first days of quarters."""
    import pandas as pd

    parts = texts.str.extract(QUARTER)
    year = parts["year"].fillna(parts["of"])
    month = parts["number"].fillna(parts["first"]).astype("float64") * 3 - 2
    named = year.astype("str") + "-" + month.astype("Int64").astype("str") + "-01"
    read = pd.to_datetime(named.where(year.notna()), format="%Y-%m-%d", errors="coerce")
    return read.astype("datetime64[us]")


def times(texts: pd.Series, form: str, name: str, where: str) -> pd.Series:
    """A column of texts as times, missing where it is.

    Args:
        texts: as they stand in the file.
        form: as for `strptime`; or `ISO8601`, with offsets that are taken to UTC; or `quarters`, or
            `weeks`, each of which is known by its first day.
        name: of the column, for messages.
        where: the file, for messages.

    Raises:
        BadData: a text that does not fit; names the row.
    """
    try:
        read = _parsed(texts, form)
    except ValueError as error:
        raise BadData(
            f"'source.read.times.{name}' must be a format such as %d/%m/%Y, or {ISO}", str(error)
        ) from None
    wrong = read.isna().to_numpy() & texts.notna().to_numpy()
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise BadData(
            f"Row {row + 1}, column '{name}' of {where} must be a time as {form} writes it",
            str(texts.iloc[row]),
            f"Mend the cell, or 'source.read.times.{name}'",
        )
    return read


def moments(column: pd.Series, name: str, key: str) -> np.ndarray:
    """The values of a column by which rows are put in order: times, or numbers.

    Args:
        column: numbers, times, or texts of times.
        name: of the column.
        key: of the pipeline file that asks for the order, for messages.

    Raises:
        BadData: texts that are no times, or that do not tell day from month; missing values.
    """
    from pandas.api import types

    missing = int(column.isna().sum())
    if missing:
        raise BadData(
            f"{key}: column '{name}' must say in every row when it was",
            f"missing in {missing} of {len(column)} rows",
            "Mend the rows, or set them aside with `expect_column_values_to_not_be_null` and "
            "`on_failure: quarantine`",
        )
    if types.is_numeric_dtype(column.dtype) or types.is_datetime64_any_dtype(column.dtype):
        return np.asarray(column.to_numpy())
    found = found_format(column)
    if found is None:
        raise BadData(
            f"{key}: column '{name}' must hold times or numbers",
            str(column.iloc[0]),
            f"Say how its times are written in 'source.read.times', as {{{name}: '%d/%m/%Y'}}",
        )
    if found.ambiguous:
        raise BadData(
            f"{key}: column '{name}' does not tell day from month",
            readings(column, found),
            f"Set 'source.read.times' to {{{name}: '{found.formats[0]}'}} or "
            f"{{{name}: '{found.formats[1]}'}}",
        )
    return np.asarray(_parsed(column.astype(str).str.strip(), found.formats[0]).to_numpy())


def readings(column: pd.Series, found: Found) -> str:
    """A text of a column with the days that it may mean."""
    texts = column.dropna().astype(str).str.strip()
    both = [_parsed(texts, form) for form in found.formats]
    row = int(np.flatnonzero((both[0] != both[1]).to_numpy())[0])
    days = " or ".join(f"{read.iloc[row]:%d %B %Y}" for read in both)
    return f"{texts.iloc[row]} is {days}"
