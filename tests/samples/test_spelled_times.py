"""Months of other languages and zones by their letters: one moment in training and in serving."""

from __future__ import annotations

from datetime import datetime
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughline.errors import BadData
from throughline.samples.times import found_format, times
from throughline.serving.errors import BadRequest
from throughline.serving.rows import clock
from throughline.serving.rows.spelled import ENGLISH, MONTHS, ZONES, spelled

LANGUAGES = ("de", "fr", "es", "it", "pt", "nl")
GERMAN = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember"
FRENCH = "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc."
SPANISH = "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"
ITALIAN = "gen feb mar apr mag giu lug ago set ott nov dic"
PORTUGUESE = "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro"
PORTUGUESE += " dezembro"
DUTCH = "januari februari maart april mei juni juli augustus september oktober november december"
# How a day is written, and the months.
WRITTEN = {
    "German": ("{day}. {month} {year}", GERMAN),
    "French": ("{day} {month} {year}", FRENCH),
    "Spanish": ("{day} de {month} de {year}", SPANISH),
    "Italian": ("{day} {month} {year}", ITALIAN),
    "Portuguese": ("{day} de {month} de {year}", PORTUGUESE),
    "Dutch": ("{day} {month} {year}", DUTCH),
}
DAYS = pd.date_range("2020-01-06", periods=60, freq="13D")


def in_words(language: str, days: pd.DatetimeIndex = DAYS) -> pd.Series:
    form, months = WRITTEN[language]
    names = months.split()
    return pd.Series(
        [form.format(day=d.day, month=names[d.month - 1], year=d.year) for d in days], dtype="str"
    )


def served(texts: pd.Series, formats: list[str]) -> np.ndarray:
    return clock.seconds({"t": texts.to_numpy(object)}, {"columns": ["t"], "formats": formats})


@pytest.mark.parametrize("language", WRITTEN)
def test_months_are_read_alike_by_training_and_serving(language: str) -> None:
    texts = in_words(language)
    found = found_format(texts)
    assert found is not None
    assert not found.ambiguous
    read = times(texts, found.formats[0], "t", "the rows")
    assert read.tolist() == DAYS.tolist()
    np.testing.assert_array_equal(served(texts, [found.formats[0]]).astype("M8[s]"), DAYS)


def test_a_series_of_them_has_its_grid() -> None:
    from throughline.profile.facts import facts
    from throughline.profile.kinds.grids import grid_of

    for language in ("German", "Spanish"):
        days = pd.date_range("2020-01-01", periods=80, freq="MS")
        frame = pd.DataFrame({"Tag": in_words(language, days), "y": np.arange(80.0) % 13})
        grid = grid_of(frame, facts(frame))
        assert grid is not None
        assert grid.every == "1mo"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_name_of_the_unicode_consortium_is_known(language: str) -> None:
    """Those of months that dateparser has from CLDR; words that are English are no other month."""
    module = import_module(f"dateparser.data.date_translation_data.{language}")
    for name in MONTHS:
        for word in module.info[name.lower()]:
            plain = word.rstrip(".").lower()
            if len(plain) >= 3 and plain.isalpha():
                read = spelled(f"1 {plain} 2020", "%d %B %Y").split()[1]
                assert read.lower() in (name.lower(), name[:3].lower()), (language, word)


def test_no_word_is_two_months() -> None:
    words = [word for each in MONTHS.values() for word in each.split()]
    assert len(words) == len(set(words)) == len(ENGLISH)


def test_english_stays_as_it_is() -> None:
    for text, form in (("March 5, 2021", "%B %d, %Y"), ("05-Mar-21", "%d-%b-%y")):
        assert spelled(text, form) == text


@given(st.sampled_from(sorted(ZONES)), st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1)))
def test_zones_are_their_offsets(zone: str, moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    expected = np.datetime64(moment) - np.timedelta64(ZONES[zone], "m")
    for form, written in (("ISO8601", "%Y-%m-%d %H:%M:%S"), ("%d.%m.%Y %H:%M:%S %z",) * 2):
        text = pd.Series([f"{moment.strftime(written.removesuffix(' %z'))} {zone}"])
        assert times(text, form, "t", "the rows")[0] == expected
        assert served(text, [] if form == "ISO8601" else [form]).astype("M8[s]")[0] == expected


def test_an_offset_may_stand_apart() -> None:
    """Training read `2022-01-03 10:00 +0200`, and serving refused the same cell."""
    text = pd.Series(["2022-01-03 10:00 +0200", "2022-01-03 10:00:00.5 -05:30"])
    read = served(text, []).astype("M8[s]")
    assert (times(text, "ISO8601", "t", "the rows").astype("M8[s]") == read).all()


class TestZonesOfNoOneOffset:
    TEXTS = pd.Series(["2022-01-03 10:00:00 CET", "2022-01-03 10:00:00 IST"])

    def test_are_refused_with_the_row(self) -> None:
        with pytest.raises(BadData, match=r"Row 2, column 't'.*IST"):
            times(self.TEXTS, "ISO8601", "t", "the rows")
        with pytest.raises(BadRequest, match=r"Row 2: .*IST"):
            served(self.TEXTS, [])

    def test_make_no_column_of_times(self) -> None:
        assert found_format(self.TEXTS) is None


class TestDaysOfSpreadsheets:
    def test_are_times_in_a_column_that_is_called_so(self) -> None:
        from throughline.profile.facts import fact

        days = pd.Series(np.random.default_rng(0).permutation(np.arange(44197, 44297)))
        assert fact("order date", days).when == clock.SPREADSHEET
        assert fact("amount", days).when == ""
        read = served(pd.Series([44197, 44198.5], dtype=object), [clock.SPREADSHEET])
        assert read.astype("M8[s]").tolist() == [datetime(2021, 1, 1), datetime(2021, 1, 2, 12)]
