"""Exports as they come from spreadsheets, ledgers, sensors, forms: each column means what it says.

Made here after kinds that are public; the cells are read by the file's own lines, and the model
reads every one of them as training did.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from throughline.pipeline.schema.source import Read
from throughline.preprocessing.plan import kind_of
from throughline.preprocessing.raw import raw_values
from throughline.profile.files.cell_types import keys_from_cells
from throughline.profile.files.table_layout import layout_of
from throughline.serving.rows.delimited import columns_of
from throughline.serving.rows.reading import decoded
from throughline.serving.rows.values import converted, settled
from throughline.sources.cells import READING
from throughline.sources.formats.reading import read_bytes, read_cells
from throughline.sources.table import standardised

ROWS = 60
CHOICE = np.random.default_rng(0)
AMOUNTS = CHOICE.normal(1500, 900, ROWS).round(2).tolist()
COUNTS = CHOICE.integers(1, 20_000, ROWS).tolist()


def some(*texts: str) -> list[str]:
    return [str(text) for text in CHOICE.choice(texts, ROWS)]


def german(number: float, form: str = ",.2f") -> str:
    return f"{number:{form}}".translate(str.maketrans(",.", ".,"))


def bracketed(number: float) -> str:
    return f"({-number:,.2f})" if number < 0 else f"{number:,.2f}"


def lines(header: str, each: Callable[[int], str], last: str = "") -> str:
    return "\n".join([header, *map(each, range(ROWS)), last]).rstrip("\n") + "\n"


SHOPS, GRADES = some("N", "S"), some("good", "bad")
# Each export: its text, and what some of its columns hold: their kind and the value of a row.
EXPORTS: dict[str, tuple[str, dict[str, tuple[str, Callable[[int], Any]]]]] = {
    "a spreadsheet with titles and totals": (
        lines(
            "Sales report;;\nGenerated: 01.02.2023;;\n;;\nShop;Units;Revenue €",
            lambda i: f"{SHOPS[i]};{german(COUNTS[i], ',d')};{german(AMOUNTS[i])} €",
            "Total;1.000.000;90.000,00 €",
        ),
        {"Units": ("number", lambda i: COUNTS[i]), "Revenue €": ("number", lambda i: AMOUNTS[i])},
    ),
    "a ledger with a minus behind": (
        lines(
            "account|amount|status",
            lambda i: f"{1000 + i:010}|{abs(AMOUNTS[i]):,.2f}{'-' * (AMOUNTS[i] < 0)}|{GRADES[i]}",
        ),
        {
            "account": ("string", lambda i: f"{1000 + i:010}"),
            "amount": ("number", lambda i: AMOUNTS[i]),
        },
    ),
    "a balance with brackets": (
        lines(
            "item,amount",
            lambda i: f'{i},"{bracketed(AMOUNTS[i])}"',
        ),
        {"amount": ("number", lambda i: AMOUNTS[i])},
    ),
    "used cars with units": (
        lines(
            "engine,power,price",
            lambda i: f"{800 + i} CC,{f'{COUNTS[i]} bhp' if i % 25 else 'bhp'},{COUNTS[i]}",
        ),
        {
            "engine": ("number", lambda i: 800 + i),
            "power": ("number", lambda i: COUNTS[i] if i % 25 else None),
        },
    ),
    "amounts in lakh": (
        lines("salary,dept", lambda i: f'"₹{i % 9 + 1},{i + 10},{i + 500}",{GRADES[i]}'),
        {"salary": ("number", lambda i: float(f"{i % 9 + 1}{i + 10}{i + 500}"))},
    ),
    "counts that are suppressed": (
        lines("county,deaths", lambda i: f"{i:05},{'Suppressed' if i % 7 == 0 else COUNTS[i]}"),
        {
            "county": ("string", lambda i: f"{i:05}"),
            "deaths": ("number", lambda i: COUNTS[i] if i % 7 else None),
        },
    ),
    "a table of letters without a header": (
        "".join(f"{'ep'[i % 2]},{'xfb'[i % 3]},{'sy'[i % 5 // 3]}\n" for i in range(ROWS)),
        {"column_1": ("string", lambda i: "ep"[i % 2])},
    ),
    "columns in line without a header": (
        "".join(f" {AMOUNTS[i]:10.2f}  {COUNTS[i]:6d}   {i % 3}\n" for i in range(ROWS)),
        {"column_1": ("number", lambda i: AMOUNTS[i]), "column_2": ("number", lambda i: COUNTS[i])},
    ),
    "a table of R": (
        '"w" "n" "y"\n'
        + "".join(f'"{i + 1}" {AMOUNTS[i]} {COUNTS[i]} "{GRADES[i]}"\n' for i in range(ROWS)),
        {"n": ("number", lambda i: COUNTS[i]), "y": ("string", lambda i: GRADES[i])},
    ),
    "times of a race": (
        lines("bib,finish", lambda i: f"{i},{3 + i % 2}:{i:02}:{i * 7 % 60:02}"),
        {"finish": ("number", lambda i: 3600 * (3 + i % 2) + 60 * i + i * 7 % 60)},
    ),
    "groups of columns over their names": (
        "size,,price,\n"
        + lines("min,max,min,max", lambda i: f"{i},{i + 1},{COUNTS[i]},{COUNTS[i] + 1}"),
        {"size max": ("number", lambda i: i + 1), "price min": ("number", lambda i: COUNTS[i])},
    ),
}


@pytest.mark.parametrize("kind", EXPORTS)
def test_of(kind: str) -> None:
    text, meant = EXPORTS[kind]
    content = text.encode()
    layout = layout_of(content, "rows.csv", {})
    cells, _ = read_cells(content, "rows.csv", Read(**layout))
    read = Read(**keys_from_cells(cells, layout, []))
    frame, _ = read_bytes(content, "rows.csv", read)
    reading = json.loads(json.dumps(frame.attrs[READING]))
    rows = standardised(frame, {}, (), "rows.csv")
    assert len(rows) == ROWS
    for name, (held, value) in meant.items():
        assert kind_of(rows[name]) == held
        found = [None if each != each else each for each in rows[name].astype(object)]
        assert found == pytest.approx([value(i) for i in range(ROWS)])
    names, records = columns_of(decoded(content, "rows.csv", reading), reading, [*rows.columns])
    assert (names, len(records)) == ([*rows.columns], ROWS)
    for place, name in enumerate(names):
        held = kind_of(rows[name])
        served = [record[place] for record, _ in records]
        given = converted(name, {"type": held}, served, settled(reading, name))
        np.testing.assert_array_equal(given, raw_values(rows, name, held), err_msg=name)
