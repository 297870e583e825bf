"""Pickles of numpy arrays, read without running anything that the file names.

A pickle may name any function of any module and have it called. Here the few names that a pickled
array needs stand for small readers of our own, and every other name is refused, so a file can make
numbers, texts, lists, tuples, mappings and arrays of numbers, and nothing else.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadData, listed
from throughline.limits import OverLimit
from throughline.sources.formats.arrays import table_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

    from throughline.pipeline.schema.source import Read

FORMATS = {"pickle": {"suffixes": (".pkl", ".pickle")}}

# Truth values, integers, numbers and texts of fixed length; no objects, no records.
KINDS = "biufSU"
# Makes room for as many bytes as it says, in a pickle of any protocol.
BYTEARRAY8 = b"\x96"
# So many may stand in many places.
FEW_VALUES = 100_000
PARTS = ("train", "valid", "test")


def read(content: bytes, name: str, settings: Read) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Arrays of a pickle as the columns of a table.

    A mapping gives its arrays by their names. Two or three pairs of arrays, as in mnist.pkl, are
    the training, validation and test parts: `x_train`, `y_train`, ... A list of arrays gives
    `array_1`, `array_2`, ...

    Raises:
        BadData: the file names anything but arrays, is damaged, or holds no arrays.
    """
    arrays = _named(unpickled(content, name))
    if not arrays:
        raise BadData(f"'{name}' must hold arrays of numbers", "none")
    return table_of(arrays, name), {"arrays": sorted(arrays)}


def unpickled(content: bytes, name: str) -> Any:
    """The value in a pickle of arrays, numbers, texts, lists, tuples and mappings.

    Args:
        content: the file's bytes.
        name: for messages.

    Raises:
        BadData: it names something else, or is damaged.
    """
    try:
        # Python 2 wrote texts and the bytes of arrays alike; latin-1 gives every byte back.
        if BYTEARRAY8 in content:
            # Whether so many bytes are there.
            for _ in pickletools.genops(content):
                pass
        loaded = _Arrays(io.BytesIO(content), encoding="latin1").load()
        # Each value takes a byte at least, unless it stands in many places.
        return _plain(loaded, iter(range(max(FEW_VALUES, len(content)))))
    except OverLimit:
        raise
    except BadData as error:
        raise BadData(f"'{name}': {error}") from None
    except (
        pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, IndexError,
        KeyError, OverflowError,
    ) as error:  # fmt: skip
        raise BadData(
            f"'{name}' must be a sound pickle of arrays", f"{type(error).__name__}: {error}"
        ) from None


class _Kind:
    """Stands for `numpy.dtype`: a type of numbers, and the order of their bytes."""

    def __init__(self, code: str, *_: Any) -> None:
        self.type = np.dtype(code) if isinstance(code, str) else np.dtype("O")
        if self.type.kind not in KINDS or self.type.hasobject:
            raise BadData(
                "An array must hold numbers or texts of fixed length",
                code if isinstance(code, str) else type(code).__name__,
            )

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        order = state[1]
        if order in ("<", ">"):
            self.type = self.type.newbyteorder(order)


class _Array:
    """Stands for the array that `numpy` would rebuild; checks its bytes against its shape."""

    def __init__(self, *_: Any) -> None:
        self.value: np.ndarray[Any, Any] = np.zeros(0)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, fortran, data = state
        self.value = _filled(data, kind, shape, "F" if fortran else "C")


def _filled(data: Any, kind: Any, shape: Any, order: str) -> np.ndarray[Any, Any]:
    if not isinstance(kind, _Kind):
        raise BadData("An array must name its type of numbers", type(kind).__name__)
    held = data.encode("latin1") if isinstance(data, str) else bytes(data)
    sizes = [int(size) for size in shape]
    if min(sizes, default=0) < 0 or math.prod(sizes) * kind.type.itemsize != len(held):
        raise BadData(f"An array of shape {tuple(sizes)} must have its bytes", len(held))
    flat: np.ndarray[Any, Any] = np.frombuffer(held, kind.type)
    filled: np.ndarray[Any, Any] = flat.reshape(sizes, order="F" if order == "F" else "C")
    return filled


def _reconstruct(*_: Any) -> _Array:
    return _Array()


def _from_buffer(data: Any, kind: Any, shape: Any, order: str) -> np.ndarray[Any, Any]:
    return _filled(data, kind, shape, order)


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """How protocol 2 writes bytes; no other codec is looked up."""
    if encoding not in ("latin1", "latin-1"):
        raise BadData("Bytes in a pickle are written in latin1", encoding)
    return text.encode("latin1")


class _Arrays(pickle.Unpickler):
    """An unpickler that knows arrays alone."""

    KNOWN: Mapping[tuple[str, str], Any] = {
        ("numpy", "dtype"): _Kind,
        ("numpy", "ndarray"): _Array,
        ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
        ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
        ("numpy.core.numeric", "_frombuffer"): _from_buffer,
        ("numpy._core.numeric", "_frombuffer"): _from_buffer,
        ("_codecs", "encode"): _encode,
    }

    def find_class(self, module: str, name: str) -> Any:
        known = self.KNOWN.get((module, name))
        if known is None:
            raise BadData(
                "A pickle may hold arrays of numbers alone",
                f"{module}.{name}",
                "Do not open it in another way unless you trust whoever made it",
            )
        return known

    def persistent_load(self, identity: Any) -> Any:
        raise BadData("A pickle must hold its values itself", "a reference to something outside")


def _plain(value: Any, seen: Iterator[int]) -> Any:
    """The value with arrays in the places of what stands for them.

    Args:
        value: what the file holds; lists in it may be one list in many places.
        seen: counts values, each in every place; at its end there are too many.
    """
    if next(seen, None) is None:
        raise OverLimit("A pickle must hold each value in one place", "lists that hold one another")
    if isinstance(value, _Array):
        return value.value
    if isinstance(value, (list, tuple)):
        return [_plain(item, seen) for item in value]
    if isinstance(value, dict):
        if not all(isinstance(key, (str, int, bytes)) for key in value):
            raise BadData("Keys in a pickle must be texts or numbers")
        return {str(key): _plain(item, seen) for key, item in value.items()}
    if isinstance(value, _Kind):
        return str(value.type)
    return value


def _named(value: Any) -> dict[str, np.ndarray[Any, Any]]:
    if isinstance(value, np.ndarray):
        return {"values": value}
    if isinstance(value, dict):
        named = {key: _as_array(item) for key, item in value.items()}
        return {key: item for key, item in named.items() if item is not None}
    if not isinstance(value, list):
        return {}
    if len(value) in (2, 3) and all(isinstance(pair, list) and len(pair) == 2 for pair in value):
        parts = PARTS if len(value) == 3 else (PARTS[0], PARTS[2])
        pairs = [
            (f"{key}_{part}", _as_array(item))
            for part, pair in zip(parts, value, strict=True)
            for key, item in zip(("x", "y"), pair, strict=True)
        ]
    else:
        pairs = [(f"array_{i + 1}", _as_array(item)) for i, item in enumerate(value)]
    if any(item is None for _, item in pairs):
        raise BadData("A pickled list must hold arrays", listed(type(v).__name__ for v in value))
    return {key: item for key, item in pairs if item is not None}


def _as_array(value: Any) -> np.ndarray[Any, Any] | None:
    """An array, or a list of numbers or texts as one; None for anything else."""
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, list) and value and all(isinstance(v, (int, float, str)) for v in value):
        return np.asarray(value)
    return None
