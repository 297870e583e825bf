"""ARFF files, Weka's format."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from throughline.errors import BadData
from throughline.sources.formats.content import decoded
from throughline.sources.table import LARGEST_EXACT

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.schema.source import Read

FORMATS = {"arff": {"suffixes": (".arff",), "lines": True}}

NUMBERS = ("NUMERIC", "REAL", "INTEGER")
LONG_INTEGER = re.compile(r"(?<![\d.])\d{16,300}(?![\d.])")


def read(content: bytes, name: str, settings: Read) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The table in an ARFF file, dense or with strings.

    Raises:
        BadData: no sound ARFF file, or a whole number that its reader would change.
    """
    import pandas as pd
    from sklearn.externals._arff import ArffException, loads

    text = decoded(content, name, settings.encoding)
    try:
        document = loads(text)
    except ArffException as error:
        raise BadData(f"'{name}' must be a sound ARFF file", str(error)) from None
    columns = [attribute for attribute, _ in document["attributes"]]
    frame = pd.DataFrame(document["data"], columns=columns)
    numbers = [column for column, kind in document["attributes"] if kind in NUMBERS]
    if changed := _changed(frame[numbers], text):
        raise BadData(
            f"Numbers of '{name}' must be such as a float keeps, for ARFF knows no others",
            changed,
            "Declare its attribute as string where it is a name, or save the table as CSV",
        )
    return frame, {"relation": document["relation"], "encoding": settings.encoding}


def _changed(numbers: pd.DataFrame, text: str) -> str | None:
    """A whole number as the file has it that the reader, which takes each for a float, changed."""
    values = numbers.to_numpy("float64", na_value=0.0).ravel()
    large = set(abs(values[abs(values) >= LARGEST_EXACT]))
    found = LONG_INTEGER.findall(text) if large else []
    lost = (long for long in found if int(long) != int(float(long)) and float(long) in large)
    return next(lost, None)
