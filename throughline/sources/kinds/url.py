"""A file on a web server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from throughline.errors import BadData
from throughline.sources.fetching.addresses import checked, name_in, redacted
from throughline.sources.fetching.download import downloaded
from throughline.sources.fetching.mirror import local_copy
from throughline.sources.gate import UNKNOWN, taken
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
    checked(url)
    name = name_in(url) or "download"
    sha256 = settings.sha256 or ""
    if sha256 == UNKNOWN:
        found = downloaded(url, None, surroundings.cache)
        raise BadData(
            "'source.sha256' must be known before a file is trusted",
            f"a file with {taken(found).sha256}",
            f"Look at {found}; if it is the right one, write its sha256 into the pipeline file",
        )
    path = local_copy(sha256, name, surroundings) or downloaded(url, sha256, surroundings.cache)
    return as_table(path, name, settings, {"source": redacted(url)})
