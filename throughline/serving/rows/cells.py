"""How the text in a cell of a file is read: one way for training, serving and drift.

`ingest` settles it once for each column, `model.onnx` carries it, and whoever reads rows of texts
for the model reads them so. What is here says what one cell means; `sources/cells.py` does the same
to whole columns at once, and a test holds the two together.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# What stands for a missing value unless the file says otherwise. pandas' own list also holds "None"
# and "n/a", which are honest categories in some files.
MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "#N/A")
TRUE = frozenset(("true", "t", "yes", "y", "1", "on"))
FALSE = frozenset(("false", "f", "no", "n", "0", "off"))
# What typesetters put in the place of a minus.
MINUSES = "\u2212\u2013\ufe63\uff0d"
# Marks between thousands that look alike.
ALIKE = {" ": " \u00a0\u202f\u2009", "'": "'\u2019"}
CURRENCIES = ("EUR", "USD", "GBP", "CHF", "JPY", "CNY", "INR", "SEK", "NOK", "DKK", "PLN", "kr")
PERCENT = "%"


@dataclass(frozen=True)
class Cells:
    """How the cells of one column are read.

    Attributes:
        missing: the texts that stand for a missing value.
        decimal, thousands: marks of a number; `thousands` is empty where there are none.
        mark: the currency or percent sign that numbers may carry; empty for none.
        words: whether `yes` and `no`, `true` and `false` stand for 1 and 0.
        verbatim: the cell is the value, spaces and all, and never missing.
        infinite: whether an infinite number counts as missing.
        informal: whether `(5)` and `5-` are -5, and digits may be those of any script.
        clock: whether the cells are times of a day or durations, such as `8:05`, `1:30:05` or
            `8:05 PM`, whose value is their seconds.
    """

    missing: tuple[str, ...] = MISSING
    decimal: str = "."
    thousands: str = ""
    mark: str = ""
    words: bool = False
    verbatim: bool = False
    infinite: bool = False
    informal: bool = False
    clock: bool = False
    _pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Else a number could be read in so many ways that none is ever found.
        if any(map(str.isdigit, self.thousands + self.decimal)):
            raise ValueError("marks between thousands and of decimals are no digits")
        object.__setattr__(self, "_pattern", re.compile(number_pattern(self)))

    @classmethod
    def of(cls, *settings: Mapping[str, Any] | None) -> Cells:
        """The cells that metadata describe; a later mapping outweighs an earlier one."""
        merged: dict[str, Any] = {}
        for each in settings:
            merged |= {key: value for key, value in (each or {}).items() if key in KEYS}
        if "missing" in merged:
            merged["missing"] = tuple(merged["missing"])
        return cls(**merged)

    def as_json(self) -> dict[str, Any]:
        """What differs from the usual, for the metadata of a model."""
        usual = Cells()
        found = {key: getattr(self, key) for key in KEYS}
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in found.items()
            if value != getattr(usual, key)
        }

    def text(self, cell: str) -> str | None:
        """A cell of a column of texts; None where it is missing."""
        if self.verbatim:
            return cell
        cell = cell.strip()
        return None if cell in self.missing else cell

    def number(self, cell: str) -> float | None:
        """A cell of a column of numbers; None where it is missing.

        Raises:
            ValueError: it is no number.
        """
        cell = cell.strip()
        if cell in self.missing:
            return None
        if self.words:
            return float(flag(cell))
        if self.clock:
            return seconds_of(cell)
        plain = without_marks(formal(cell, self.decimal) if self.informal else cell, self)
        if not self._pattern.fullmatch(plain):
            raise ValueError(cell)
        value = float(in_python(plain, self))
        absent = value != value or (self.infinite and value in (float("inf"), float("-inf")))
        return None if absent else value


KEYS = (
    "missing", "decimal", "thousands", "mark", "words", "verbatim", "infinite", "informal", "clock",
)  # fmt: skip
# Hours and minutes, seconds, and the half of the day.
CLOCK = re.compile(
    r"([0-9]{1,4}):([0-5][0-9])(?::([0-5][0-9](?:[.,][0-9]{1,9})?))?(?:\s?([AaPp])\.?[Mm]\.?)?"
)
# No number is longer, but texts are, and the patterns below take their square.
LONGEST_NUMBER = 60
BRACKETS = re.compile(r"(\D{0,4})\((.+)\)(\D{0,10})")
BEHIND = re.compile(rf"([^+\-{MINUSES}]*[^\W_][^+\-{MINUSES}]*)[-{MINUSES}]")
# A number and what it is a number of.
UNIT = re.compile(
    rf"[+{MINUSES}-]?\s?[0-9][0-9.,'\u2019 \u00a0\u202f\u2009]*?\s?"
    r"((?:[^\W\d_]|[°\"'′″])[^\s\d.,;:+-][^\s\d,;:]{0,8}|[^\W\d_]|[°\"'′″])[²³]?"
)


def flag(cell: str) -> bool:
    """A truth value.

    Raises:
        ValueError: a word that says neither.

    Example:
        >>> flag(" Yes"), flag("F")
        (True, False)
    """
    word = cell.strip().lower()
    if word not in TRUE and word not in FALSE:
        raise ValueError(cell)
    return word in TRUE


def seconds_of(cell: str) -> float:
    """The seconds of a time of a day, or of a duration in hours and minutes.

    Raises:
        ValueError: it is neither.

    Example:
        >>> seconds_of("1:30:05"), seconds_of("12:05 AM"), seconds_of("8:05")
        (5405.0, 300.0, 29100.0)
    """
    found = CLOCK.fullmatch(cell)
    if not found:
        raise ValueError(cell)
    hours, minutes, seconds, half = found.groups()
    hour = int(hours)
    if half:
        if not 1 <= hour <= 12:
            raise ValueError(cell)
        hour = hour % 12 + 12 * (half in "Pp")
    return 3600 * hour + 60 * int(minutes) + float((seconds or "0").replace(",", "."))


def formal(cell: str, decimal: str) -> str:
    """A number with its minus in front and in digits of ASCII, where it can be written so.

    Example:
        >>> formal("(1,234)", "."), formal("12.5-", "."), formal("٣٫٥", ".")
        ('-1,234', '-12.5', '3.5')
    """
    if len(cell) > LONGEST_NUMBER:
        return cell
    if not cell.isascii():
        marks = {"\u066b": decimal, "\u066c": "", "\uff0e": ".", "\uff0c": ","}
        cell = "".join(
            str(unicodedata.decimal(c)) if c.isdecimal() else marks.get(c, c) for c in cell
        )
    for pattern in (BRACKETS, BEHIND):
        if found := pattern.fullmatch(cell):
            return "-" + "".join(found.groups()).strip()
    return cell


def number_pattern(cells: Cells) -> str:
    """A regular expression, of RE2 too, of a number without currency and percent signs.

    Thousands are marked in groups: `1,234` is a number with marks, `12,34` is none.
    """
    whole = "[0-9]+"
    if cells.thousands:
        mark = thousands_class(cells)
        whole = f"(?:[0-9]+|[0-9]{{1,3}}(?:{mark}[0-9]{{2,3}})*{mark}[0-9]{{3}})"
    point = re.escape(cells.decimal)
    digits = f"(?:{whole}(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?"
    return f"[+{MINUSES}-]?(?:{digits}|(?i:inf|infinity|nan))"


def thousands_class(cells: Cells) -> str:
    """The class of marks between thousands, as a regular expression."""
    marks = ALIKE.get(cells.thousands, cells.thousands)
    return "[" + "".join(re.escape(mark) for mark in marks) + "]"


def without_marks(cell: str, cells: Cells) -> str:
    """A number without the sign of its currency or percent; `(5)` of bookkeepers is -5.

    Example:
        >>> without_marks("-$1,113.3", Cells(mark="$"))
        '-1,113.3'
    """
    if not cells.mark:
        return cell
    negative = cell.startswith("(") and cell.endswith(")")
    if negative:
        cell = cell[1:-1].strip()
    sign = cell[:1] if cell[:1] in f"+-{MINUSES}" else ""
    rest = cell[len(sign) :].strip()
    bare = rest.removeprefix(cells.mark) if cells.mark != PERCENT else rest
    bare = bare if bare != rest else rest.removesuffix(cells.mark)
    bare = bare.strip()
    inner = bare[:1] if not sign and bare[:1] in f"+-{MINUSES}" and bare[:1] else ""
    return f"{'-' if negative else ''}{sign or inner}{bare[len(inner) :]}"


def in_python(plain: str, cells: Cells) -> str:
    """A number that fits the pattern as `float` takes it."""
    if cells.thousands:
        plain = re.sub(thousands_class(cells), "", plain)
    plain = plain.replace(cells.decimal, ".")
    return "-" + plain[1:] if plain[:1] in MINUSES and plain else plain


def is_currency(mark: str) -> bool:
    """Whether a mark is that of a currency: an amount may lack it, a measure may not."""
    return mark in CURRENCIES or (len(mark) == 1 and unicodedata.category(mark) == "Sc")


def mark_of(cell: str) -> str:
    """The currency, percent sign or unit of a cell; empty where it has none.

    Example:
        >>> mark_of("$5"), mark_of("24 %"), mark_of("1.5 kg"), mark_of("5")
        ('$', '%', 'kg', '')
    """
    bare = cell.strip().strip(f"()+-{MINUSES}").strip()
    for mark in (PERCENT, *CURRENCIES):
        if bare.endswith(mark) or (mark != PERCENT and bare.startswith(mark)):
            return mark
    for end in (bare[:1], bare[-1:]):
        if end and unicodedata.category(end) == "Sc":
            return end
    found = UNIT.fullmatch(bare) if len(bare) <= LONGEST_NUMBER else None
    return bare[found.start(1) :] if found else ""
