"""How a delimited file writes the numbers of a column, and what to say of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from math import isfinite

from throughline.profile.far_values import far_value
from throughline.profile.files.number_marks import POINT_GROUPS
from throughline.serving.rows.cells import Cells, formal, is_currency, mark_of, thousands_class

CODE = re.compile(r"[+-]?0\d+")
INTEGER, LONG_INTEGER = re.compile(r"[+-]?\d+"), re.compile(r"[+-]?[0-9]{16,300}")
# So many numbers of three digits behind each point may all be whole.
MANY_GROUPS = 10
# A number of several digits times a power of ten: nobody writes one so who means a quantity.
POWER = re.compile(r"[1-9]\d+[eE]\d+")


def noted_numbers(
    name: str,
    numbers: Mapping[str, int],
    plain: Cells,
    types: dict[str, str],
    notes: list[tuple[str, str, str]],
) -> bool:
    """Say how numbers are written; False where they are of several units and stay texts."""
    marked = {mark_of(text): text for text in numbers}
    marks = {mark: text for mark, text in marked.items() if mark}
    if len(marks) > 1 or not (len(marked) == len(marks) or all(map(is_currency, marks))):
        said = f"texts, for {few(dict.fromkeys(marked.values(), 1))} are not of one unit"
        notes.append((name, said, "the file itself"))
        return False
    if twice := _marks_against(numbers, plain):
        said = f"texts, for '{twice[0]}' and '{twice[1]}' mark thousands by different signs"
        types[name] = "text"
        notes.append((name, said, "the file itself"))
        return False
    if long := _loses_digits(numbers):
        types[name] = "text"
        said = f"texts, for '{long}' has more digits than a number with a fraction keeps"
        notes.append((name, said, "source.read.types"))
        return False
    odd = next((text for text in numbers if formal(text, plain.decimal) != text), None)
    if marks or odd is not None:
        types[name] = "number"
    elif any(CODE.fullmatch(text) for text in numbers):
        notes.append((name, "codes with leading zeros, read as texts", "source.read.types"))
        return True
    cells = Cells.of(plain.as_json(), {"mark": next(iter(marks), ""), "informal": True})
    if marks:
        said = f"numbers, their '{cells.mark}' taken off"
        notes.append((name, said, "source.read.types"))
    if odd is not None:
        said = f"numbers; '{odd}' is {cells.number(odd):,g}"
        notes.append((name, said, "source.read.types"))
    if powers := [text for text in numbers if POWER.fullmatch(text)]:
        said = f"numbers; '{powers[0]}' is {cells.number(powers[0]):g}, unless it is a code"
        notes.append((name, said, "source.read.types"))
    ends = {text.rstrip("0"): text for text in numbers if "." in text and text.endswith("0")}
    if shorter := next((text for text in numbers if text in ends), None):
        said = f"numbers; '{shorter}' and '{ends[shorter]}' are one, unless they are versions"
        notes.append((name, said, "source.read.types"))
    bare = [text.replace(cells.mark, "").strip() for text in numbers]
    if len(numbers) >= MANY_GROUPS and all(map(POINT_GROUPS.fullmatch, bare)):
        said = f"numbers; '{next(iter(numbers))}' has a decimal point, unless it marks thousands"
        notes.append((name, said, "source.read.thousands"))
    _noted_far(name, numbers, cells, notes)
    return True


def _loses_digits(numbers: Iterable[str]) -> str | None:
    """A whole number among fractions that is none of those a float can be."""
    if all(map(INTEGER.fullmatch, numbers)):
        return None
    long = (text for text in numbers if LONG_INTEGER.fullmatch(text))
    return next((text for text in long if int(text) != int(float(text))), None)


def _marks_against(numbers: Iterable[str], plain: Cells) -> tuple[str, str] | None:
    """Two numbers of which one marks thousands by what the other has before three digits.

    `1,234` beside `1.234`: one of them is read a thousand times too small, or too large. Where
    another number has both marks, or other digits behind the point, all is clear.
    """
    if not plain.thousands:
        return None
    bare = {text.replace(mark_of(text), "").strip(): text for text in numbers}
    grouped = next((bare[n] for n in bare if re.search(thousands_class(plain), n)), None)
    pointed = [number for number in bare if plain.decimal in number]
    groups = re.compile(rf"[+-]?[1-9]\d{{0,2}}{re.escape(plain.decimal)}\d{{3}}")
    if grouped is None or not pointed or not all(map(groups.fullmatch, pointed)):
        return None
    return grouped, bare[pointed[0]]


def _noted_far(
    name: str, numbers: Mapping[str, int], cells: Cells, notes: list[tuple[str, str, str]]
) -> None:
    """Say which number may stand for a missing one; it is not taken for that unasked."""
    values: Counter[float] = Counter()
    texts: dict[float, str] = {}
    for text, count in numbers.items():
        value = cells.number(text)
        if value is not None and isfinite(value):
            values[value] += count
            texts.setdefault(value, text)
    far = far_value(values)
    if far is not None:
        others = [value for value in values if value != far]
        said = (
            f"'{texts[far]}' ({values[far]}) lies apart from the others, {min(others):g} to "
            f"{max(others):g}: does it stand for a missing number?"
        )
        notes.append((name, said, f"columns.{name}.missing: [{far:.12g}]"))


def few(texts: Mapping[str, int]) -> str:
    shown = sorted(texts)[:4]
    return ", ".join(f"'{text}'" for text in shown) + (" …" if len(texts) > len(shown) else "")
