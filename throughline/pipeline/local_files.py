"""The files of this machine that a section `source` names: what stage `ingest` depends on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

SQLITE = "sqlite"


def local_files(source: Mapping[str, Any], root: Path, listed: frozenset[str]) -> list[str]:
    """Files and folders whose change brings other rows, as `dvc.yaml` names them.

    A file that is pinned by `sha256` may be absent, because a copy in the mirror will do, and DVC
    refuses a dependency that is absent. So it is named where it is there, or was named already:
    its bytes cannot change the rows, they are refused.

    Args:
        source: section `source` as parsed; it may be wrong, which is for the schema to say.
        root: the repository, where relative paths start.
        listed: the paths that `dvc.yaml` names now.
    """
    found: dict[str, None] = {}
    for path, pinned in _named(source):
        name = _as_dependency(path)
        if not pinned or name in listed or (root / Path(path).expanduser()).exists():
            found[name] = None
    return list(found)


def _named(source: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """Each path, and whether its content is pinned."""
    pinned = source.get("sha256") is not None
    for key in ("file", "folder", "urls"):
        if isinstance(source.get(key), str):
            yield source[key], pinned
    for key in ("parts", "files"):
        several = source.get(key)
        for wanted in several.values() if isinstance(several, Mapping) else ():
            if isinstance(wanted, Mapping) and isinstance(wanted.get("file"), str):
                yield wanted["file"], wanted.get("sha256") is not None
    database = _sqlite_file(source.get("sql"))
    if database is not None:
        yield database, False


def _sqlite_file(address: Any) -> str | None:
    """The file of a SQLite database; None for servers, memory and what the environment names."""
    if not isinstance(address, str) or "$" in address:
        return None
    scheme, separator, path = address.partition(":///")
    if not separator or scheme.partition("+")[0] != SQLITE:
        return None
    path = path.partition("?")[0]
    return None if path in ("", ":memory:") else path


def _as_dependency(path: str) -> str:
    """A path as DVC takes it for that very file: `~` spelled out, nothing filled in."""
    plain = Path(path).expanduser().as_posix()
    if not plain.startswith("/") and ":" in plain.partition("/")[0]:
        # DVC would take what stands before the colon for the scheme of an address.
        plain = f"./{plain}"
    return plain.replace("${", "\\${")
