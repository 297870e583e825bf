"""Files of arrays: npz, npy and the idx files of MNIST."""

from __future__ import annotations

import io
import math
import re
import zipfile
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadData, ThroughlineError, listed
from throughline.limits import check, check_array

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.schema.source import Read

FORMATS = {
    "npz": {"suffixes": (".npz",)},
    "npy": {"suffixes": (".npy",)},
    "idx": {"suffixes": (".idx",)},
}

IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
IDX = re.compile(r"[-.]idx\d(-ubyte)?(\.gz)?$|-ubyte(\.gz)?$", re.IGNORECASE)
# Complex numbers, of which a column would keep one part, and records.
NO_COLUMN = "cV"
PART = re.compile(r"(?:(?P<base>.+)[_-])?(?P<part>train|test|valid|validation)")


def read(content: bytes, name: str, settings: Read) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Arrays of equal length as the columns of a table.

    An array of more than one dimension becomes a column whose values are flat arrays; its shape
    goes into provenance.json. Arrays named `x_train`, `y_train`, `x_test`, `y_test` become the
    columns `x`, `y` and `part`, training rows first.

    Raises:
        BadData: damaged, holds Python objects, or arrays of different length.
    """
    arrays = _loaded(content, name)
    if settings.member is not None and name.endswith(".npz"):
        arrays = {key: value for key, value in arrays.items() if key == settings.member}
    arrays = {key: value for key, value in arrays.items() if value.ndim > 0}
    return table_of(arrays, name), {"arrays": sorted(arrays)}


def table_of(arrays: Mapping[str, np.ndarray[Any, Any]], name: str) -> pd.DataFrame:
    """Arrays of equal length, or of several parts, as a table; see `read`.

    Raises:
        BadData: arrays of different length.
    """
    for key, value in arrays.items():
        check_array(name, value.shape, value.itemsize)
        if value.dtype.kind in NO_COLUMN:
            raise BadData(
                f"Array '{key}' of '{name}' must hold numbers, texts, truth values or times",
                value.dtype.name,
                "Save its parts as arrays of their own",
            )
    check(name, "columns", len(arrays), "arrays")
    columns = _stacked(arrays, name) if _is_in_parts(arrays) else dict(arrays)
    lengths = {key: len(value) for key, value in columns.items()}
    if len(set(lengths.values())) != 1:
        raise BadData(f"All arrays of '{name}' must have the same length", lengths)
    return as_frame(columns)


def as_frame(columns: Mapping[str, np.ndarray[Any, Any]]) -> pd.DataFrame:
    """Arrays as columns; those of more dimensions flattened, with their shapes in `attrs`."""
    import pandas as pd

    series = {}
    for key, value in columns.items():
        if value.ndim == 1:
            series[key] = pd.Series(value.astype(str) if value.dtype.kind == "S" else value)
        else:
            flat = value.reshape(len(value), math.prod(value.shape[1:]))
            series[key] = pd.Series(list(flat), dtype=object)
    frame = pd.DataFrame(series)
    frame.attrs["shapes"] = {
        key: list(value.shape[1:]) for key, value in columns.items() if value.ndim > 1
    }
    return frame


def _loaded(content: bytes, name: str) -> dict[str, np.ndarray[Any, Any]]:
    if content[:2] == b"\x00\x00":
        return {"values": idx_array(content, name)}
    try:
        loaded = np.load(io.BytesIO(_checked(content, name)), allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"values": loaded}
        with loaded:
            for key in loaded.zip.namelist():
                with loaded.zip.open(key) as stream:
                    _check_header(stream, f"{name}: {key}")
            return {key: loaded[key] for key in loaded.files}
    except ThroughlineError:
        raise
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        remedy = "Save it without Python objects" if "pickle" in str(error) else "Fetch it again"
        raise BadData(f"'{name}' must be a sound file of arrays", str(error), remedy) from None


def _checked(content: bytes, name: str) -> bytes:
    _check_header(io.BytesIO(content), name)
    return content


def _check_header(stream: IO[bytes], name: str) -> None:
    """Refuse an array by the shape that it claims: NumPy makes room before it reads."""
    start = stream.read(len(np.lib.format.MAGIC_PREFIX) + 2)
    if not start.startswith(np.lib.format.MAGIC_PREFIX):
        return
    version = tuple(start[-2:])
    shape, _, kind = (
        np.lib.format.read_array_header_1_0(stream)
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0(stream)
    )
    check_array(name, shape, kind.itemsize)


def idx_table(files: Sequence[tuple[str, bytes]]) -> pd.DataFrame | None:
    """The rows of a folder of idx files as MNIST has it; None where other files lie there.

    `train-images-idx3-ubyte.gz` is the column `x` of the part `train`, `t10k-labels-idx1-ubyte` the
    column `y` of the part `test`.

    Raises:
        BadData: a damaged file, or pictures and labels of different number.
    """
    from throughline.sources.formats.content import unpacked

    if not files or not all(IDX.search(name) for name, _ in files):
        return None
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    for name, content in files:
        array = idx_array(unpacked(content, name, None)[0], name)
        part = "test" if re.search("t10k|test", name.lower()) else "train"
        key = f"{'y' if array.ndim == 1 else 'x'}_{part}"
        if key in arrays:
            raise BadData(
                "A folder of idx files may hold one of pictures and one of labels for each part",
                f"'{name}' is another one",
                "Keep one of them, or name it by 'source.file'",
            )
        arrays[key] = array
    where = files[0][0].rpartition("/")[0] or "the folder"
    return table_of(arrays, where)


def idx_array(content: bytes, name: str) -> np.ndarray[Any, Any]:
    """The array in an idx file (the format of the MNIST files, described on their page).

    Raises:
        BadData: its header or its length is wrong.
    """
    kind, dimensions = content[2], content[3]
    if kind not in IDX_TYPES or len(content) < 4 + 4 * dimensions:
        raise BadData(f"'{name}' must begin as an idx file", content[:8].hex(" "))
    shape = tuple(int(n) for n in np.frombuffer(content, ">u4", dimensions, 4))
    kind_of_number = np.dtype(IDX_TYPES[kind])
    expected = 4 + 4 * dimensions + math.prod(shape) * kind_of_number.itemsize
    if len(content) != expected:
        raise BadData(
            f"'{name}' must have {expected} bytes for its shape {shape}",
            f"{len(content)} bytes",
            "Fetch it again",
        )
    values = np.frombuffer(content, kind_of_number, offset=4 + 4 * dimensions).reshape(shape)
    return values.astype(kind_of_number.newbyteorder("="))


def _is_in_parts(arrays: Mapping[str, Any]) -> bool:
    return len(arrays) > 1 and all(PART.fullmatch(key) for key in arrays)


def _stacked(
    arrays: Mapping[str, np.ndarray[Any, Any]], name: str
) -> dict[str, np.ndarray[Any, Any]]:
    held: dict[str, dict[str, np.ndarray[Any, Any]]] = {}
    for key, value in arrays.items():
        match = PART.fullmatch(key)
        if match:
            held.setdefault(match["part"], {})[match["base"] or "values"] = value
    order = [part for part in ("train", "valid", "validation", "test") if part in held]
    bases = list(held[order[0]])
    columns: dict[str, np.ndarray[Any, Any]] = {}
    for part in order:
        lengths = {f"{base}_{part}": len(value) for base, value in held[part].items()}
        if set(held[part]) != set(bases) or len(set(lengths.values())) != 1:
            raise BadData(
                f"Each part of '{name}' must hold {listed(bases)}, all of one length", lengths
            )
    for base in bases:
        columns[base] = np.concatenate([held[part][base] for part in order])
    columns["part"] = np.concatenate([np.full(len(held[part][bases[0]]), part) for part in order])
    return columns
