"""Names of months and time zones in texts that say when, as `strptime` and ISO 8601 have them."""

from __future__ import annotations

import re
import unicodedata

# Each month in German, French, Spanish, Italian, Portuguese and Dutch, whole and as it is shortened
# there (Unicode CLDR); no word is one month here and another there.
MONTHS = {
    "January": "januar jänner jän janvier janv enero ene gennaio genn gen janeiro januari",
    "February": "februar feber février févr fév fevrier fevr febrero febbraio febbr fevereiro fev "
    "februari",
    "March": "märz maerz mär mrz mars marzo março marco maart mrt",
    "April": "avril avr abril abr aprile",
    "May": "mai mayo maggio magg mag maio mei",
    "June": "juni juin junio giugno giu junho",
    "July": "juli juillet juil julio luglio lugl lug julho",
    "August": "août aoû aout agosto ago augustus",
    "September": "septembre septiembre setiembre settembre sett set setembro septembro sept",
    "October": "oktober okt octobre octubre ottobre ott outubro out",
    "November": "novembre noviembre novembro",
    "December": "dezember dez décembre déc decembre diciembre dic dicembre dezembro",
}
ENGLISH = {word: name for name, words in MONTHS.items() for word in words.split()}
SHORT = {name[:3].lower() for name in MONTHS}
WORD = re.compile(r"([^\W\d_]{3,})(\.?)")
# `12 de marzo de 2021`, `1er janvier`, `1º de maio`.
BETWEEN = re.compile(r"\b(?:de|del)\s+|(?<=\d)(?:er|º|°)(?=\s)", re.IGNORECASE)
# Minutes ahead of UTC. Words of several zones are none here, as BST, IST.
ZONES = {
    "UTC": 0, "GMT": 0, "WET": 0, "WEST": 60, "CET": 60, "CEST": 120, "EET": 120, "EEST": 180,
    "MSK": 180, "JST": 540, "AEST": 600, "AEDT": 660, "NZST": 720, "NZDT": 780,
    "EST": -300, "EDT": -240, "CST": -360, "CDT": -300, "MST": -420, "MDT": -360,
    "PST": -480, "PDT": -420, "AKST": -540, "AKDT": -480, "HST": -600,
}  # fmt: skip
ZONE = re.compile(r"(?<=\d)(\s?)([A-Z]{3,4})$")
# An offset apart from its time of day, which ISO 8601 writes without a space.
APART = re.compile(r"(:\d\d(?:\.\d+)?)\s+([+-]\d\d:?\d\d)$")


def spelled(text: str, form: str) -> str:
    """A text as `strptime` takes it by a format, or ISO 8601 where there is none.

    A month is named in English, whole or short as the format has it, and a zone by its offset.

    Args:
        text: a moment.
        form: with `%b`, `%B` or `%z` for what may be spelled otherwise; empty for ISO 8601.

    Example:
        >>> spelled("12. März 2021", "%d. %B %Y"), spelled("3 févr. 2020", "%d %b %Y")
        ('12. March 2021', '3 Feb 2020')
        >>> spelled("2021-03-12 10:00 CET", "")
        '2021-03-12 10:00+01:00'
        >>> spelled("2021-03-12 10:00 +0100", "")
        '2021-03-12 10:00+0100'
    """
    if not form or "%z" in form:
        text = _with_offset(text, " " if form else "")
    if not form:
        text = APART.sub(r"\1\2", text)
    if "%b" in form or "%B" in form:
        text = _in_english(text, whole="%B" in form)
    return text


def _in_english(text: str, whole: bool) -> str:
    def named(found: re.Match[str]) -> str:
        word = found[1].lower()
        if word in ENGLISH:
            return ENGLISH[word] if whole else ENGLISH[word][:3]
        return found[1] if word in SHORT else found[0]

    return WORD.sub(named, BETWEEN.sub("", unicodedata.normalize("NFC", text)))


def _with_offset(text: str, before: str) -> str:
    """A text with the offset of the zone that it ends with, where that is known."""
    found = ZONE.search(text)
    if found is None or found[2] not in ZONES:
        return text
    hours, minutes = divmod(abs(ZONES[found[2]]), 60)
    sign = "-" if ZONES[found[2]] < 0 else "+"
    return f"{text[: found.start()]}{before}{sign}{hours:02}:{minutes:02}"
