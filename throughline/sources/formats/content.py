"""The bytes of a file: unpacked, and told apart from what is no data at all."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import Any

from throughline.errors import BadData, ThroughlineError, listed, nearest
from throughline.limits import Budget, check, members

SUFFIXES = (".gz", ".xz", ".bz2", ".zip", ".tar", ".tgz")
TAR_MAGIC_AT = 257
# A member that no other archive has.
SHEETS = {"xl/workbook.xml": "workbook of Excel", "content.xml": "sheet of OpenDocument"}


def looks_like_html(start: bytes) -> bool:
    """Whether a file's first bytes are those of a web page."""
    text = start[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return text.startswith((b"<!doctype html", b"<html"))


def unpacked(content: bytes, name: str, member: str | None) -> tuple[bytes, str]:
    """The data inside compressed bytes, and the name of what was inside.

    The bytes themselves tell how they are packed, not the name. A `.npz` is a zip file too and
    stays as it is.

    Args:
        content: the file.
        name: its name, for messages and to tell the format.
        member: which file of a zip or tar is meant.

    Raises:
        BadData: truncated or damaged; no such member; several members and none chosen.
    """
    chosen = False
    published, layers = name, 0
    while True:
        packing = _packing(content, name)
        if packing is None:
            break
        layers += 1
        check(published, "layers", layers, "layers of packing")
        if packing in ("zip", "tar"):
            content, name = _member(content, name, packing, member)
            chosen = True
        else:
            content = _decompressed(content, name, packing)
            name = _without_suffix(name)
    if member is not None and not chosen:
        raise BadData(f"'source.read.member' has a meaning for zip and tar files, not '{name}'")
    return content, name


def _packing(content: bytes, name: str) -> str | None:
    if content[:2] == b"\x1f\x8b":
        return "gzip"
    if content[:6] == b"\xfd7zXZ\x00":
        return "xz"
    if content[:3] == b"BZh":
        return "bzip2"
    if content[:4] in (b"PK\x03\x04", b"PK\x05\x06") and not name.lower().endswith(".npz"):
        return "zip"
    if content[TAR_MAGIC_AT : TAR_MAGIC_AT + 5] == b"ustar":
        return "tar"
    return None


def _without_suffix(name: str) -> str:
    path = PurePosixPath(name)
    if path.suffix.lower() == ".tgz":
        return path.stem + ".tar"
    return path.stem if path.suffix.lower() in SUFFIXES else path.name


def _decompressed(content: bytes, name: str, packing: str) -> bytes:
    readers: dict[str, Any] = {"gzip": gzip.open, "xz": lzma.open, "bzip2": bz2.open}
    try:
        with readers[packing](io.BytesIO(content)) as stream:
            return Budget(name, len(content)).read(stream)
    except ThroughlineError:
        raise
    except (EOFError, ValueError, lzma.LZMAError) as error:
        if not _is_cut(error):
            raise BadData(
                f"'{name}' must be a sound {packing} file", str(error), "Fetch it again"
            ) from None
        raise BadData(
            f"'{name}' must be a whole {packing} file",
            f"it ends in the middle, after {len(content)} bytes",
            "Fetch it again; give 'source.sha256' so that a cut file is noticed at once",
        ) from None
    except (OSError, zlib.error) as error:
        raise BadData(
            f"'{name}' must be a sound {packing} file", str(error), "Fetch it again"
        ) from None


def _is_cut(error: Exception) -> bool:
    """gzip says it with its own error, bz2 and lzma with a sentence."""
    return isinstance(error, EOFError) or "end-of-stream marker" in str(error)


def _member(content: bytes, name: str, packing: str, member: str | None) -> tuple[bytes, str]:
    """One file of a zip or tar, read in memory: no path of it ever reaches the disk."""
    try:
        if packing == "zip":
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                names = [item.filename for item in members(archive, name, len(content))]
                chosen = chosen_member(names, name, member)
                return archive.read(chosen), PurePosixPath(chosen).name
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            budget = Budget(name, len(content))
            names = []
            for item in tar:
                budget.file()
                names += [item.name] if item.isfile() else []
            chosen = chosen_member(names, name, member)
            stream = tar.extractfile(chosen)
            return budget.read(stream) if stream else b"", PurePosixPath(chosen).name
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error) as error:
        raise BadData(
            f"'{name}' must be a sound {packing} file", str(error), "Fetch it again"
        ) from None


def chosen_member(names: list[str], archive: str, member: str | None) -> str:
    """The member that is meant: the named one, or the only one.

    Raises:
        BadData: there is none, or none was named among several.
    """
    # What macOS adds beside every file.
    real = [name for name in names if not name.startswith("__MACOSX/")]
    if member is None and (kind := next((each for each in SHEETS if each in real), None)):
        raise BadData(
            f"'{archive}' must be a table of text, such as CSV",
            f"a {SHEETS[kind]}, of which nobody knows what the sheets, formulas and colours mean",
            "Save the sheet as CSV (UTF-8), or as Parquet by pandas",
        )
    if member is None:
        if len(real) == 1:
            return real[0]
        raise BadData(
            f"'{archive}' must hold one file, or 'source.read.member' must name one of them",
            f"{len(real)} files: {listed(real)}",
        )
    if member not in real:
        raise BadData(f"'{archive}' has no member '{member}'", remedy=nearest(member, real))
    return member


def decoded(content: bytes, name: str, encoding: str) -> str:
    """Bytes as text.

    Raises:
        BadData: they are no text in this encoding; names the line and an encoding that would do.
    """
    if looks_like_html(content):
        raise BadData(
            f"'{name}' must hold data",
            "a web page",
            "The address may lead to a page about the file; use the direct one",
        )
    if content.startswith(b"\xef\xbb\xbf") and encoding.lower() in ("utf-8", "utf8"):
        encoding = "utf-8-sig"
    try:
        text = content.decode(encoding)
    except LookupError:
        raise BadData(
            "'source.read.encoding' must be an encoding that Python knows",
            encoding,
            nearest(encoding, ("utf-8", "utf-16", "latin-1", "cp1252", "ascii", "shift_jis")),
        ) from None
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise BadData(
            f"'{name}' must be text in {encoding}",
            f"bytes {content[error.start : error.start + 4].hex(' ')} in line {line}",
            _other_encoding(content),
        ) from None
    if "\0" in text:
        raise BadData(
            f"'{name}' must be text",
            f"a zero byte in line {text.partition(chr(0))[0].count(chr(10)) + 1}",
            "Set 'source.read.format', or 'source.read.encoding: utf-16'",
        )
    return text


def _other_encoding(content: bytes) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "Set 'source.read.encoding: utf-16'"
    for encoding in ("utf-8", "cp1252", "latin-1"):
        try:
            content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return f"Set 'source.read.encoding: {encoding}' if that is what it is"
    return "Save it as UTF-8"
