"""Folders and archives of image files as a draft of a classifier."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadData, listed
from throughline.pipeline.schema.pictures.image import Images
from throughline.profile import protocol
from throughline.profile.facts import Fact
from throughline.profile.goal import TARGET_NAMES
from throughline.profile.kinds import sounds
from throughline.samples.splits.named import tells_parts
from throughline.sources.folder_names import CLASS, LEVEL

if TYPE_CHECKING:
    import pandas as pd

# Larger pictures are stored smaller in a first draft.
LARGEST = 64
FILTERS = (32, 64)
SMALLEST = 8
# Larger pictures show their things anywhere. Of 240 discs and squares in one draw the network that
# lays all places flat told .69, this one all, at the same cost an epoch; of 1,500 photos of
# CIFAR-10 .41 both.
ANYWHERE, FILTERS_ANYWHERE = 32, (32, 32, 64)
FEWEST_EPOCHS = 30
FEW_PICTURES = 500
HEAD: tuple[dict[str, Any], ...] = (
    {"Dropout": {"rate": 0.3}},
    {"Dense": {"units": 64, "activation": "relu"}},
)
PIXELS = "pixels"
# In `frame.attrs`: the shape of the pictures of a file of arrays.
SHAPE = "picture shape"
# Roles of columns that can be predicted.
PREDICTED = ("category", "flag", "boolean", "number")
# The share of files with the ending of another format above which that is no fault of a few.
OFTEN = 0.1
GREY = {"L", "1", "I;16", "LA"}


def storing(path: Path) -> dict[str, Any] | None:
    """Section `source.images` of a draft: how the pictures of a folder or archive are stored.

    Returns:
        the middle of their sizes, at most 64 on the longer side; one channel where all are grey;
        and modes are no fault where some are of an unusual one, nor endings that say another
        format where that is how these files are named. None where there are no pictures.
    """
    from throughline.serving.rows.media.image_files import UNSOUND, opened_picture
    from throughline.sources.pictures.decoding import FORMATS, OPAQUE
    from throughline.sources.tree import IMAGES, files_below

    sizes, modes, misnamed = [], set(), 0
    for name, content in files_below(path):
        if PurePosixPath(name.lower()).suffix not in IMAGES:
            continue
        try:
            with opened_picture(content) as image:
                sizes.append((image.height, image.width))
                misnamed += image.format not in FORMATS[PurePosixPath(name.lower()).suffix]
                clear = "transparency" in image.info and "A" not in image.getbands()
                modes.add(f"{image.mode}A" if clear else image.mode)
        except UNSOUND:
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
    usual = modes <= set(OPAQUE[channels])
    often = misnamed > OFTEN * len(sizes)
    if often or not usual:
        kept = (["mode"] if usual else []) + ["duplicate"] + ([] if often else ["mislabelled"])
        section |= {"set_aside": kept}
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


def target(facts: Sequence[Fact], asked: str | None, label_columns: Sequence[str] = ()) -> str:
    """The column to predict: the one asked for, what the folders say, or a table among them.

    Args:
        facts: what is in the columns.
        asked: the column that the user names.
        told: columns of a table of labels, or beside an array. Default: there are none.

    Raises:
        BadData: several levels of folders or columns could hold it, or nothing does.
    """
    if asked is not None:
        return asked
    named = {fact.name: fact for fact in facts}
    levels = [fact for name, fact in named.items() if name.startswith(LEVEL) or name == CLASS]
    folders = [fact for fact in levels if fact.name not in label_columns and fact.distinct > 1]
    columns = _targets([named[name] for name in label_columns])
    choices = [*folders, *columns]
    if len(choices) == 1:
        return choices[0].name
    if choices:
        readings = (f"{fact.name} ({listed(fact.counts or [fact.role])})" for fact in choices)
        raise BadData(
            "One level of folders, or one column of a table, must hold the classes",
            " or ".join(readings),
            "Name one of them by --target, or as 'target' in a pipeline file"
            + (_one_column(columns) if not folders else ""),
        )
    raise BadData(
        "A folder of pictures or sounds must have a folder for each class, or a table that says in "
        "one column what each file is and in another how it is called",
        f"{len(named[CLASS].counts)} folder" if CLASS in named else "neither",
    )


def _targets(columns: Sequence[Fact]) -> list[Fact]:
    """Those that could be predicted, no parts; the one with a usual name, where there is one."""
    usable = [fact for fact in columns if fact.role in PREDICTED and not tells_parts(fact.counts)]
    usual = [fact for name in TARGET_NAMES for fact in usable if fact.name.lower() == name]
    return usual[:1] or usable


def _one_column(columns: Sequence[Fact]) -> str:
    """How a table with a column of 0 and 1 for each class gets one that names the class."""
    flags = [fact.name for fact in columns if fact.role in ("flag", "boolean")]
    if len(flags) < 2 or len(flags) < len(columns):
        return ""
    return f". If each file is of one class, add a column by table[{flags}].idxmax(axis=1)"


def array_of(shapes: Mapping[str, Sequence[int]]) -> str | None:
    """The one array of a file of arrays whose rows are pictures; None where none or several are."""
    found = [
        name
        for name, shape in shapes.items()
        if len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3))
    ]
    return found[0] if len(found) == 1 else None


def from_array(frame: pd.DataFrame, array: str) -> pd.DataFrame:
    """The rows of a file of arrays as `ingest` will write them, without the pictures."""
    from throughline.sources.pictures.images import from_arrays

    rows, _ = from_arrays(frame, Images(array=array))
    return rows.drop(columns=[PIXELS])


def sections(
    images: Mapping[str, Any],
    goal: Fact,
    task: str,
    counts: Sequence[int],
    part: str | None,
    shape: Sequence[int] | None,
) -> dict[str, Any]:
    """The sections of a draft that tells what is on pictures, or in sounds.

    Args:
        images: section `source.images`.
        goal: what is in the column to predict.
        task: the problem type.
        counts: rows of each class, where there are classes.
        part: the column that says which rows test, where the data do.
        shape: of the pictures of a file of arrays.

    Raises:
        BadData: there are fewer than two classes.
    """
    if goal.distinct < 2:
        raise BadData(
            "Pictures or sounds must be of two classes at least",
            f"{goal.distinct} in '{goal.name}'",
        )
    if "sound" in images:
        columns, layers = {sounds.COLUMN: sounds.column(images["sound"])}, sounds.network()
    else:
        scaled = {"scale": {"divide": 255}}
        size = list(images.get("size") or (shape or ())[:2])
        image = scaled if shape is not None else {"size": size, **scaled}
        columns, layers = {PIXELS: {"image": image}}, network(min(size))
    classes = task in ("binary", "multiclass")
    baseline = protocol.compare(task, True)[0]
    return {
        "task": task,
        "target": goal.name if classes else {"column": goal.name, "scale": "standard"},
        "columns": columns,
        "split": protocol.split([], goal.name, task, min(counts), part),
        "network": layers,
        "training": training(goal.rows - goal.missing),
        "compare": [baseline],
        **protocol.compared_by(task, counts),
        "gates": {"beat": baseline},
    }


def training(rows: int) -> dict[str, Any]:
    """Smaller batches, more epochs and more patience, the fewer pictures there are."""
    batch = 16 if rows < FEW_PICTURES else 32
    epochs = protocol.epochs(rows, batch, FEWEST_EPOCHS)
    return {
        "optimizer": {"Adam": {"learning_rate": 0.001}},
        "batch_size": batch,
        "epochs": {"max": epochs, "patience": max(8, epochs // 5)},
        "validation": 0.2,
    }


def network(side: int) -> list[dict[str, Any]]:
    """Blocks of convolution and pooling as long as there is something to pool.

    Of larger pictures only how strongly each filter answers goes on, not where: a thing is the same
    wherever it stands, and few pictures show it in few places.
    """
    layers: list[dict[str, Any]] = []
    if side >= ANYWHERE:
        for filters in FILTERS_ANYWHERE:
            conv = {"filters": filters, "kernel_size": 3, "padding": "same", "activation": "relu"}
            layers += [{"Conv2D": conv}, {"MaxPooling2D": {"pool_size": 2}}]
        return [*layers, {"GlobalMaxPooling2D": {}}, *HEAD]
    for filters in FILTERS:
        if side < SMALLEST:
            break
        layers.append({"Conv2D": {"filters": filters, "kernel_size": 3, "activation": "relu"}})
        layers.append({"MaxPooling2D": {"pool_size": 2}})
        side = (side - 2) // 2
    return [*layers, {"Flatten": {}}, *HEAD]
