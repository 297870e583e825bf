"""The files of a folder, or of an archive of one, with what is in them."""

from __future__ import annotations

import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import IO
from unicodedata import normalize

from throughline.errors import BadData
from throughline.limits import Budget, check, members
from throughline.sources.gate import opened, taken

IMAGES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".avif", ".tif", ".tiff", ".jfif")
SOUNDS = (".wav", ".wave")
# The bit of a zip file's member that says that its name is UTF-8.
UTF_8 = 0x800
# What file managers leave behind.
LITTER = ("Thumbs.db", "desktop.ini")
HIDDEN = (".", "__MACOSX")


def files_below(path: Path, sha256: str | None = None) -> Iterator[tuple[str, bytes]]:
    """Names below the folder, with `/` on every system, and contents; hidden ones left out.

    Args:
        path: a folder, or a tar or zip file of one.
        sha256: that the tar or zip file must have. Default: any.

    Raises:
        BadData: another checksum, no sound archive, or a link that leads out of the folder.
        OverLimit: more files or bytes than params.yaml allows.
    """
    if path.is_dir():
        yield from _in_folder(path, (path.resolve(),), Budget(str(path), 0))
        return
    with opened(path, sha256) as (stream, size, _):
        yield from files_inside(stream, str(path), size)


def files_inside(stream: IO[bytes], name: str, size: int) -> Iterator[tuple[str, bytes]]:
    """Names in a tar or zip file, and contents; see `files_below`."""
    packed = zipfile.is_zipfile(stream)
    stream.seek(0)
    if packed:
        try:
            with zipfile.ZipFile(stream) as archive:
                for item in members(archive, name, size):
                    path = _path_in_zip(item)
                    if not (_is_litter(path) or path.endswith("/")):
                        yield _as_text(path, name), archive.read(item)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise BadData(
                f"'{name}' must be a sound zip file", str(error), "Fetch it again"
            ) from None
    else:
        yield from _in_tar(stream, name, size)


def _path_in_zip(item: zipfile.ZipInfo) -> str:
    """A member's path: some programs write `\\`, and some UTF-8 without saying so."""
    path = item.filename
    if not item.flag_bits & UTF_8:
        with suppress(UnicodeError):
            path = path.encode("cp437").decode("utf-8")
    return path.replace("\\", "/")


def _in_folder(
    folder: Path, within: tuple[Path, ...], budget: Budget, above: str = ""
) -> Iterator[tuple[str, bytes]]:
    """In the order of names, on every disk; links are followed to what lies inside the first.

    Args:
        folder: to look into.
        within: the folders around it and itself, without links.
        budget: counts files, and folders as well: a few that link to one another are many.
        above: the folders' names before those in it.
    """
    top = within[0]
    with os.scandir(folder) as listing:
        entries = sorted(listing, key=lambda entry: (normalize("NFC", entry.name), entry.name))
    for entry in entries:
        if entry.name in LITTER or entry.name.startswith(HIDDEN):
            continue
        path = Path(entry.path)
        budget.file()
        if entry.is_symlink():
            check_link(path, within)
        if entry.is_dir():
            inner = (*within, path.resolve())
            yield from _in_folder(path, inner, budget, f"{above}{entry.name}/")
        elif entry.is_file():
            yield _as_text(above + entry.name, top), taken(path).content


def _as_text(name: str, where: object) -> str:
    """A name that can be written down, in Unicode's form NFC; disks and tar files hold bytes.

    A Mac writes names decomposed: folders of one name are one class, wherever they were made.
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        raise BadData(
            f"Names of files in '{where}' must be UTF-8",
            name.encode("utf-8", "backslashreplace").decode(),
            "Rename the file",
        ) from None
    return normalize("NFC", name)


def check_link(link: Path, within: tuple[Path, ...]) -> None:
    """Refuse a link out of the first folder, in a circle or to nothing: it must not just vanish.

    Args:
        link: the link.
        within: the folders around it, without links, the outermost first.

    Raises:
        BadData: names it and where it leads.
    """
    target = link.resolve()
    inside = target.is_relative_to(within[0]) and target not in within
    if not inside or not target.exists():
        raise BadData(
            f"Links in '{within[0]}' must lead to files and other folders inside it",
            f"'{link.name}' leads to {target}",
            "Put the file or the folder itself there, or remove the link",
        )


def _in_tar(stream: IO[bytes], name: str, size: int) -> Iterator[tuple[str, bytes]]:
    budget = Budget(name, size)
    try:
        with tarfile.open(fileobj=stream) as tar:
            for member in tar:
                # Of all members: those that are passed over are unpacked as well.
                budget.file(member.name)
                check(name, "bytes", member.size)
                budget.take(member.size)
                content = tar.extractfile(member) if member.isfile() else None
                if content is not None and not _is_litter(member.name):
                    yield _as_text(member.name.removeprefix("./"), name), content.read()
    except (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        raise BadData(
            f"'{name}' must be a folder, or a sound tar or zip file", str(error), "Fetch it again"
        ) from None


def _is_litter(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return not parts or parts[-1] in LITTER or any(part.startswith(HIDDEN) for part in parts)
