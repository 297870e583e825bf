"""Generated CSV files through draft, ingest, validation, preparation and serving.

Run: python -m benchmarks.strange_tables [--count 2000] [--first 0]

Each file is drawn by its number: kinds of columns, marks of numbers, spellings of missing ones,
separators, encodings, line ends, lines above and below, names, sizes. It must become a draft that
keeps its own rows, and be prepared and served as it was trained, or be refused in one line; each
value must be what was written, or the terminal must speak of its column. Exits with 1 else.
"""

from __future__ import annotations

import argparse
import re
import sys
import traceback
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from unittest import mock

import numpy as np

from throughline.errors import ThroughlineError
from throughline.paths import READING_FILE, Workspace, read_json
from throughline.serving.errors import BadRequest

PARAMS = Path("params.yaml")
MONTHS = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember"
WORDS = ("north", "Süd", "O'Hare", 'the "best"', "a b", "x;y", "Ähre", "n/a?", "e1", "1st", "Łódź")
NAMES = ("amount", "Größe", "size (cm)", "x", "X", "a,b", "2020", "label of", "id", "ночь", "e5")


class Column(NamedTuple):
    """The cells of a column, and what they mean: numbers, or texts; None where missing."""

    cells: list[str]
    values: list[Any]


@dataclass(frozen=True)
class Marks:
    """How a file writes its numbers."""

    decimal: str
    thousands: str

    def written(self, number: float, digits: int) -> str:
        """A number with its marks."""
        text = f"{number:,.{digits}f}"
        return text.translate(str.maketrans({",": self.thousands, ".": self.decimal}))


@dataclass
class Drawn:
    """A file and what its columns mean."""

    content: bytes
    columns: dict[str, list[Any]] = field(default_factory=dict)


Generator = np.random.Generator


def _numbers(g: Generator, rows: int, marks: Marks, before: str = "", behind: str = "") -> Column:
    digits = int(g.integers(0, 4))
    values = np.round(g.normal(g.choice([0, 50, 4000]), g.choice([1, 30, 9000]), rows), digits)
    values = values + 0.0
    cells = [f"{before}{marks.written(value, digits)}{behind}" for value in values]
    return Column(cells, values.tolist())


def _codes(g: Generator, rows: int, marks: Marks) -> Column:
    cells = [f"{number:05}" for number in g.integers(0, 40, rows)]
    return Column(cells, list(cells))


def _words(g: Generator, rows: int, marks: Marks) -> Column:
    some = g.choice(WORDS, int(g.integers(2, 6)), replace=False)
    cells = [str(word) for word in g.choice(some, rows)]
    return Column(cells, list(cells))


def _flags(g: Generator, rows: int, marks: Marks) -> Column:
    pairs = [("true", "FALSE"), ("yes", "no"), ("Y", "N"), ("ja", "nein"), ("VRAI", "FAUX")]
    cells = [str(word) for word in g.choice(pairs[int(g.integers(len(pairs)))], rows)]
    return Column(cells, list(cells))


def _days(g: Generator, rows: int, marks: Marks) -> Column:
    days = np.datetime64("2020-01-01") + g.integers(0, 900, rows)
    form = g.choice(["%Y-%m-%d", "%d.%m.%Y", "%d/%m/%y", "%d. %B %Y", "%Y%m%d"])
    stamps = [day.astype("M8[s]").item() for day in days]
    cells = [stamp.strftime(str(form)) for stamp in stamps]
    if form == "%d. %B %Y":
        months = MONTHS.split()
        cells = [f"{s.day}. {months[s.month - 1]} {s.year}" for s in stamps]
    return Column(cells, [int(c) for c in cells] if form == "%Y%m%d" else stamps)


def _names(g: Generator, rows: int, marks: Marks) -> Column:
    whole = 2**53 + g.integers(1, rows, rows)
    return Column([str(number) for number in whole], [str(number) for number in whole])


def _sentences(g: Generator, rows: int, marks: Marks) -> Column:
    cells = [" ".join(map(str, g.choice(WORDS, int(g.integers(6, 12))))) for _ in range(rows)]
    return Column(cells, list(cells))


def _money(g: Generator, rows: int, marks: Marks) -> Column:
    before, behind = (("$", ""), ("", " €"), ("EUR ", ""), ("", "%"), ("", " kg"))[g.integers(5)]
    return _numbers(g, rows, marks, str(before), str(behind))


KINDS: tuple[Callable[[Generator, int, Marks], Column], ...] = (
    _numbers, _numbers, _money, _codes, _words, _flags, _days, _names, _sentences,
)  # fmt: skip


def drawn(number: int) -> Drawn:
    """The file of a number."""
    g = np.random.default_rng(number)
    rows = int(g.integers(25, 160))
    separator = str(g.choice([",", ";", "\t", "|"]))
    decimal = "." if separator == "," or g.random() < 0.5 else ","
    thousands = str(g.choice(["", "", "'", "\u00a0", "." if decimal == "," else ","]))
    marks = Marks(decimal, thousands)
    names = [str(name) for name in g.choice(NAMES, int(g.integers(2, 7)), replace=False)]
    columns = {name: KINDS[int(g.integers(len(KINDS)))](g, rows, marks) for name in names}
    score = g.normal(size=rows).round(3)
    columns["w"] = Column([f"{v:.3f}".replace(".", decimal) for v in score], (score + 0.0).tolist())
    good = score + g.normal(size=rows) > 0
    columns["y"] = Column(["good" if each else "bad" for each in good], [])
    for name in names:
        if g.random() < 0.3:
            spelling = str(g.choice(["", "NA", "null", "#N/A"]))
            for row in np.flatnonzero(g.random(rows) < 0.1):
                columns[name].cells[row], columns[name].values[row] = spelling, None
    text = _laid_out(g, columns, rows, separator)
    encoding = str(g.choice(["utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252"]))
    try:
        content = text.encode(encoding)
    except UnicodeEncodeError:
        content = text.encode()
    return Drawn(content, {name: columns[name].values for name in [*names, "w"]})


