"""A file on a web server."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from throughline.errors import BadData
from throughline.sources.fetching.download import downloaded
from throughline.sources.fetching.mirror import held, sha256_of
from throughline.sources.kinds.file import as_table
from throughline.sources.registry import Fetched, Surroundings, source

if TYPE_CHECKING:
    from throughline.pipeline.schema.source import Source


@source("url")
def bring(settings: Source, surroundings: Surroundings) -> Fetched:
    """The table in the file at `url`; its sha256 is demanded and a copy in the mirror will do.

    Raises:
        BadData: no http address, no such file, or another checksum; or none is known yet, and
            then the message says the one that was found.
        Unreachable: the server does not answer.
    """
    url = settings.url or ""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise BadData("'source.url' must begin with https:// or http://", url)
    name = PurePosixPath(unquote(parts.path)).name or "download"
    sha256 = settings.sha256 or ""
    if sha256 == "unknown":
        found = downloaded(url, None, surroundings.cache)
        raise BadData(
            "'source.sha256' must be known before a file is trusted",
            f"a file with {sha256_of(found)}",
            f"Look at {found}; if it is the right one, write its sha256 into the pipeline file",
        )
    path = held(sha256, name, surroundings) or downloaded(url, sha256, surroundings.cache)
    return as_table(path, name, settings, {"source": url})
