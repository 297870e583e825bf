"""Fetching networks that somebody else trained."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from throughline.cache import store
from throughline.errors import BadData, MissingFile
from throughline.sources.fetching.applications import built
from throughline.sources.fetching.mirror import local_copy

if TYPE_CHECKING:
    from throughline.pipeline.schema.pretrained import Pretrained
    from throughline.sources.registry import Surroundings


def fetched(pretrained: Pretrained, surroundings: Surroundings) -> Path:
    """The `.keras` file of a pretrained network, from a mirror or from where its file says.

    A file is only found here. Whoever takes it copies it and demands its checksum of the copy, so
    that what was hashed is what is loaded; weights of an application are copied so before they are
    loaded here.

    Raises:
        MissingFile: no such file, and no copy in the mirror.
        BadData: another checksum, no such application, or weights that do not fit it.
        Unreachable: an address that does not deliver.
    """
    if pretrained.application is None:
        return _file(pretrained, surroundings)
    weights = _file(pretrained, surroundings) if pretrained.sha256 else None
    return built(pretrained, weights, surroundings.cache)


def _file(pretrained: Pretrained, surroundings: Surroundings) -> Path:
    place = pretrained.file or pretrained.archive or pretrained.url or ""
    name = PurePosixPath(place.rpartition(":")[2]).name
    local = surroundings.root / pretrained.file if pretrained.file else None
    if local is not None and local.is_file():
        return local
    copy = local_copy(pretrained.sha256, name, surroundings)
    if copy is not None:
        return copy
    if pretrained.url is not None:
        from throughline.sources.fetching.download import downloaded

        return downloaded(pretrained.url, pretrained.sha256 or "", surroundings.cache)
    if pretrained.archive is not None:
        return _from_archive(pretrained, surroundings.cache)
    raise MissingFile(
        f"A pretrained network must exist: {local}",
        remedy="Put it there, or into the folder that THROUGHLINE_MIRROR names",
    )


def _from_archive(pretrained: Pretrained, cache: Path) -> Path:
    from throughline.sources.kinds.archive import extracted, parsed

    content = extracted(parsed(pretrained.archive or ""))
    found = hashlib.sha256(content).hexdigest()
    if found != pretrained.sha256:
        raise BadData(f"'{pretrained.archive}' must have sha256 {pretrained.sha256}", found)
    return store(cache / found, content)
