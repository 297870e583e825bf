"""The section `source` that brings a user's data: each key that their cells and files ask for."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.errors import BadData, MissingFile, nearest
from throughline.limits import applied, guarded
from throughline.paths import Workspace
from throughline.profile.facts import facts
from throughline.profile.far_values import far_value
from throughline.profile.files import typed_texts
from throughline.profile.files.cell_types import note_typed_texts
from throughline.profile.files.footers import SUMS_KEY, said_of_sums
from throughline.profile.kinds import labels, pictures, sounds, texts
from throughline.profile.kinds.grids import grid_of
from throughline.profile.moments import CLOCKS
from throughline.profile.names_in_digits import categories_in_numbers, names_in_digits
from throughline.sources.cells import READING, REPEATED, SPACES
from throughline.sources.folder_names import PART
from throughline.sources.labels import LABELS

if TYPE_CHECKING:
    import pandas as pd

    from throughline.sources.registry import Surroundings

# Bytes in which a binary file has a zero.
BINARY = 1 << 16
# What files of other programs begin with, whatever they are called, and the way on.
TO_PARQUET = ".to_parquet('rows.parquet')"
PROGRAMS = {
    b"ARROW1": ("a Feather file", f"By pandas: pandas.read_feather('{{name}}'){TO_PARQUET}"),
    b"FEA1": ("an old Feather file", f"By pandas: pandas.read_feather('{{name}}'){TO_PARQUET}"),
    b"SQLite format 3\0": (
        "an SQLite database",
        "Give it as 'source.sql: sqlite:///{name}', with 'source.query'",
    ),
    b"\xd0\xcf\x11\xe0": ("a workbook of Excel", "Save the sheet as CSV (UTF-8)"),
    b"\x89HDF": ("an HDF5 file", f"By pandas: pandas.read_hdf('{{name}}'){TO_PARQUET}"),
    b"ORC": ("an ORC file", f"By pandas: pandas.read_orc('{{name}}'){TO_PARQUET}"),
    b"%PDF": ("a PDF document", "Save its table as CSV (UTF-8)"),
}
LAYOUT = {
    "encoding": "is text in {}",
    "separator": "has fields parted by {!r}",
    "skip_rows": "begins with {} lines that are no table",
    "header": "has no header: columns are called by their places",
    "units": "has a row of units below the header, which is left out",
    "decimal": "writes decimals behind '{}'",
    "thousands": "marks thousands by '{}'",
    "quotes": "encloses cells by {}",
    "skip_footer": "ends with {} lines that are no rows: notes, or totals",
    "columns": "has no header that names each column once: they are called {}",
}


def source_of(
    data: Path,
    workspace: Workspace,
    asked: dict[str, Any],
    notes: list[tuple[str, str, str]],
    target: str | None,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The rows as `ingest` will write them, and the section `source` that brings them."""
    import numpy as np

    from throughline.pipeline.schema.source import Source
    from throughline.sources.fetching.mirror import sha256_of
    from throughline.sources.kinds.sklearn import TARGETS
    from throughline.sources.registry import Surroundings, fetch
    from throughline.sources.table import standardised, without_infinite

    section: dict[str, Any]
    if not data.exists():
        if str(data) not in TARGETS:
            siblings = data.parent.iterdir() if data.parent.is_dir() else ()
            close = nearest(data.name, [*(path.name for path in siblings), *TARGETS])
            raise MissingFile(
                f"'{data}' must be a file, a folder or a set of scikit-learn",
                remedy=close if close.startswith("Did") else "",
            )
        section = {"sklearn": str(data)}
    else:
        # A path inside the repository moves with it.
        inside = data.resolve().is_relative_to(workspace.root.resolve())
        path = os.path.relpath(data, workspace.root) if inside else str(data.resolve())
        # No checksum: a file of this machine that grows makes its pipeline run again.
        section = {"folder" if data.is_dir() else "file": path}
        alone = data.is_file() and not _is_archive(data)
        images = None if alone else pictures.storing(data) or sounds.storing(data)
        if images is not None:
            # Every fault is a fact of the data first; what they need is said after the look.
            section = {"folder": path, "images": images | {"limit": 1.0}}
            if data.is_file():
                section["sha256"] = sha256_of(data)
        beside = None if alone else labels.table_among(data, _endings(images), notes)
        if beside is not None:
            section["labels"] = {"file": beside.file, "name": beside.name}
            asked = beside.read | asked
            said = f"says what {beside.matched} files are, by its column '{beside.name}'"
            notes.append((beside.file, said, "source.labels"))
    surroundings = Surroundings.of(workspace.root)
    with applied(surroundings.limits), guarded(str(data)):
        read = _read_keys(data, section, asked, notes)
    if read:
        section["read"] = read
    fetched = fetch(Source(**section), surroundings)
    label_columns = fetched.frame.attrs.get(LABELS, ())
    if "images" in section:
        section["images"] = pictures.with_limit(section["images"], fetched.origin)
    shapes = fetched.frame.attrs.get("shapes", {})
    pixels = None if "images" in section else pictures.array_of(shapes)
    if pixels is not None:
        section["images"] = {"array": pixels}
        label_columns = [name for name in fetched.frame.columns if name not in (pixels, PART)]
        fetched = replace(fetched, frame=pictures.from_array(fetched.frame, pixels))
    for array in fetched.images.values():
        # Only `ingest` has a use for the pixels.
        array.unlink()
    frame = standardised(fetched.frame, {}, (), str(data))
    cells = READING in fetched.frame.attrs
    alone = "file" in section and "images" not in section
    others = frame.drop(columns=[target] if target else [], errors="ignore")
    if alone and not cells and typed_texts.add_keys(frame, section, notes):
        fetched = fetch(Source(**section), surroundings)
        frame = standardised(fetched.frame, {}, (), str(data))
    if cells and (clocks := _clocks_of_a_grid(section, surroundings, frame)):
        types = section["read"]["types"]
        section["read"]["types"] = {k: v for k, v in types.items() if k not in clocks}
        notes[:] = [note for note in notes if note[0] not in clocks]
        notes += [
            (name, "times of the day, part of when a row is", "time.index") for name in clocks
        ]
        fetched = fetch(Source(**section), surroundings)
        frame = standardised(fetched.frame, {}, (), str(data))
    whole = frame.columns if cells else fetched.frame.select_dtypes("integer").columns
    categories = {} if cells or not alone else categories_in_numbers(data)
    if alone and (names := names_in_digits(others, whole) | categories):
        # A file of texts says what its columns hold, one with types which of them are texts.
        key = _read_as_texts([*names], section, cells)
        notes += [(name, said, key) for name, said in names.items()]
        fetched = fetch(Source(**section), surroundings)
        frame = standardised(fetched.frame, {}, Source(**section).read.text_columns, str(data))
    if repeated := fetched.frame.attrs.get(REPEATED):
        said = f"has its header again in {repeated} lines, which are left out"
        notes.append(("the file", said, "the file itself"))
    for column, count in fetched.frame.attrs.get(SPACES, {}).items():
        notes.append((column, f"spaces around {count} cells left out", "source.read.text_columns"))
    if not cells:
        notes += _far_values(frame)
        note_typed_texts(frame, notes)
    infinite = [
        c
        for c in map(str, frame.columns)
        if frame[c].dtype.kind == "f" and np.isinf(frame[c]).any()
    ]
    if infinite:
        section.setdefault("read", {})["infinite"] = "missing"
        for column in infinite:
            count = int(np.isinf(frame[column]).sum())
            notes.append(
                (column, f"{count} infinite numbers read as missing", "source.read.infinite")
            )
        frame = without_infinite(frame)
    frame = frame.drop(columns=[pictures.PIXELS, sounds.COLUMN], errors="ignore")
    frame.attrs[LABELS] = [name for name in label_columns if name in frame.columns]
    frame.attrs[pictures.SHAPE] = shapes.get(pixels)
    return frame, section


