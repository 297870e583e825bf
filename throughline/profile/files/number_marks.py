"""How numbers are marked in the cells of a file: decimals, thousands, and what stands for none."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from throughline.serving.rows.cells import ALIKE, MISSING, Cells, mark_of, thousands_class

# Texts that people write where a number is not known.
STAND_INS = frozenset(
    ("?", "-", "--", "—", "–", ".", "..", "*", "n/a", "na", "n.a.", "none", "nil", "unknown",
     "missing", "not available", "<na>", "#div/0!", "#ref!", "#value!", "#name?", "1.#qnan",
     "1.#ind", "-1.#ind", "nan%", "#null!", "#num!")
)  # fmt: skip
# In a column of numbers so few cells may be something else, of so few kinds.
FEW_STRANGERS, FEW_KINDS = 0.02, 3
MANY_NUMBERS = 20
COMMA_DECIMAL = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?%?")
THOUSANDS = re.compile(r"\D{0,4}[1-9]\d{0,2}(,\d{2,3})*,\d{3}(\.\d*)?\D{0,4}")
POINTS = re.compile(r"\D{0,4}\d{1,3}(\.\d{3})+(,\d*)\D{0,4}")
# Nobody types a space that does not break in a telephone's number.
SPACED = re.compile(r"[0-9] [0-9]")
POINTED = re.compile(r"[+-]?\d+(\.\d+)+")
POINT_GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+")


def number_marks(rows: Sequence[Sequence[str]], separator: str) -> dict[str, str]:
    """Marks of decimals and thousands, as far as the cells show any."""
    cells = {cell.strip() for row in rows for cell in row}
    if any(POINTS.fullmatch(cell) for cell in cells):
        return {"decimal": ",", "thousands": "."}
    commas = [cell for cell in cells if COMMA_DECIMAL.fullmatch(cell)]
    points = [cell for cell in cells if re.fullmatch(r"[+-]?\d+\.\d+", cell)]
    likeliest = (",", ".") if commas and not points and separator != "," else (".", ",")
    for mark, alike in ALIKE.items():
        groups = re.compile(rf"\D{{0,4}}[1-9]\d{{0,2}}([{alike}]\d{{3}})+([.,]\d*)?\D{{0,4}}")
        if not any(groups.fullmatch(cell) for cell in cells):
            continue
        columns = [{row[i].strip() for row in rows if i < len(row)} for i in range(len(rows[0]))]
        for decimal in likeliest:
            marks = Cells(decimal=decimal, thousands=mark)
            if any(_has_groups(column, marks) for column in columns):
                found = {"thousands": mark}
                return found if decimal == "." else {"decimal": decimal, **found}
    thousands = any(THOUSANDS.fullmatch(cell) for cell in cells)
    # `0,5` is no thousand, so that `1.000` beside it is one.
    fractions = any(not THOUSANDS.fullmatch(cell) for cell in commas)
    # So is `EUR 4.000`, or `4.000 km`.
    marked = {cell.replace(mark, "").strip() for cell in cells if (mark := mark_of(cell))}
    whole = points + [number for number in marked if POINTED.fullmatch(number)]
    if fractions and whole and separator != "," and all(map(POINT_GROUPS.fullmatch, whole)):
        return {"decimal": ",", "thousands": "."}
    if commas and not points and (separator != "," or not thousands or _beside(rows, commas)):
        return {"decimal": ","}
    return {"thousands": ","} if thousands else {}


def _beside(rows: Sequence[Sequence[str]], commas: Collection[str]) -> bool:
    """Whether `1,234` stands nowhere but in columns that hold `0,5` as well, and is no thousand."""
    columns = [{row[i].strip() for row in rows if i < len(row)} for i in range(len(rows[0]))]
    fractions = {cell for cell in commas if not THOUSANDS.fullmatch(cell)}
    return all(c & fractions for c in columns if any(map(THOUSANDS.fullmatch, c)))


def _has_groups(column: Collection[str], marks: Cells) -> bool:
    """Whether a column holds numbers whose thousands are marked, and others beside them.

    What has a space in the same places everywhere may be a code or a telephone's number.
    """
    present = {*column} - {*MISSING}
    grouped = {cell for cell in present if re.search(thousands_class(marks), cell)}
    alike = grouped == present and not any(marks.decimal in cell for cell in present)
    if not grouped or (alike and any(SPACED.search(cell) for cell in grouped)):
        return False
    numbers, strangers = parted(dict.fromkeys(present, 1), marks)
    return bool(numbers) and (not strangers or are_stand_ins(strangers, len(present)))


def parted(present: Mapping[str, int], plain: Cells) -> tuple[dict[str, int], dict[str, int]]:
    """The texts that are numbers, with or without a mark, and the others."""
    numbers, strangers = {}, {}
    for text, count in present.items():
        own = Cells.of(plain.as_json(), {"mark": mark_of(text), "informal": True})
        try:
            own.number(text)
        except ValueError:
            strangers[text] = count
        else:
            numbers[text] = count
    return numbers, strangers


def are_stand_ins(strangers: Mapping[str, int], total: int, numbers: int = 0) -> bool:
    """Whether what is no number in a column stands for numbers that are not known.

    Args:
        strangers: how often each text that is no number comes.
        total: how many cells the column has.
        numbers: how many different numbers. Default: few.
    """
    share = sum(strangers.values()) / total
    if (
        len(strangers) == 1
        and numbers >= MANY_NUMBERS
        and not re.search(r"\d", next(iter(strangers)))
    ):
        # One word among many numbers, as `Suppressed`.
        return share <= 0.5
    if all(text.lower() in STAND_INS for text in strangers):
        return share <= 0.5
    return share <= FEW_STRANGERS and len(strangers) <= FEW_KINDS
