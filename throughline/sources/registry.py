"""The kinds of source: each module registers one function that brings the rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.cache import CACHE
from throughline.limits import SECTION, Limits, applied, guarded

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.schema.source import Source


@dataclass(frozen=True)
class Surroundings:
    """Where a source may look and keep what it fetched.

    Attributes:
        root: the repository; paths in a pipeline file start here.
        cache: keeps downloads by sha256, so that nothing is fetched twice.
        mirror: a folder that holds copies of public files, found by sha256 alone.
        limits: of what may be fetched and unpacked.
        hosts: private servers that addresses in data may name, `hosts` of params.yaml.
    """

    root: Path
    cache: Path
    mirror: Path | None = None
    limits: Limits = field(default_factory=Limits)
    hosts: frozenset[str] = frozenset()

    @classmethod
    def of(cls, root: Path) -> Surroundings:
        """Those of a project: its downloads, the mirror of the environment, its own limits.

        Raises:
            BadPipeline: params.yaml sets limits that are none.
            BadData: the mirror is no folder.
        """
        from throughline.pipeline.yaml_file import YamlFile
        from throughline.sources.fetching.mirror import mirror_folder

        shared = root / "params.yaml"
        content = YamlFile(shared).content if shared.exists() else {}
        hosts = frozenset(map(str, content.get("hosts") or ()))
        cache = root / CACHE / "downloads"
        return cls(root, cache, mirror_folder(), Limits.of(content.get(SECTION)), hosts)


@dataclass(frozen=True)
class Fetched:
    """The rows of a source and where they came from.

    Attributes:
        frame: the rows; `frame.attrs["shapes"]` holds the shape of each column of arrays.
        origin: facts for provenance.json; nothing in it may differ between two machines.
        images: for each column of pictures the file of their array, which the stage takes.
        originals: some of the files that the pictures were decoded from; see
            `preprocessing.originals`. Default: they came from no files.
    """

    frame: pd.DataFrame
    origin: dict[str, Any] = field(default_factory=dict)
    images: dict[str, Path] = field(default_factory=dict)
    originals: pd.DataFrame | None = None


Bring = Callable[["Source", Surroundings], Fetched]

# Sources that run a function: its errors are its author's to mend, with their traceback.
CODE = ("generator", "sklearn")

_KINDS: dict[str, Bring] = {}


def source(kind: str) -> Callable[[Bring], Bring]:
    """Register the function that brings the rows of one kind of source."""

    def register(bring: Bring) -> Bring:
        _KINDS[kind] = bring
        return bring

    return register


def fetch(settings: Source, surroundings: Surroundings) -> Fetched:
    """The rows that section `source` describes.

    Only the module of that kind is imported, so that rows in a CSV file do not wait for SQLAlchemy.
    """
    import_module(f"throughline.sources.kinds.{settings.kind}")
    bring = _KINDS[settings.kind]
    with applied(surroundings.limits):
        if settings.kind in CODE:
            return bring(settings, surroundings)
        with guarded(f"source.{settings.kind}", timed=False):
            return bring(settings, surroundings)
