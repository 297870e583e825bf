"""Rows with pictures: the numbers stand in Parquet, the pixels beside it in memory-mapped arrays.

Beside `rows.parquet` lies the folder `rows.images` with one file `COLUMN.npy` (rows, height, width,
channels) of uint8; the column itself holds the number of each row's picture in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.preprocessing.bottleneck import read_bottlenecks, write_bottlenecks
from throughline.tokens.token_rows import read_windows, write_windows

if TYPE_CHECKING:
    import pandas as pd

# Pictures that are copied at once.
BLOCK = 1024


def images_beside(path: Path) -> Path:
    """The folder of the pixels that belong to a Parquet file."""
    return path.with_suffix(".images")


def bottlenecks_beside(path: Path) -> Path:
    """The folder of the features that a frozen network made of the pictures."""
    return path.with_suffix(".bottleneck")


def stored_images(path: Path) -> dict[str, np.ndarray]:
    """For each column of pictures of a Parquet file its array, mapped into memory."""
    folder = images_beside(path)
    return {
        file.stem: np.load(file, mmap_mode="r", allow_pickle=False)
        for file in sorted(folder.glob("*.npy"))
    }


def with_images(rows: pd.DataFrame, images: dict[str, np.ndarray]) -> pd.DataFrame:
    """`rows` with views of the pictures in the place of their numbers; nothing is read yet."""
    import pandas as pd

    views = {
        name: pd.Series([array[number] for number in rows[name]], index=rows.index, dtype=object)
        for name, array in images.items()
        if name in rows.columns
    }
    return rows.assign(**views) if views else rows


def read_rows(path: Path) -> pd.DataFrame:
    """The rows of a Parquet file, with their pictures and windows where they have some."""
    rows = with_images(read_windows(path), stored_images(path))
    return read_bottlenecks(rows, bottlenecks_beside(path))


def write_rows(rows: pd.DataFrame, path: Path, frozen: Mapping[str, Path] | None = None) -> None:
    """Write rows as Parquet and their pictures beside it, numbered from 0 in the rows' order.

    The tokens of windows are written beside it too.

    Args:
        rows: to be written.
        path: of the Parquet file.
        frozen: for columns with features of a frozen network its file, which is written beside,
            too. Default: there are none.
    """
    rows = write_windows(write_bottlenecks(rows, bottlenecks_beside(path), frozen or {}), path)
    names = [name for name in rows.columns if is_picture_column(rows[name])]
    numbers = {name: np.arange(len(rows)) for name in names}
    rows.assign(**numbers).to_parquet(path)
    for name in names:
        images_beside(path).mkdir(exist_ok=True)
        write_pictures(rows[name], images_beside(path) / f"{name}.npy")


def write_pictures(pictures: pd.Series, path: Path) -> None:
    """Write pictures of one shape as one array, a block at a time."""
    values = pictures.to_list()
    shape = (len(values), *values[0].shape) if values else (0, 1, 1, 1)
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    for start in range(0, len(values), BLOCK):
        array[start : start + BLOCK] = np.stack(values[start : start + BLOCK])
    array.flush()


def is_picture_column(column: pd.Series) -> bool:
    """Whether the values of a column are pictures (height, width, channels)."""
    if column.dtype != object or not len(column):
        return False
    return is_picture(column.iloc[0])


def is_picture(value: Any) -> bool:
    """Whether a value is a picture (height, width, channels) of uint8."""
    return isinstance(value, np.ndarray) and value.ndim == 3 and value.dtype == np.uint8


def digests(pictures: pd.Series) -> pd.Series:
    """For each picture the sha256 of its pixels, which guards compare in its place."""
    import hashlib

    return pictures.map(
        lambda picture: np.frombuffer(hashlib.sha256(picture.tobytes()).digest(), dtype=np.uint8)
    )
