"""One file of a source on this machine's disk, wherever it comes from."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from throughline.errors import BadData, MissingFile
from throughline.pipeline.schema.source import Source
from throughline.sources.fetching.download import downloaded
from throughline.sources.fetching.mirror import VARIABLE, held, sha256_of
from throughline.sources.kinds.archive import extracted, kept, parsed

if TYPE_CHECKING:
    from throughline.pipeline.schema.source_files import SourceFile
    from throughline.sources.registry import Surroundings


def address_of(wanted: SourceFile) -> str:
    """The address, package path or path as the pipeline file writes it."""
    return wanted.url or wanted.archive or wanted.file or ""


def name_of(wanted: SourceFile) -> str:
    """The file's published name."""
    path = urlsplit(wanted.url).path if wanted.url else address_of(wanted).rpartition(":")[2]
    # Only then: `%2F` is a step into another folder too.
    return PurePosixPath(unquote(path)).name or "download"


def ending_of(name: str) -> str:
    """The last endings of a published name, at most two, by which its format is told.

    Example:
        >>> ending_of("glove.6B.tar.gz")
        '.tar.gz'
    """
    found = re.search(r"(?:\.[A-Za-z0-9_-]{1,16}){0,2}\Z", name)
    return found.group() if found else ""


def located(wanted: SourceFile, surroundings: Surroundings) -> Path:
    """The file's path; a copy in the mirror or among the downloads will do.

    Raises:
        MissingFile: a path where nothing is, and no copy in the mirror.
        BadData: another checksum, or a server or registry that does not deliver.
    """
    name = name_of(wanted)
    if wanted.file is not None:
        path = surroundings.root / Path(wanted.file).expanduser()
        if path.is_file():
            _same_bytes(path, wanted.sha256)
            return path
    copy = held(wanted.sha256, name, surroundings)
    if copy is not None:
        return copy
    if wanted.url is not None:
        return downloaded(wanted.url, wanted.sha256, surroundings.cache)
    if wanted.archive is not None:
        settings = Source(archive=wanted.archive, sha256=wanted.sha256)
        return kept(extracted(parsed(wanted.archive)), settings, surroundings.cache)
    raise MissingFile(
        f"The file must exist: {surroundings.root / str(wanted.file)}",
        remedy=f"Put it there, or into the folder that {VARIABLE} names",
    )


def auxiliary(
    files: Mapping[str, SourceFile], surroundings: Surroundings, folder: Path
) -> dict[str, Any]:
    """Copy the auxiliary files of a source into a folder, each under the name that the file gives.

    Returns:
        their facts, for provenance.json.
    """
    folder.mkdir()
    facts = {}
    for name, wanted in files.items():
        path = located(wanted, surroundings)
        shutil.copyfile(path, folder / f"{name}{ending_of(name_of(wanted))}")
        facts[name] = {
            "source": address_of(wanted),
            "sha256": wanted.sha256,
            "bytes": path.stat().st_size,
        }
    return facts


def _same_bytes(path: Path, sha256: str) -> None:
    found = sha256_of(path)
    if found != sha256:
        raise BadData(
            f"'{path}' must have sha256 {sha256}",
            found,
            "Look at what changed; if the new file is right, change its 'sha256'",
        )
