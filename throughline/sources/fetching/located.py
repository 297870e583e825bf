"""One file of a source on this machine's disk, wherever it comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from throughline.errors import MissingFile
from throughline.pipeline.schema.source import Source
from throughline.sources.fetching.addresses import checked, name_in, redacted
from throughline.sources.fetching.download import downloaded
from throughline.sources.fetching.mirror import VARIABLE, local_copy
from throughline.sources.gate import copied
from throughline.sources.kinds.archive import cached_file, extracted, parsed

if TYPE_CHECKING:
    from throughline.pipeline.schema.source_files import SourceFile
    from throughline.sources.registry import Surroundings


def address_of(wanted: SourceFile) -> str:
    """The address, package path or path as the pipeline file writes it, without a password."""
    return redacted(wanted.url or wanted.archive or wanted.file or "")


def name_of(wanted: SourceFile) -> str:
    """The file's published name."""
    if wanted.url:
        return name_in(wanted.url) or "download"
    return PurePosixPath(unquote(address_of(wanted).rpartition(":")[2])).name or "download"


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

    Whoever reads it makes sure of its checksum, see `sources.gate`.

    Raises:
        MissingFile: a path where nothing is, and no copy in the mirror.
        BadData: a server or registry that does not deliver.
    """
    name = name_of(wanted)
    if wanted.file is not None:
        path = surroundings.root / Path(wanted.file).expanduser()
        if path.is_file():
            return path
    copy = local_copy(wanted.sha256, name, surroundings)
    if copy is not None:
        return copy
    if wanted.url is not None:
        checked(wanted.url)
        return downloaded(wanted.url, wanted.sha256, surroundings.cache)
    if wanted.archive is not None:
        settings = Source(archive=wanted.archive, sha256=wanted.sha256)
        return cached_file(extracted(parsed(wanted.archive)), settings, surroundings.cache)
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
        target = folder / f"{name}{ending_of(name_of(wanted))}"
        size = copied(located(wanted, surroundings), target, wanted.sha256)
        facts[name] = {"source": address_of(wanted), "sha256": wanted.sha256, "bytes": size}
    return facts
