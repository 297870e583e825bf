"""JSON lines, and JSON files that hold one table."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from throughline.errors import BadData
from throughline.limits import check_table
from throughline.pipeline.formats import SUFFIXES
from throughline.serving.rows.objects import KeyTwice, each_once
from throughline.sources.formats.content import decoded
from throughline.sources.table import exact

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.schema.source import Read

FORMATS = {
    "jsonl": {"suffixes": (".jsonl", ".ndjson"), "lines": True},
    "json": {"suffixes": (".json",)},
}

BY_PANDAS = "By pandas: frame.to_json('rows.jsonl', orient='records', lines=True)"

TWICE = "Give one of the two a name of its own: which one counts is nobody's to guess"


def read(content: bytes, name: str, settings: Read) -> tuple[pd.DataFrame, dict[str, Any]]:
    """One row a line, or one JSON list of rows, one JSON object of columns, or a dictionary.

    Raises:
        BadData: a line is no JSON object, or has a key twice; names the line.
    """
    import pandas as pd

    text = decoded(content, name, settings.encoding)
    how = {"encoding": settings.encoding}
    try:
        whole = json.loads(text, object_pairs_hook=each_once)
    except KeyTwice as error:
        raise BadData(f"Each object of '{name}' must have a key once", str(error), TWICE) from None
    except json.JSONDecodeError:
        return _only_objects(_lines(text, name), name), how
    kind = settings.format or SUFFIXES.get(PurePosixPath(name.lower()).suffix)
    if kind == "jsonl" and isinstance(whole, dict):
        # A file of one line.
        return _only_objects([(1, whole)], name), how
    if isinstance(whole, list):
        return _only_objects(list(enumerate(whole, 1)), name), how
    if isinstance(whole, dict) and whole and all(isinstance(v, list) for v in whole.values()):
        lengths = {key: len(values) for key, values in whole.items()}
        if len(set(lengths.values())) == 1:
            return pd.DataFrame({key: exact(values) for key, values in whole.items()}), how
        raise BadData(
            f"All columns of '{name}' must have the same number of values", lengths, BY_PANDAS
        )
    if isinstance(whole, dict) and not any(isinstance(v, (list, dict)) for v in whole.values()):
        # A dictionary such as a word index.
        return pd.DataFrame({"key": list(whole), "value": exact(list(whole.values()))}), how
    raise BadData(
        f"'{name}' must be a list of rows, an object of columns or a dictionary of values",
        whole,
        BY_PANDAS,
    )


def _lines(text: str, name: str) -> list[tuple[int, Any]]:
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                rows.append((number, json.loads(line, object_pairs_hook=each_once)))
            except KeyTwice as error:
                raise BadData(
                    f"Line {number} of '{name}' must have each key once", str(error), TWICE
                ) from None
            except json.JSONDecodeError as error:
                raise BadData(
                    f"Line {number} of '{name}' must be JSON", line, f"{error.msg}: mend the line"
                ) from None
    return rows


def _only_objects(rows: list[tuple[int, Any]], name: str) -> pd.DataFrame:
    import pandas as pd

    for number, row in rows:
        if not isinstance(row, dict):
            raise BadData(f"Row {number} of '{name}' must be a JSON object", row)
    # Each row may have names of its own, and every row gets them all.
    names = dict.fromkeys(key for _, row in rows for key in row)
    check_table(name, len(rows), len(names))
    return pd.DataFrame({key: exact([row.get(key) for _, row in rows]) for key in names})
