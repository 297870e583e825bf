"""Pictures and sounds as columns of numbers: what each looks or sounds like."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from throughline.errors import BadData, BadPipeline, printable
from throughline.preprocessing.columns.looks import looks
from throughline.sources.tree import IMAGES, SOUNDS, files_below

Columns = tuple[list[Mapping[str, Any]], list[np.ndarray[Any, Any]]]


def in_folder(folder: Path, inputs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The pictures or sounds below a folder as the model takes them, None for a broken one.

    Args:
        folder: with folders in it, whose names say nothing here.
        inputs: of the model.

    Raises:
        BadData: the model takes something else, or no such file is there.
    """
    from throughline.serving.errors import BadRequest
    from throughline.serving.rows.media.media_files import taken_in

    if len(inputs) != 1 or next(iter(inputs.values()))["type"] != "image":
        raise BadData(
            f"'{folder}' must be a file of rows, for the model takes {', '.join(inputs)}",
            "a folder",
        )
    ((name, entry),) = inputs.items()
    suffixes = SOUNDS if entry.get("rate") else IMAGES
    found: list[np.ndarray | None] = []
    broken: list[str] = []
    for file, content in files_below(folder):
        if PurePosixPath(file.lower()).suffix not in suffixes:
            continue
        try:
            found.append(taken_in(content, file, entry)[0])
        except BadRequest as error:
            found.append(None)
            broken.append(str(error))
    if not found:
        raise BadData(f"'{folder}' must hold files that end in {', '.join(suffixes)}", "none")
    if broken:
        said = f"{len(broken)} of {len(found)} files cannot be read, which counts as missing: "
        print(printable(f"{said}{broken[0]}"), file=sys.stderr)
    values = np.empty(len(found), dtype=object)
    values[:] = found
    return {name: values}


def seen(entries: Sequence[Mapping[str, Any]], columns: Sequence[np.ndarray[Any, Any]]) -> Columns:
    """The columns that are compared: in the place of pictures what each of them looks like.

    Args:
        entries: the columns as `inputs` of the model's metadata describe them.
        columns: for each [rows] values.

    Raises:
        BadPipeline: an older model, which does not say what its training's pictures looked like.
    """
    kept: Columns = ([], [])
    for entry, values in zip(entries, columns, strict=True):
        if entry["type"] != "image":
            kept[0].append(entry)
            kept[1].append(values)
            continue
        if "looks" not in entry:
            raise BadPipeline(
                f"The model must say what the pictures of '{entry['name']}' looked like",
                "an older one, which does not",
                "Build it again",
            )
        heard = bool(entry.get("rate"))
        each = [None if one is None else looks(np.asarray(one), heard) for one in values]
        for name, described in entry["looks"].items():
            column = np.empty(len(each), dtype=object)
            column[:] = [None if found is None else found[name] for found in each]
            kept[0].append(
                {
                    **described,
                    "name": f"{entry['name']} {name}",
                    "type": "number",
                    "missing": entry["missing"],
                    "rows": entry["looked_at"],
                }
            )
            kept[1].append(column)
    return kept
