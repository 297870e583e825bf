"""Features of a frozen network, stored once for each picture: where they are and what they hang on.

Stage `bottleneck` writes for each treatment of a column of pictures that names a pretrained network
KEY.onnx, the frozen network from scaled pixels to features, and KEY.npy, its features of every raw
picture. KEY hangs on the treatment alone, so variants that share it share the files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.paths import linked, needed

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.schema.columns import Column
    from throughline.pipeline.schema.pictures.image import Image

# The column beside `pixels` that travels with the rows and holds their features.
SUFFIX = "/bottleneck"


def key(name: str, image: Image) -> str:
    """The name of the files of a treatment."""
    # Without defaults, so that a setting that is new in the schema moves no key.
    given = image.model_dump(mode="json", exclude_defaults=True)
    settings = json.dumps(given, sort_keys=True)
    return f"{name}-{hashlib.sha256(settings.encode()).hexdigest()[:12]}"


def frozen_columns(columns: Mapping[str, Column]) -> dict[str, Image]:
    """The columns whose pictures go through a frozen network."""
    return {
        name: column.image
        for name, column in columns.items()
        if column.image is not None and column.image.pretrained is not None
    }


def frozen_graphs(columns: Mapping[str, Column], folder: Path) -> dict[str, Path]:
    """For each column of pictures that goes through a frozen network the file of that network.

    Args:
        columns: section `columns`.
        folder: of stage `bottleneck`.
    """
    return {
        name: needed(folder / f"{key(name, image)}.onnx", "bottleneck")
        for name, image in frozen_columns(columns).items()
    }


def graphs_in(folder: Path) -> dict[str, Path]:
    """The same of the files that `write_bottlenecks` wrote beside rows."""
    return {path.stem: path for path in sorted(folder.glob("*.onnx"))}


def with_bottlenecks(
    rows: pd.DataFrame, numbers: pd.DataFrame, frozen: Mapping[str, Path]
) -> pd.DataFrame:
    """`rows` with the stored features of their pictures.

    Args:
        rows: any rows.
        numbers: the same rows as they stand in Parquet, with the numbers of their pictures.
        frozen: for each column of pictures the file of its frozen network; its features lie beside.
    """
    return _joined(rows, {name: (graph, numbers[name]) for name, graph in frozen.items()})


def _joined(rows: pd.DataFrame, files: Mapping[str, tuple[Path, Any]]) -> pd.DataFrame:
    import pandas as pd

    views = {}
    for name, (graph, numbers) in files.items():
        features = np.load(graph.with_suffix(".npy"), mmap_mode="r", allow_pickle=False)
        views[name + SUFFIX] = pd.Series(
            [features[number] for number in numbers], index=rows.index, dtype=object
        )
    return rows.assign(**views) if views else rows


def read_bottlenecks(rows: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """`rows` with the features that `write_bottlenecks` stored for them."""
    graphs = graphs_in(folder)
    return _joined(rows, {name: (path, range(len(rows))) for name, path in graphs.items()})


def write_bottlenecks(rows: pd.DataFrame, folder: Path, frozen: Mapping[str, Path]) -> pd.DataFrame:
    """Store the features of rows with their frozen networks; returns the rows without them."""
    for name in _names(rows):
        folder.mkdir(exist_ok=True)
        column = name.removesuffix(SUFFIX)
        linked(frozen[column], folder / f"{column}.onnx")
        values = rows[name].to_list()
        array = np.stack(values) if values else np.zeros((0, 1), np.float32)
        np.save(folder / f"{column}.npy", array)
    return without_bottlenecks(rows)


def without_bottlenecks(rows: pd.DataFrame) -> pd.DataFrame:
    """`rows` without the stored features."""
    return rows.drop(columns=_names(rows))


def _names(rows: pd.DataFrame) -> list[str]:
    return [name for name in rows.columns if str(name).endswith(SUFFIX)]
