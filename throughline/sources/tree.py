"""The files of a folder, or of an archive of one, with what is in them."""

from __future__ import annotations

import os
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from throughline.errors import BadData

IMAGES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp")
# What file managers leave behind.
LITTER = ("Thumbs.db", "desktop.ini")
HIDDEN = (".", "__MACOSX")


def files_below(path: Path) -> Iterator[tuple[str, bytes]]:
    """Names below the folder, with `/` on every system, and contents; hidden ones left out."""
    if path.is_dir():
        yield from _in_folder(path)
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for item in archive.infolist():
                if not item.is_dir() and not _is_litter(item.filename):
                    yield item.filename, archive.read(item)
    else:
        yield from _in_tar(path)


def _in_folder(
    folder: Path, above: str = "", within: tuple[Path, ...] = ()
) -> Iterator[tuple[str, bytes]]:
    """In the order of names, on every disk; links to folders are followed inside the first.

    Raises:
        BadData: a link leads to a folder elsewhere, or to one that it lies in itself.
    """
    within = (*within, folder.resolve())
    with os.scandir(folder) as listing:
        entries = sorted(listing, key=lambda entry: entry.name)
    for entry in entries:
        if entry.name in LITTER or entry.name.startswith(HIDDEN):
            continue
        if entry.is_dir():
            if entry.is_symlink():
                _check_link(Path(entry.path), above + entry.name, within)
            yield from _in_folder(Path(entry.path), f"{above}{entry.name}/", within)
        elif entry.is_file():
            yield above + entry.name, Path(entry.path).read_bytes()


def _check_link(link: Path, name: str, within: tuple[Path, ...]) -> None:
    """Whether a link to a folder may be followed: data of strangers must not name other folders."""
    target = link.resolve()
    if not target.is_relative_to(within[0]) or target in within:
        raise BadData(
            f"A link to a folder must lead to another one inside '{within[0]}'",
            f"{name} -> {target}",
            "Put the folder in the link's place, or remove the link",
        )


def _in_tar(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        with tarfile.open(path) as tar:
            for member in tar:
                stream = tar.extractfile(member) if member.isfile() else None
                if stream is not None and not _is_litter(member.name):
                    yield member.name.removeprefix("./"), stream.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise BadData(
            f"'{path}' must be a folder, or a sound tar or zip file", str(error), "Fetch it again"
        ) from None


def _is_litter(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return parts[-1] in LITTER or any(part.startswith(HIDDEN) for part in parts)