def _laid_out(g: Generator, columns: dict[str, Column], rows: int, separator: str) -> str:
    def quoted(cell: str) -> str:
        odd = any(mark in cell for mark in (separator, '"', "\n"))
        doubled = cell.replace('"', '""')
        return f'"{doubled}"' if odd else cell

    lines = [separator.join(map(quoted, columns))]
    lines += [separator.join(quoted(c.cells[row]) for c in columns.values()) for row in range(rows)]
    if g.random() < 0.15:
        lines = ["Report of sales", "", *lines]
    if g.random() < 0.1:
        lines += ["", "Source: office of statistics"]
    end = str(g.choice(["\n", "\n", "\r\n"]))
    return end.join(lines) + (end if g.random() < 0.8 else "")


def tried(number: int, refusals: Counter[str]) -> list[str]:
    """What is wrong with what becomes of a file; nothing where all is well.

    Args:
        number: of the file.
        refusals: counts what was refused, by how the line begins.
    """
    from throughline.profile.profile import profile
    from throughline.stages.run import run_stage

    file = drawn(number)
    with TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "params.yaml").write_bytes(PARAMS.read_bytes())
        (root / "rows.csv").write_bytes(file.content)
        workspace = Workspace(root, "mine")
        try:
            told = profile(root / "rows.csv", "mine", "y", workspace).guesses
            for stage in ("ingest", "validate", "prepare"):
                run_stage(stage, "mine", root)
            return [*_changed(workspace, file, told), *_served_otherwise(workspace)]
        except (ThroughlineError, BadRequest) as error:
            refused = str(error)
            refusals[re.sub(r"'[^']*'|[0-9]+", "…", refused)[:100]] += 1
            return [f"refused in several lines: {refused}"] if "\n" in refused else []
        except Exception:
            return [traceback.format_exc()[-1500:]]


def _changed(workspace: Workspace, file: Drawn, told: Sequence[str]) -> list[str]:
    """Columns whose values are not what was written, and of which nothing was said."""
    import pandas as pd

    rows = pd.read_parquet(workspace.raw / "rows.parquet")
    wrong = []
    for name, values in file.columns.items():
        said = any(line.strip().startswith(name) for line in told)
        called = name if name in rows else None
        if called is None or len(rows) != len(values):
            wrong.append(f"{name}: {len(rows)} rows for {len(values)}, columns {list(rows)}")
            continue
        found = rows[called].astype(object).where(rows[called].notna(), None).tolist()
        differ = [(a, b) for a, b in zip(values, found, strict=True) if not _same(a, b)]
        if differ and not said:
            wrong.append(f"{name}: {len(differ)} of {len(values)} differ, as {differ[0]}; {told}")
    return wrong


def _same(written: Any, found: Any) -> bool:
    if written is None or found is None:
        return written is found
    if isinstance(written, str) and isinstance(found, str):
        return unicodedata.normalize("NFC", written.strip()) == found
    if isinstance(written, str):
        return written.lower() in (("true", "yes", "y") if found else ("false", "no", "n"))
    if isinstance(written, (int, float)):
        return bool(written == found)
    # A day: its text stays one where no split goes by it.
    return isinstance(found, str) or bool(written == found)


def _served_otherwise(workspace: Workspace) -> list[str]:
    """Inputs of the model whose cells serving reads otherwise than training did."""
    import pandas as pd

    from throughline.serving.rows.reading import read_columns
    from throughline.serving.rows.values import converted, settled

    prepared = read_json(workspace.training_data / "main" / "prepared.json")
    rows = pd.read_parquet(workspace.raw / "rows.parquet")
    reading = read_json(workspace.raw / READING_FILE)
    names = [entry["name"] for entry in prepared["inputs"]]
    served = read_columns(workspace.root / "rows.csv", reading, names)
    wrong = []
    for entry in prepared["inputs"]:
        name = entry["name"]
        found = converted(name, entry, served[name], settled(reading, name)).tolist()
        kept = converted(name, entry, rows[name].tolist(), settled({}, name)).tolist()
        if not all(a == b or (a != a and b != b) for a, b in zip(found, kept, strict=True)):
            wrong.append(f"{name}: served otherwise than trained")
    return wrong


def main() -> int:
    """Try the files; print what is wrong and how many there were."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0)
    asked = parser.parse_args()
    wrong, refusals = 0, Counter[str]()
    # The page and the digests of code take most of the time and say nothing here.
    with (
        mock.patch("throughline.profile.profile_page.page", lambda *_: ""),
        mock.patch("throughline.stages.wire.refreshed", lambda *_: None),
        mock.patch("throughline.stages.run.refreshed", lambda *_: None),
    ):
        for number in range(asked.first, asked.first + asked.count):
            faults = tried(number, refusals)
            wrong += bool(faults)
            for fault in faults:
                print(f"{number}: {fault}", flush=True)
            if (number + 1) % 250 == 0:
                print(f"{number + 1 - asked.first} tried, {wrong} wrong", flush=True)
    for line, count in refusals.most_common():
        print(f"refused {count}: {line}")
    print(f"{asked.count} files, {sum(refusals.values())} refused, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
