"""A folder, or an archive of one, whose sub-folders are the classes of images or texts."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from throughline.errors import BadData, MissingFile
from throughline.pipeline.formats import SUFFIXES
from throughline.serving.rows.media.conversion import COMMANDS, PICTURE, SOUND
from throughline.sources.cells import READING, settled, together
from throughline.sources.fetching.mirror import local_copy
from throughline.sources.folder_names import said_by_folders
from throughline.sources.formats.arrays import idx_table
from throughline.sources.formats.content import decoded
from throughline.sources.formats.reading import read_cells
from throughline.sources.gate import refuse_other
from throughline.sources.labels import TableBeside
from throughline.sources.registry import Fetched, Surroundings, source
from throughline.sources.tree import IMAGES, files_below

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.schema.source import Source

TEXTS = (".txt",)
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
# How the files of pictures begin.
STARTS = {
    b"\xff\xd8\xff": ".jpg",
    b"\x89PNG\r\n\x1a\n": ".png",
    b"GIF8": ".gif",
    b"BM": ".bmp",
    b"RIFF": ".webp",
    b"II*\0": ".tif",
    b"MM\0*": ".tif",
}


@source("folder")
def bring(settings: Source, surroundings: Surroundings) -> Fetched:
    """One row a file: its path, its part and class as its folders say, and its content.

    `train/cats/1.jpg` has the part `train` and the class `cats`, see `sources.layout`. An image
    is a column `image` of the file's bytes, a text a column `text`. A folder of tables of one shape
    gives their rows, one below the other, with the column `file`. Files come in the order of their
    paths.

    Raises:
        MissingFile: there is no such folder.
        BadData: it holds no data, or several kinds of data.
    """
    path = surroundings.root / Path(settings.folder or "").expanduser()
    if not path.exists():
        copy = local_copy(settings.sha256, path.name, surroundings)
        if copy is None:
            raise MissingFile(f"'source.folder' must exist: {path}")
        path = copy
    below = files_below(path, settings.sha256)
    if settings.images is not None and settings.images.array is None:
        from throughline.sources.pictures.images import as_images

        if path.is_dir() and settings.sha256:
            below = _confirmed(below, path, settings.sha256)
        origin: dict[str, Any] = {"source": settings.folder}
        if settings.labels is None:
            return as_images(below, settings, origin, surroundings.cache)
        beside = TableBeside(settings)
        passed = beside.passed(below)
        return beside.joined(as_images(passed, settings, origin, surroundings.cache))
    files = sorted(below, key=lambda item: item[0])
    digest = _listing_sha256({name: hashlib.sha256(held).hexdigest() for name, held in files})
    if path.is_dir():
        refuse_other(str(path), settings.sha256, digest)
    if settings.labels is not None:
        beside = TableBeside(settings)
        files = list(beside.passed(iter(files)))
    arrays = idx_table(files)
    if arrays is not None:
        return Fetched(arrays, {"source": settings.folder, "sha256": settings.sha256 or digest})
    kind = _kind(files, settings)
    if kind == "table":
        _check_media(files, settings)
    used = documents(files) if kind == "text" else [f for f in files if _kind_of(f[0]) == kind]
    frame = items_of(used, settings)
    origin = {"source": settings.folder, "files": len(used), "ignored": len(files) - len(used)}
    fetched = Fetched(frame, {**origin, "sha256": settings.sha256 or digest})
    return fetched if settings.labels is None else beside.joined(fetched)


def _confirmed(
    files: Iterator[tuple[str, bytes]], path: Path, sha256: str
) -> Iterator[tuple[str, bytes]]:
    """The files themselves; at their end they are refused where they are not the expected ones."""
    digests = {}
    for name, content in files:
        digests[name] = hashlib.sha256(content).hexdigest()
        yield name, content
    refuse_other(str(path), sha256, _listing_sha256(digests))


def _listing_sha256(digests: Mapping[str, str]) -> str:
    """Of the names of files, in order, each with the sha256 of its bytes."""
    listing = "".join(f"{name}\0{digests[name]}\n" for name in sorted(digests))
    return hashlib.sha256(listing.encode("utf-8")).hexdigest()


def items_of(files: list[tuple[str, bytes]], settings: Source) -> pd.DataFrame:
    """The rows that files of one kind make: one a picture or text, all of a table.

    Args:
        files: names, which tell the kind, and contents.
        settings: section `source`, which says how texts and tables are read.

    Raises:
        BadData: they hold several kinds of data, none, or not what their names say.
    """
    kind = _kind(files, settings)
    return _tables(files, settings) if kind == "table" else _items(files, kind, settings)


def _kind_of(name: str) -> str:
    suffix = PurePosixPath(name.lower()).suffix
    if suffix in IMAGES:
        return "image"
    if suffix in TEXTS:
        return "text"
    return "table" if suffix in SUFFIXES or suffix in (".gz", ".xz") else ""


def _kind(files: list[tuple[str, bytes]], settings: Source) -> str:
    kinds = Counter(_kind_of(name) for name, _ in files)
    del kinds[""]
    if len(files) == 0:
        raise BadData(f"'{settings.folder}' must hold files", "none")
    if not kinds and documents(files):
        return "text"
    if len(kinds) != 1:
        from throughline.sources.pictures.images import unread

        endings = Counter(PurePosixPath(name.lower()).suffix for name, _ in files)
        media = unread({ending: n for ending, n in endings.items() if ending in COMMANDS})
        raise BadData(
            f"'{settings.folder or files[0][0]}' must hold images, or texts, or tables",
            dict(kinds) or media or f"{len(files)} files of other kinds",
        )
    return next(iter(kinds))


def _check_media(files: list[tuple[str, bytes]], settings: Source) -> None:
    """Refuse a table among more pictures or sounds that nothing reads: it speaks of them.

    Raises:
        BadData: names them, with what converts them.
    """
    endings = Counter(PurePosixPath(name.lower()).suffix for name, _ in files)
    media = {each: n for each, n in endings.items() if COMMANDS.get(each) in (PICTURE, SOUND)}
    if sum(media.values()) > sum(_kind_of(name) == "table" for name, _ in files):
        from throughline.sources.pictures.images import unread

        raise BadData(f"'{settings.folder}' must hold files that can be read", unread(media))


def documents(files: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """The texts among files; all of them where no ending says anything.

    Letters of newsgroups end in numbers or in nothing.
    """
    if any(_kind_of(name) for name, _ in files):
        return [item for item in files if _kind_of(item[0]) == "text"]
    return files if all(_may_be_text(*item) for item in files) else []


def _may_be_text(name: str, content: bytes) -> bool:
    """Whether a file whose ending says nothing may hold a text."""
    ending = PurePosixPath(name.lower()).suffix
    return ending not in COMMANDS and (b"\0" not in content or content[:2] in UTF_16)


def _items(files: list[tuple[str, bytes]], kind: str, settings: Source) -> pd.DataFrame:
    import pandas as pd

    names = [name for name, _ in files]
    columns: dict[str, list[Any]] = {"file": names, **said_by_folders(names)}
    if kind == "text":
        encoding = settings.read.encoding
        columns["text"] = [decoded(content, name, encoding) for name, content in files]
        frame = pd.DataFrame(columns)
        if encoding != "utf-8":
            # So are files read that the model is given; a text is no cell, spaces and all.
            frame.attrs[READING] = {"encoding": encoding, "columns": {"text": {"verbatim": True}}}
        return frame
    else:
        _check_images(files)
        columns["image"] = [content for _, content in files]
    return pd.DataFrame(columns)


def _check_images(files: list[tuple[str, bytes]]) -> None:
    """Refuse a file that is called an image and begins like none."""
    for name, content in files:
        if not content.startswith(tuple(STARTS)):
            raise BadData(
                f"'{name}' must be an image", content[:40], "Remove the file or fetch it again"
            )


def named_by_content(name: str, content: bytes) -> str:
    """`name`, with the ending of its kind of picture where it has none that is known."""
    if _kind_of(name):
        return name
    return name + next((end for start, end in STARTS.items() if content.startswith(start)), "")


def _tables(files: list[tuple[str, bytes]], settings: Source) -> pd.DataFrame:

    frames: list[pd.DataFrame] = []
    for name, content in files:
        frame, _ = read_cells(content, PurePosixPath(name).name, settings.read)
        if frames and list(frame.columns) != list(frames[0].columns):
            raise BadData(
                f"'{name}' must have the columns of '{files[0][0]}'",
                list(map(str, frame.columns)),
                f"They are {', '.join(map(str, frames[0].columns))}",
            )
        frames.append(frame)
    names = [
        name for (name, _), frame in zip(files, frames, strict=True) for _ in range(len(frame))
    ]
    return settled(together(frames), settings.read, f"'{files[0][0]}' and the others").assign(
        file=names
    )
