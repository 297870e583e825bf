"""What the columns of a delimited file hold: what its cells tell, for section `source.read`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from throughline.profile.far_values import far_day
from throughline.profile.files.number_marks import FEW_KINDS, are_stand_ins, parted
from throughline.profile.files.numbers import few, noted_numbers
from throughline.serving.rows.cells import (
    FALSE,
    LONGEST_NUMBER,
    MISSING,
    TRUE,
    Cells,
    flag,
    seconds_of,
)

if TYPE_CHECKING:
    import pandas as pd

# A number with something around it or in it that no setting takes off.
DECORATED = re.compile(
    r"[^\w\s]{0,3}\s?\d+(?:[,' \u00a0\u202f\u2009\u2019]\d{2,3})*(?:[.,]\d+)?\s?[^\d\s]{0,6}"
)
FEWEST_DECORATED = 10
# Most cells of a column are numbers.
MOSTLY = 0.5
# Two numbers in a cell: a blood pressure, a size, a place.
PAIR = re.compile(r"[(\[]?-?\d+(?:\.\d+)?\s?[/x×,;]\s?-?\d+(?:\.\d+)?[)\]]?")
HEXADECIMAL = re.compile(r"0[xX][0-9a-fA-F]+")
# What has a year or a month's name and more digits is a time, or was meant as one.
DATED = re.compile(r"(\b|FY\s?)(1[89]|20)\d\d\b.*\d|\d.*(\b|FY\s?)(1[89]|20)\d\d\b")
# What is a number to a reader, and to no setting: a duration in words, an angle, an error, a power.
QUANTITY = re.compile(
    r"(?i)P?T?(\s?\d+(\.\d+)?\s?(y|yrs?|years?|mos?|months?|w|weeks?|d|days?|h|hrs?|hours?|m|mins?|minutes?|s|secs?|seconds?)\b,?)+"
    r"|(\s?\d+(\.\d+)?[dhms])+|P(\d+D)?T(\d+(\.\d+)?[HMS])+"
    r"|\d+ days?,? \d+:\d\d(:\d\d(\.\d+)?)?|\d+:[0-5]\d[.,]\d+"
    r"|[NSEW]?\s?-?\d+°\s?\d+([.,]\d+)?\s?['′’].*|\d+\s?['′’]\s?\d+\s?[\"″”]?"
    r"|-?\d+([.,]\d+)?\s?(±|\+/-)\s?\d+([.,]\d+)?.*"
    r"|[+-]?\d+([.,]\d+)?(\s?[x×*]\s?10\s?\^?|D)[+-]?\d+|\d+ \d/\d+"
    r"|\d+([.,]\d+)?\s?%?\s?[\[(].*\d.*[\])]"
)
A_DAY = 86_400
# Of a column in a file with types: what so many look like, the others do.
MOST_TEXTS = 10_000
CAPITALS = re.compile(r"[A-Z]{2,4}")


def keys_from_cells(
    cells: pd.DataFrame, read: dict[str, Any], notes: list[tuple[str, str, str]]
) -> dict[str, Any]:
    """The keys of `source.read` that say what columns hold, where their cells alone do not.

    Args:
        cells: the texts of all cells.
        read: the keys so far.
        notes: receives column, what was done, and the key that undoes it.
    """
    types: dict[str, str] = {}
    missing: dict[str, list[str]] = {}
    usual = [*MISSING, *read.get("missing", [])]
    plain = Cells(tuple(usual), read.get("decimal", "."), read.get("thousands", ""))
    for name in cells.columns:
        counts = Counter(cells[name].str.strip())
        _column(str(name), counts, plain, types, missing, notes)
    found = dict(read)
    if types:
        found["types"] = types
    if missing:
        found["missing"] = _shortest(missing, usual, cells)
    return found


def _column(
    name: str,
    counts: Counter[str],
    plain: Cells,
    types: dict[str, str],
    missing: dict[str, list[str]],
    notes: list[tuple[str, str, str]],
) -> None:
    present = {text: count for text, count in counts.items() if text not in plain.missing}
    total = sum(present.values())
    numbers, strangers = parted(present, plain)
    if total and not strangers:
        noted_numbers(name, numbers, plain, types, notes)
        return
    if total and are_stand_ins(strangers, total, len(numbers)):
        if noted_numbers(name, numbers, plain, types, notes):
            types[name] = "number"
            missing[name] = [*plain.missing, *strangers]
            said = ", ".join(f"'{text}' ({count})" for text, count in strangers.items())
            notes.append((name, f"numbers; {said} read as missing", "source.read.missing"))
        return
    words = {text.lower() for text in present}
    if words <= TRUE | FALSE and len(present) > 2 and len({flag(word) for word in words}) == 2:
        types[name] = "boolean"
        notes.append((name, f"truth values, written {few(present)}", "source.read.types"))
    elif present and _all_clock(present):
        _noted_clocks(name, present, types, notes)
    elif set(counts) & set(plain.missing) == {"NA"} and present:
        if all(CAPITALS.fullmatch(text) for text in present):
            missing[name] = [""]
            notes.append((name, f"'NA' is a category beside {few(present)}", "source.read.missing"))
        else:
            notes.append(
                (name, f"'NA' read as missing in {counts['NA']} rows", "source.read.missing")
            )
    if name not in types:
        _noted_texts(name, present, numbers, strangers, plain, notes)


def note_typed_texts(frame: pd.DataFrame, notes: list[tuple[str, str, str]]) -> None:
    """Say what else the texts of a file whose format has types look like, as numbers in them."""
    plain = Cells()
    for name in map(str, frame.select_dtypes("str")):
        counts = Counter(frame[name].dropna().tolist())
        present = {text: count for text, count in counts.most_common(MOST_TEXTS) if text}
        numbers, strangers = parted(present, plain)
        found: list[tuple[str, str, str]] = []
        _noted_texts(name, present, numbers, strangers, plain, found)
        # Texts are read as numbers where the type says so; then some may be missing.
        notes += [
            (column, said, key.replace("source.read.missing", "source.read.types, .missing"))
            for column, said, key in found
        ]


def _all_clock(present: Iterable[str]) -> bool:
    try:
        return all(seconds_of(text) >= 0 for text in present)
    except ValueError:
        return False


def _noted_clocks(
    name: str,
    present: Mapping[str, int],
    types: dict[str, str],
    notes: list[tuple[str, str, str]],
) -> None:
    shapes = {text.count(":"): text for text in present}
    if len(shapes) > 1:
        said = (
            f"texts, for {few(dict.fromkeys(shapes.values(), 1))} may begin with hours or minutes"
        )
        notes.append((name, said, "the file itself"))
        return
    types[name] = "duration"
    first = next(iter(present))
    said = f"times of day or durations, '{first}' is {seconds_of(first):,g} seconds"
    if last := next((text for text in present if seconds_of(text) == A_DAY), None):
        said += f"; beside a day '{last}' is no time: write 00:00 of the next day"
    notes.append((name, said, "source.read.types"))


def _noted_texts(
    name: str,
    present: Mapping[str, int],
    numbers: Mapping[str, int],
    strangers: Mapping[str, int],
    plain: Cells,
    notes: list[tuple[str, str, str]],
) -> None:
    """Say of texts what else they look like, and why they are not taken for that."""
    decorated = [text for text in present if text in strangers and DECORATED.fullmatch(text)]
    if other := _other_decimal(numbers, strangers, plain):
        said = f"texts, for '{other[0]}' and '{other[1]}' have different signs before decimals"
        notes.append((name, said, "the file itself"))
    elif len(decorated) >= max(FEWEST_DECORATED, len(strangers) * 0.9):
        said = f"texts, such as '{decorated[0]}', which is no number as this file writes them"
        notes.append((name, said, "the file itself"))
    elif strangers and (
        sum(numbers.values()) >= MOSTLY * sum(present.values())
        or len(strangers) <= FEW_KINDS < len(numbers)
    ):
        said = f"texts, for {few(strangers)} are no numbers beside {few(numbers)}"
        notes.append((name, said, "source.read.missing"))
    elif present and all(map(PAIR.fullmatch, present)):
        said = f"texts, for each holds two numbers: {few(present)}; they may be two columns"
        notes.append((name, said, "the file itself"))
    elif present and all(len(t) <= LONGEST_NUMBER and QUANTITY.fullmatch(t) for t in present):
        said = f"texts, such as {few(present)}: no setting takes numbers out of them"
        notes.append((name, said, "the file itself"))
    elif escaped := next((text for text in present if "\\" in text and '"' in text), None):
        said = f"texts, such as {escaped[:60]}: a quote within quotes is written twice"
        notes.append((name, said, "the file itself"))
    elif said := said_of_objects(present):
        notes.append((name, said, "the file itself"))
    elif present and all(map(HEXADECIMAL.fullmatch, present)):
        notes.append(
            (name, f"hexadecimal numbers, such as {few(present)}: texts", "the file itself")
        )
    elif day := far_day(present):
        said = f"'{day}' ({present[day]}) is a day that often stands for none"
        notes.append((name, said, f"source.read.missing: ['{day}']"))
    elif len(present) >= FEWEST_DECORATED and all(
        len(text) <= LONGEST_NUMBER and DATED.search(text) for text in present
    ):
        _noted_times(name, present, notes)


def said_of_objects(texts: Iterable[str]) -> str:
    """What to say of a column of texts each of which is an object of JSON; empty where none is."""
    first, *others = texts or [""]
    if not all(text[:1] == "{" and text[-1:] == "}" for text in (first, *others)):
        return ""
    return f"texts, such as '{first[:60]}': each holds an object, whose keys may be columns"


def _other_decimal(
    numbers: Iterable[str], strangers: Iterable[str], plain: Cells
) -> tuple[str, str] | None:
    """A number as the file writes it, and another whose comma and point are the other way round."""
    turned = Cells(decimal=",", thousands=".") if plain.decimal == "." else Cells(thousands=",")
    own = next((text for text in numbers if not _reads(text, turned)), None)
    other = [text for text in strangers if _reads(text, turned)]
    return (own, other[0]) if own and other and len(other) == len(list(strangers)) else None


def _reads(text: str, cells: Cells) -> bool:
    try:
        cells.number(text)
    except ValueError:
        return False
    return True


def _noted_times(name: str, present: Mapping[str, int], notes: list[tuple[str, str, str]]) -> None:
    import pandas as pd

    from throughline.samples.times import found_format

    if found_format(pd.Series(list(present))) is None:
        said = f"texts, though '{next(iter(present))}' looks like a time: no format reads them all"
        notes.append((name, said, "source.read.times"))


def _shortest(
    missing: Mapping[str, list[str]], usual: Sequence[str], cells: pd.DataFrame
) -> list[str] | dict[str, list[str]]:
    """One list for all columns where that means the same, else one for each column."""
    added = {text for texts in missing.values() for text in texts} - set(usual)
    loses = any(set(usual) - set(texts) for texts in missing.values())
    elsewhere = any(
        cells[name].str.strip().isin(added).any() for name in cells.columns if name not in missing
    )
    if loses or elsewhere:
        return dict(missing)
    return [*(text for text in usual if text not in MISSING), *sorted(added)]
