"""Folders of documents: which encoding they are in."""

from __future__ import annotations

from pathlib import Path

from throughline.errors import BadData, listed
from throughline.profile.files.encodings import encoding_of

PLAIN = "utf-8"


def encoding_below(path: Path) -> str | None:
    """The encoding of the texts of a folder, where it is not UTF-8.

    Raises:
        BadData: they are in several: read in one of them, others would be garbled; or in
            one that their bytes do not tell.
    """
    from throughline.sources.kinds.folder import documents
    from throughline.sources.tree import files_below

    found: dict[str, str] = {}
    for name, content in documents(list(files_below(path))):
        # What all encodings have in common tells none.
        if not content.isascii():
            found.setdefault(encoding_of(content, name), name)
    if len(found) > 1:
        raise BadData(
            f"The texts of '{path}' must be in one encoding",
            listed(f"{name} in {encoding}" for encoding, name in sorted(found.items())),
            "Save them all as UTF-8",
        )
    encoding = next(iter(found), PLAIN)
    return None if encoding == PLAIN else encoding