def _endings(images: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Of the files that a table among them could label."""
    from throughline.sources.kinds.folder import TEXTS
    from throughline.sources.tree import IMAGES, SOUNDS

    if images is None:
        return TEXTS
    return SOUNDS if "sound" in images else IMAGES


def _clocks_of_a_grid(
    section: Mapping[str, Any], surroundings: Surroundings, frame: pd.DataFrame
) -> list[str]:
    """The columns of times of the day that make rows a series, with the days beside them."""
    from throughline.pipeline.schema.source import Source
    from throughline.sources.registry import fetch
    from throughline.sources.table import standardised

    read = section.get("read", {})
    types = read.get("types", {})
    clocks = [name for name in types if types[name] == "duration" and name.lower() in CLOCKS]
    if not clocks or grid_of(frame, facts(frame)) is not None:
        return []
    others = {name: kind for name, kind in types.items() if name not in clocks}
    source = Source(**{**section, "read": {**read, "types": others}})
    rows = standardised(fetch(source, surroundings).frame, {}, (), "the rows")
    grid = grid_of(rows, facts(rows))
    index = [] if grid is None else grid.index
    said = index["columns"] if isinstance(index, dict) else index
    return [name for name in clocks if name in said]


def _far_values(frame: pd.DataFrame) -> Iterator[tuple[str, str, str]]:
    """Numbers of a file with types that may stand for missing ones."""
    import numpy as np

    for name in map(str, frame.columns):
        if frame[name].dtype.kind not in "if":
            continue
        counts = frame[name][np.isfinite(frame[name])].value_counts()
        far = far_value(dict(zip(counts.index.tolist(), counts.tolist(), strict=True)))
        if far is not None:
            said = f"{far:g} ({counts[far]}) lies apart from the others: is it a missing number?"
            yield name, said, f"columns.{name}.missing: [{far:.12g}]"


def _read_as_texts(names: list[str], section: dict[str, Any], cells: bool) -> str:
    """Put into section `source` that columns are texts; returns the key that says so."""
    read = section.setdefault("read", {})
    if cells:
        read["types"] = {**read.get("types", {}), **dict.fromkeys(names, "text")}
        return "source.read.types"
    read["text_columns"] = [*read.get("text_columns", []), *names]
    return "source.read.text_columns"


def _read_keys(
    data: Path,
    section: Mapping[str, Any],
    asked: dict[str, Any],
    notes: list[tuple[str, str, str]],
) -> dict[str, Any]:
    """Section `source.read` of a delimited file, from its own cells."""
    from throughline.pipeline.schema.source import Read
    from throughline.profile.files.cell_types import keys_from_cells
    from throughline.profile.files.encodings import shown
    from throughline.profile.files.table_layout import is_table, layout_of
    from throughline.serving.rows.reading import is_json_lines
    from throughline.sources.formats.content import unpacked
    from throughline.sources.formats.reading import format_of, read_cells
    from throughline.sources.gate import taken

    if "file" not in section:
        folder = "images" not in section and "encoding" not in asked and "folder" in section
        encoding = texts.encoding_below(data) if folder else None
        if encoding is None:
            return asked
        notes.append(("the files", f"are text in {encoding}", "source.read.encoding"))
        return {**asked, "encoding": encoding}
    content, inner = unpacked(taken(data).content, data.name, asked.get("member"))
    kind = asked.get("format") or format_of(inner, content)
    _check_program(content, inner)
    if kind in ("csv", "lines", None) and "format" not in asked and is_json_lines(content):
        said = "holds an object of JSON a line, though its name does not say so"
        notes.append(("the file", said, "source.read.format"))
        kind, asked = "jsonl", {**asked, "format": "jsonl"}
    elif kind in ("lines", None) and is_table(content, inner):
        kind, asked = "csv", {**asked, "format": "csv"}
        notes.append(
            ("the file", "is a table, though its name does not say so", "source.read.format")
        )
    if kind != "csv":
        return asked
    read = layout_of(content, inner, asked)
    for key, what in LAYOUT.items():
        if key in read and key not in asked and (key != "header" or "columns" not in read):
            said = what.format(read[key])
            if key == "encoding" and (word := shown(content, read[key])):
                said += f", in which it says '{word}'"
            notes.append(("the file", said, f"source.read.{key}"))
    cells, _ = read_cells(content, inner, Read(**{**read, "member": None}))
    if "skip_footer" not in read and (said := said_of_sums(cells, read)):
        notes.append(("the file", said, SUMS_KEY))
    return keys_from_cells(cells, read, notes)


def _check_program(content: bytes, name: str) -> None:
    """Refuse a file of another program before its name lets it be read as text or Parquet."""
    for start, (kind, way_on) in PROGRAMS.items():
        # A column may be called `ORC` or `FEA1`, too: no text holds a zero byte.
        if content.startswith(start) and (not start.isalnum() or b"\0" in content[:BINARY]):
            raise BadData(
                f"'{name}' must be a file that is read here", kind, way_on.format(name=name)
            )


def _is_archive(path: Path) -> bool:
    import tarfile
    import zipfile

    # A `.npz` is a zip file of arrays.
    return path.suffix != ".npz" and (zipfile.is_zipfile(path) or tarfile.is_tarfile(path))
