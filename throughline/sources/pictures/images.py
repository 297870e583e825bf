"""Folders and archives of image files, decoded once into one array.

Pixels go to the disk as they come, so that memory holds a few blocks of files, whatever their
number.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from throughline.cache import private
from throughline.errors import BadData, listed
from throughline.pipeline.schema.pictures.image import SetAside
from throughline.preprocessing.originals import Keeping
from throughline.serving.rows.media.conversion import COMMANDS, command
from throughline.sources.folder_names import CLASS, PART, said_by_folders
from throughline.sources.pictures.decoding import PROFILE, Decoded, all_decoded
from throughline.sources.registry import Fetched

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.schema.pictures.image import Images
    from throughline.pipeline.schema.source import Source

# Facts of a sound file, over which rules can be stated.
HEARD = ("rate", "channels", "bits", "seconds", "peak", "sha256")


def as_images(
    files: Iterator[tuple[str, bytes]], settings: Source, origin: dict[str, Any], cache: Path
) -> Fetched:
    """The pictures below a folder or in an archive, with what their folders say of them.

    `train/cats/1.jpg` has the part `train` and the class `cats`, see `sources.layout`. Rows come
    in the order of their files' names; the number in the column of pictures says which picture of
    the array is theirs.

    Args:
        files: names below the folder or in the archive, and contents.
        settings: section `source`, with `images`.
        origin: facts known so far.
        cache: a folder for the array until the stage takes it.

    Raises:
        BadData: no image files, more broken ones than allowed, or no `size`.
    """
    assert settings.images is not None
    return _stored(files, settings.images, origin, cache)


def from_encoded(fetched: Fetched, settings: Source, cache: Path) -> Fetched:
    """The pictures of rows that hold image files, as a list of addresses gives them.

    Args:
        fetched: rows with the columns `image`, the bytes of a file, and `file`, its name.
        settings: section `source`, with `images`.
        cache: a folder for the array until the stage takes it.

    Raises:
        BadData: more broken files than allowed, or no `size`.
    """
    import pandas as pd

    assert settings.images is not None
    frame = fetched.frame.reset_index(drop=True)
    # The row's number in the name, which leads back to the row; one folder, so that pictures that
    # stand in two rows are noticed.
    names = [f"rows/{row:08} {name}" for row, name in enumerate(frame["file"])]
    files = iter(list(zip(names, frame["image"], strict=True)))
    stored = _stored(files, settings.images, fetched.origin, cache)
    rows = [int(name.removeprefix("rows/").split(" ")[0]) for name in stored.frame["file"]]
    kept = frame.drop(columns=["image"]).iloc[rows].reset_index(drop=True)
    facts = stored.frame.drop(columns=[*kept.columns, CLASS, PART], errors="ignore")
    return replace(stored, frame=pd.concat([kept, facts], axis=1))


def _stored(
    files: Iterator[tuple[str, bytes]], images: Images, origin: dict[str, Any], cache: Path
) -> Fetched:
    if images.stored is None:
        raise BadData(
            "'source.images.size' must say in which height and width pictures are stored",
            remedy="Write, for example, size: [64, 64]",
        )
    handle, draft = tempfile.mkstemp(dir=private(cache), suffix=".pixels")
    os.close(handle)
    array = Path(draft)
    listing, keeping, passed = hashlib.sha256(), Keeping(), Counter[str]()
    try:
        found = list(_written(_read(files, passed), images, array, listing, keeping))
    except BaseException:
        array.unlink()
        raise
    rows, aside = _judged(found, images, passed)
    if len(aside) > images.limit * len(found):
        array.unlink()
        raise BadData(
            f"At most {images.limit:.1%} of the {len(found)} image files may be set aside",
            f"{len(aside)}: {listed(_sentence(each) for each in aside)}",
            _remedy(aside),
        )
    facts = {
        "files": len(found),
        "set_aside": [{"file": e.file, "problem": e.problem, "detail": e.detail} for e in aside],
        "listing_sha256": listing.hexdigest(),
        **({"unread": dict(sorted(passed.items()))} if passed else {}),
    }
    return Fetched(rows, {**origin, **facts}, {images.column: array}, keeping.frame())


def _read(files: Iterator[tuple[str, bytes]], passed: Counter[str]) -> Iterator[tuple[str, bytes]]:
    """The files; pictures and sounds of kinds that nothing here reads are counted."""
    for name, content in files:
        ending = PurePosixPath(name.lower()).suffix
        if ending in COMMANDS:
            passed[ending] += 1
        yield name, content


def unread(passed: Mapping[str, int]) -> str:
    """What is said of files of kinds that nothing here reads."""
    return listed(
        f"{count} that end in {ending} (convert each: {command('NAME' + ending)})"
        for ending, count in sorted(passed.items())
    )


def _sentence(each: Decoded) -> str:
    return f"{each.file} ({each.problem}{f' {each.detail}' if each.problem == 'mode' else ''})"


def _remedy(aside: list[Decoded]) -> str:
    """What to do about files that are set aside, said of the most frequent fault."""
    problem, _ = Counter(each.problem for each in aside).most_common(1)[0]
    if problem in get_args(SetAside):
        return f"To use them, leave '{problem}' out of 'source.images.set_aside'"
    return "Mend them, or raise 'source.images.limit'"


def _written(
    files: Iterator[tuple[str, bytes]],
    images: Images,
    array: Path,
    listing: Any,
    keeping: Keeping,
) -> Iterator[Decoded]:
    """Decode every image file and append its pixels to the array; yields what was found."""
    from tqdm import tqdm

    shape = images.stored
    assert shape is not None
    count = 0
    with (
        array.open("w+b") as stream,
        tqdm(desc="decode", unit=" images", disable=None) as bar,
    ):
        _write_header(stream, 0, shape)
        for each in all_decoded(files, images):
            listing.update(f"{each.file}\0{each.facts.get('sha256', '')}\n".encode())
            if each.pixels is not None:
                stream.write(each.pixels.data)
                each.facts["number"] = count
                keeping.offer(count, each.file, each.content)
                count += 1
            bar.update()
            yield each._replace(pixels=None, content=b"")
        stream.seek(0)
        _write_header(stream, count, shape)


def _write_header(stream: Any, count: int, shape: tuple[int, ...]) -> None:
    """The head of a `.npy` file; NumPy leaves room in it for a longer first axis."""
    head = {"descr": "|u1", "fortran_order": False, "shape": (count, *shape)}
    np.lib.format.write_array_header_1_0(stream, head)


def _judged(
    found: list[Decoded], images: Images, passed: Mapping[str, int]
) -> tuple[pd.DataFrame, list[Decoded]]:
    """The rows that stay, and the files that are set aside, both in the order of their names."""
    import pandas as pd

    kept: list[Decoded] = []
    aside: list[Decoded] = []
    seen: dict[tuple[str, str], str] = {}
    for each in sorted(found, key=lambda each: each.file):
        if "number" in each.facts and not each.problem:
            # A class may stand in one part twice only by mistake; between parts a guard looks.
            key = (each.file.rpartition("/")[0], each.facts["sha256"])
            if key in seen:
                each = each._replace(problem="duplicate", detail=f"of {seen[key]}")
            else:
                seen[key] = each.file
        unusable = "number" not in each.facts
        (aside if unusable or each.problem in images.set_aside else kept).append(each)
    if not found:
        pictures = "image files, JPEG, PNG, GIF, BMP, WebP, AVIF or TIFF"
        wanted = pictures if images.sound is None else "wav files"
        raise BadData(f"The source must hold {wanted}", unread(passed) or "none")
    if not kept:
        raise BadData(
            "The source must hold image files that are not set aside",
            f"{len(aside)}: {listed(_sentence(each) for each in aside)}",
            _remedy(aside),
        )
    return pd.DataFrame(_columns(kept, images)), aside


def _columns(kept: list[Decoded], images: Images) -> dict[str, list[Any]]:
    column = images.column
    files = [each.file for each in kept]
    columns: dict[str, list[Any]] = {"file": files, **said_by_folders(files)}
    columns[column] = [each.facts["number"] for each in kept]
    if images.sound is not None:
        return columns | {name: [each.facts[name] for each in kept] for name in HEARD}
    for name in ("height", "width", "mode", "format", "sha256"):
        columns[name] = [each.facts[name] for each in kept]
    for name in PROFILE:
        columns[f"{column}.{name}"] = [each.facts[name] for each in kept]
    return columns


def _profile(pixels: np.ndarray) -> dict[str, Any]:
    """Darkest, brightest and mean value of each picture, over which rules can be stated."""
    flat = pixels.reshape(len(pixels), -1)
    found = (flat.min(axis=1), flat.max(axis=1), flat.mean(axis=1).round(3))
    return dict(zip(PROFILE, found, strict=True))


def from_arrays(frame: pd.DataFrame, images: Images) -> tuple[pd.DataFrame, np.ndarray]:
    """A column of flat arrays, as formats of arrays give it, as one array of pictures.

    Returns:
        the rows with numbers in the place of the arrays, and uint8 (rows, height, width, channels).

    Raises:
        BadData: no such array, or values that are no whole numbers from 0 to 255.
    """
    name = images.array or images.column
    shapes = frame.attrs.get("shapes", {})
    if name not in shapes:
        raise BadData(f"'source.images.array' must name one of {listed(shapes)}", name)
    shape = shapes[name]
    values = np.stack(frame[name].to_list()).reshape(len(frame), *shape)
    if values.ndim == 3:
        values = values[..., None]
    if values.ndim != 4 or values.shape[3] not in (1, 3):
        raise BadData("Pictures are arrays (rows, height, width) or with 1 or 3 channels", shape)
    if values.dtype != np.uint8:
        if values.min() < 0 or values.max() > 255 or np.any(values != np.round(values)):
            raise BadData(
                f"Pixels of '{name}' must be whole numbers from 0 to 255",
                f"{values.min()} to {values.max()}, {values.dtype}",
                "Bring them to this range and save them as uint8",
            )
        values = values.astype(np.uint8)
    numbers = frame.assign(**{name: np.arange(len(frame))}).rename(columns={name: images.column})
    profile = {f"{images.column}.{key}": found for key, found in _profile(values).items()}
    return numbers.assign(**profile), values
