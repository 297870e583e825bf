"""The files that pictures and sounds were stored from: a proof begins where a user begins.

Beside `rows.parquet` lies `rows.originals.parquet` where the rows came from such files. It holds
the bytes of some of them, or of all where they are few: `number` says whose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import RefusedByGate

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow

# Bytes of original files that go along with stored pictures: all 4,000 photos of cats and dogs of
# 180 pixels are 41 MB.
MOST_BYTES = 64 << 20


class Keeping:
    """Files that are kept while they are read: every second, fourth, ... of them as they grow.

    Args:
        most: bytes to keep.
    """

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self._every, self._bytes = 1, 0
        self._held: dict[int, tuple[str, bytes]] = {}

    def offer(self, number: int, file: str, content: bytes) -> None:
        """Keep a file, unless it is passed over; numbers grow."""
        if number % self._every:
            return
        self._held[number] = file, content
        self._bytes += len(content)
        while self._bytes > self._most and len(self._held) > 1:
            self._every *= 2
            for each in [each for each in self._held if each % self._every]:
                self._bytes -= len(self._held.pop(each)[1])

    def frame(self) -> pd.DataFrame:
        """What is held: `number`, `file` and `content`."""
        import pandas as pd

        return pd.DataFrame(
            [(number, file, content) for number, (file, content) in self._held.items()],
            columns=["number", "file", "content"],
        )


def originals_beside(path: Path) -> Path:
    """Where the original files of the rows of a Parquet file are."""
    return path.with_suffix(".originals.parquet")


def write_originals(originals: pd.DataFrame, path: Path) -> None:
    """Write original files beside the Parquet file of their rows."""
    import pyarrow as pa
    from pyarrow import parquet

    columns: Mapping[str, pyarrow.DataType] = {
        "number": pa.int64(), "file": pa.string(), "content": pa.binary(),
    }  # fmt: skip
    arrays = {name: pa.array(originals[name], kind) for name, kind in columns.items()}
    # They are packed already.
    parquet.write_table(
        pa.table(arrays), originals_beside(path), compression="none", use_dictionary=False
    )


def read_originals(path: Path) -> list[dict[str, Any]] | None:
    """The original files of the rows of a Parquet file; None where they came from no files."""
    from pyarrow import parquet

    beside = originals_beside(path)
    if not beside.exists():
        return None
    found: list[dict[str, Any]] = parquet.read_table(beside).to_pylist()
    return found


def pass_on(rows: Path, numbers: Sequence[int], chosen: Path, most: int | None = None) -> None:
    """Write the original files of some rows beside these, numbered as they are.

    Args:
        rows: Parquet file of all rows.
        numbers: for each chosen row the number of its picture among those of all rows.
        chosen: Parquet file of the chosen rows.
        most: how many files at most. Default: all.
    """
    import pandas as pd

    found = read_originals(rows)
    if found is None:
        return
    place = {number: row for row, number in enumerate(numbers)}
    kept = [each | {"number": place[each["number"]]} for each in found if each["number"] in place]
    kept.sort(key=lambda each: int(each["number"]))
    write_originals(pd.DataFrame(kept[:most], columns=["number", "file", "content"]), chosen)


def served_as_stored(
    originals: Sequence[Mapping[str, Any]],
    stored: Sequence[np.ndarray] | np.ndarray,
    entry: Mapping[str, Any],
) -> int:
    """How many original files serving decodes to exactly what is stored of them.

    A waveform that no spectrogram is made of is served by no file.

    Args:
        originals: of `read_originals`.
        stored: for each of them its picture or sound.
        entry: what the model's metadata say of the input.

    Raises:
        RefusedByGate: a file is served otherwise than it was learned, or not at all.
    """
    from throughline.serving.errors import BadRequest
    from throughline.serving.rows.media.media_files import taken_in, takes_files

    if not takes_files(entry):
        return 0
    for each, pixels in zip(originals, stored, strict=True):
        file = each["file"]
        try:
            served = taken_in(each["content"], file, entry)[0]
        except BadRequest as error:
            raise RefusedByGate(
                f"A served model must take '{file}', of which it learned", str(error)
            ) from None
        if served.shape != pixels.shape:
            raise _served_otherwise(file, f"{served.shape}, and {pixels.shape} is stored")
        apart = np.abs(served.astype(np.int64) - pixels)
        if apart.any():
            raise _served_otherwise(
                file, f"{np.count_nonzero(apart)} of {apart.size} values differ, by {apart.max()}"
            )
    return len(originals)


def _served_otherwise(file: str, what: str) -> RefusedByGate:
    return RefusedByGate(
        f"'{file}' must be served as it is stored, or answers differ from the report's",
        what,
        "Run `ingest` and all stages after it again with this version; if it stays, report it",
    )
