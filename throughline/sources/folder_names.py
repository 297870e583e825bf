"""What the folders of files say: which part a file belongs to, and which class it is of."""

from __future__ import annotations

import re
from collections.abc import Sequence

from throughline.samples.splits.named import part_named, tells_parts

PART, CLASS = "part", "class"
# `cat.7.png`, `cat_7.png`, `cat-007.png`, `cat (7).png`, `cat7.png`.
NUMBERED = re.compile(r"(.*[^\W\d_])[\s._-]*\(?\d+\)?\.\w+")
# What cameras and programs call their files says nothing of what they show.
CAMERAS = {
    "img", "image", "images", "dsc", "dscn", "dscf", "pxl", "mvimg", "vid", "photo", "picture",
    "pic", "scan", "screenshot", "frame", "file", "rec", "sound", "audio", "sample", "train",
    "test", "val",
}  # fmt: skip
# Begins the names of columns where more than one level could hold the classes.
LEVEL = "level"


def said_by_folders(files: Sequence[str]) -> dict[str, list[str | None]]:
    """Columns `part` and `class` of files, from the folders that they are in.

    A level whose names are those of parts (`Train`, `val`, `test`) gives the part. Of the other
    levels, the one that holds several names gives the class. Where several do, as in
    `cat/camera-1/7.png`, nobody but the user knows which: each becomes a column, `level1` the
    highest, to be named as `target`. Where none does, names such as `cat.7.png` or `cat_7.png`
    give it.

    Args:
        files: names with `/` between folders.

    Returns:
        the columns that the folders give; None for a file that lies above such a level.
    """
    folders = [name.split("/")[:-1] for name in files]
    depth = max((len(parts) for parts in folders), default=0)
    levels = [
        [parts[level] if len(parts) > level else None for parts in folders]
        for level in range(depth)
    ]
    parts = next((level for level in levels if tells_parts(_names(level))), None)
    columns: dict[str, list[str | None]] = {}
    if parts is not None:
        given = [name and part_named(name) for name in parts]
        # `test_set/test_set/cats` says it twice.
        levels = [each for each in levels if [name and part_named(name) for name in each] != given]
        columns[PART] = given
    choices = _choices(levels)
    called = _said_by_names(files)
    if called is not None and all(len(_names(choice)) < 2 for choice in choices):
        columns[CLASS] = called
    elif len(choices) == 1:
        columns[CLASS] = choices[0]
    elif choices:
        columns |= {f"{LEVEL}{levels.index(choice) + 1}": choice for choice in choices}
    return columns


def _choices(levels: list[list[str | None]]) -> list[list[str | None]]:
    """The levels that could hold the classes."""
    several = [level for level in levels if len(_names(level)) > 1]
    if not several:
        # One class alone, or folders around them all.
        return levels[-1:]
    # Where some files lie in further folders, those tell less than the one that all lie in.
    most = max(sum(name is not None for name in level) for level in several)
    return [level for level in several if sum(name is not None for name in level) == most]


def _said_by_names(files: Sequence[str]) -> list[str | None] | None:
    """What stands before the numbers of files, where all have some and they tell them apart."""
    found = [NUMBERED.fullmatch(name.rpartition("/")[2]) for name in files]
    called = [match and match[1] for match in found]
    names = {name.lower() for name in called if name is not None}
    if None in called or names & CAMERAS or not 1 < len(set(called)) <= len(files) / 2:
        return None
    return called


def _names(level: list[str | None]) -> list[str]:
    return sorted({name for name in level if name is not None})
