"""Folders and archives of image files as a draft of a classifier."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from throughline.errors import BadData, listed
from throughline.pipeline.schema.image import Images
from throughline.profile import protocol
from throughline.profile.facts import Fact
from throughline.profile.kinds import sounds
from throughline.sources.layout import CLASS, LEVEL

# Larger pictures are stored smaller in a first draft.
LARGEST = 64
FILTERS = (32, 64)
SMALLEST = 8
# Updates that a draft may take: with 60 photos a class, 30 epochs of whole batches of 32 are 90,
# after which the network had hardly begun to fit what it trains on.
UPDATES = 1000
FEWEST_EPOCHS, MOST_EPOCHS = 30, 100
FEW_PICTURES = 500
PIXELS = "pixels"
GREY = {"L", "1", "I;16", "LA"}


def storing(path: Path) -> dict[str, Any] | None:
    """Section `source.images` of a draft: how the pictures of a folder or archive are stored.

    Returns:
        the middle of their sizes, at most 64 on the longer side; one channel where all are grey;
        and modes are no fault where some are of an unusual one. None where there are no pictures.
    """
    from PIL import Image, UnidentifiedImageError

    from throughline.sources.pictures.decoding import OPAQUE
    from throughline.sources.tree import IMAGES, files_below

    sizes, modes = [], set()
    for name, content in files_below(path):
        if PurePosixPath(name.lower()).suffix not in IMAGES:
            continue
        try:
            with Image.open(io.BytesIO(content)) as image:
                sizes.append((image.height, image.width))
                clear = "transparency" in image.info and "A" not in image.getbands()
                modes.add(f"{image.mode}A" if clear else image.mode)
        except (UnidentifiedImageError, OSError):
            continue
    if not sizes:
        return None
    height, width = np.median(np.array(sizes), axis=0)
    smaller = min(1.0, LARGEST / max(height, width))
    section: dict[str, Any] = {
        "size": [max(1, round(height * smaller)), max(1, round(width * smaller))]
    }
    channels = 1 if modes <= GREY else 3
    section |= {"channels": channels} if channels == 1 else {}
    section |= {} if modes <= set(OPAQUE[channels]) else {"set_aside": ["duplicate", "mislabelled"]}
    return section


def with_limit(images: Mapping[str, Any], origin: Mapping[str, Any]) -> dict[str, Any]:
    """Section `source.images` with a share that may be set aside as large as these data need.

    Args:
        images: the section.
        origin: what a look at the files with no limit found.
    """
    share = len(origin["set_aside"]) / origin["files"]
    usual = Images.model_fields["limit"].default
    kept = {key: value for key, value in images.items() if key != "limit"}
    if share <= usual:
        return kept
    return kept | {"limit": min(1.0, math.ceil(100 * (share + usual)) / 100)}


def target(facts: Sequence[Fact], asked: str | None) -> str | None:
    """The column of the classes: the one asked for, or what the folders say.

    Raises:
        BadData: several levels of folders could hold the classes.
    """
    levels = [fact for fact in facts if fact.name.startswith(LEVEL)]
    if asked is not None or not levels:
        return asked or CLASS
    readings = (f"{fact.name} ({listed(fact.counts)})" for fact in levels)
    raise BadData(
        "One level of folders must hold the classes",
        " or ".join(readings),
        "Name one of them by --target, or as 'target' in a pipeline file",
    )


def sections(
    images: Mapping[str, Any], facts: Sequence[Fact], target: str, part: str | None
) -> dict[str, Any]:
    """The sections of a draft that tells the classes of pictures, or of sounds.

    Args:
        images: section `source.images`.
        facts: what is in the columns beside the pictures.
        target: the column of the classes.
        part: the column that says which rows test, where the folders do.

    Raises:
        BadData: the folders name fewer than two classes.
    """
    goal = next((fact for fact in facts if fact.name == target), None)
    if goal is None or goal.distinct < 2:
        raise BadData(
            "A folder of pictures or sounds must have a folder for each class",
            "no folders" if goal is None else f"{goal.distinct} folder",
        )
    task = "binary" if goal.distinct == 2 else "multiclass"
    if "sound" in images:
        columns, layers = {sounds.COLUMN: sounds.column(images["sound"])}, sounds.network()
    else:
        size = list(images["size"])
        columns = {PIXELS: {"image": {"size": size, "scale": {"divide": 255}}}}
        layers = network(min(size))
    return {
        "task": task,
        "target": target,
        "columns": columns,
        "split": protocol.split([], target, task, min(goal.counts.values()), part),
        "network": layers,
        "training": training(goal.rows),
        "compare": ["majority"],
        **protocol.compared_by(task, list(goal.counts.values())),
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
