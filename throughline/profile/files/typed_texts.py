"""Texts of a file whose format has types, as JSON and Parquet: what the draft says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from throughline.profile.facts import fact
from throughline.profile.files.numbers_in_texts import numbers_in_texts

if TYPE_CHECKING:
    import pandas as pd


def add_keys(
    frame: pd.DataFrame, section: dict[str, Any], notes: list[tuple[str, str, str]]
) -> bool:
    """Put into section `source` which texts are numbers, and where an empty one is none at all.

    Args:
        frame: the rows.
        section: `source`; its `read` is changed.
        notes: receives column, what was done, and the key that undoes it.

    Returns:
        Whether there is anything to read otherwise.
    """
    numbers, blank = numbers_in_texts(frame), _blank(frame)
    blank = {name: count for name, count in blank.items() if name not in numbers}
    if not numbers and not blank:
        return False
    read = section.setdefault("read", {})
    kinds = {**dict.fromkeys(numbers, "number"), **dict.fromkeys(blank, "text")}
    read["types"] = {**kinds, **read.get("types", {})}
    notes += [
        (name, f"texts that are all numbers, such as '{text}': numbers", "source.read.types")
        for name, text in numbers.items()
    ]
    if blank and not isinstance(read.get("missing"), list):
        read["missing"] = {**{name: [""] for name in blank}, **read.get("missing", {})}
    notes += [
        (name, f"empty texts ({count}) read as missing", "source.read.missing")
        for name, count in blank.items()
    ]
    return True


def _blank(frame: pd.DataFrame) -> dict[str, int]:
    """How many texts are empty in each column of which they could be a category.

    A sentence may be empty: it has no words.
    """
    import pandas as pd

    counts = {
        str(name): int((frame[name] == "").sum())
        for name in frame.columns
        if isinstance(frame[name].dtype, pd.StringDtype)
    }
    return {
        name: count
        for name, count in counts.items()
        if 0 < count < len(frame) and fact(name, frame[name]).role != "text"
    }
