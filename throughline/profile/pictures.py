"""Folders and archives of image files as a draft of a classifier."""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from throughline.errors import BadData
from throughline.profile.facts import Fact

LOOKED_AT = 200
# Larger pictures are stored smaller in a first draft.
LARGEST = 64
FILTERS = (32, 64)
SMALLEST = 8
# Updates that a draft may take: with 60 photos a class, 30 epochs of whole batches of 32 are 90,
# after which the network had hardly begun to fit what it trains on.
UPDATES = 1000
FEWEST_EPOCHS, MOST_EPOCHS = 30, 100
FEW_PICTURES = 500
CLASS = "class"
PIXELS = "pixels"


def size_of(path: Path) -> list[int] | None:
    """Height and width in which the pictures of a folder or archive are stored.

    Returns:
        the middle of their sizes, at most 64 on the longer side; None where there are none.
    """
    from PIL import Image, UnidentifiedImageError

    from throughline.sources.tree import IMAGES, files_below

    sizes = []
    for name, content in islice(files_below(path), LOOKED_AT):
        if PurePosixPath(name.lower()).suffix not in IMAGES:
            continue
        try:
            with Image.open(io.BytesIO(content)) as image:
                sizes.append((image.height, image.width))
        except (UnidentifiedImageError, OSError):
            continue
    if not sizes:
        return None
    height, width = np.median(np.array(sizes), axis=0)
    smaller = min(1.0, LARGEST / max(height, width))
    return [max(1, round(height * smaller)), max(1, round(width * smaller))]


def sections(size: Sequence[int], facts: Sequence[Fact], part: str | None) -> dict[str, Any]:
    """The sections of a draft that tells the classes of pictures.

    Args:
        size: height and width.
        facts: what is in the columns beside the pictures.
        part: the column that says which rows test, where the folders do.

    Raises:
        BadData: the folders name fewer than two classes.
    """
    goal = next((fact for fact in facts if fact.name == CLASS), None)
    if goal is None or goal.distinct < 2:
        raise BadData(
            "A folder of pictures must have a folder for each class",
            "no folders" if goal is None else f"{goal.distinct} folder",
        )
    return {
        "task": "binary" if goal.distinct == 2 else "multiclass",
        "target": CLASS,
        "columns": {PIXELS: {"image": {"size": list(size), "scale": {"divide": 255}}}},
        "split": (
            {"kind": "predefined", "column": part}
            if part
            else {"test": 0.2, "stratify": CLASS, "seed": 0}
        ),
        "network": network(min(size)),
        "training": training(goal.rows),
        "compare": ["majority"],
        "gates": {"beat": "majority"},
    }


def training(rows: int) -> dict[str, Any]:
    """Smaller batches, more epochs and more patience, the fewer pictures there are."""
    batch = 16 if rows < FEW_PICTURES else 32
    epochs = min(MOST_EPOCHS, max(FEWEST_EPOCHS, round(UPDATES * batch / rows)))
    return {
        "optimizer": {"Adam": {"learning_rate": 0.001}},
        "batch_size": batch,
        "epochs": {"max": epochs, "patience": max(8, epochs // 5)},
        "validation": 0.2,
    }


def network(side: int) -> list[dict[str, Any]]:
    """Blocks of convolution and pooling as long as there is something to pool."""
    layers: list[dict[str, Any]] = []
    for filters in FILTERS:
        if side < SMALLEST:
            break
        layers.append({"Conv2D": {"filters": filters, "kernel_size": 3, "activation": "relu"}})
        layers.append({"MaxPooling2D": {"pool_size": 2}})
        side = (side - 2) // 2
    return [
        *layers,
        {"Flatten": {}},
        {"Dropout": {"rate": 0.3}},
        {"Dense": {"units": 64, "activation": "relu"}},
    ]
