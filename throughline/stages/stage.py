"""What a stage says of itself, once: what it reads, takes, writes and runs on.

`dvc.yaml`, the flow, `why`, lineage and the digests of code are made from these declarations, of
which each stage's file holds its own as `STAGE`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from throughline.paths import Workspace, write_json

Document = Mapping[str, Any]

# Sections that one stage reads and writes beside its outputs. Stages that read those outputs need
# not name the sections again: whatever changes them changes an input.
PREPARED = ("columns", "inputs", "split", "target", "targets", "task", "time")
TRAINED = ("cross_validation", "network", "training")
SETTINGS = "settings.json"

# Keys of params.yaml, shared by all pipelines.
KERAS = ("backend", "device", "instructions", "threads")

PRETRAINED = ("pretrained", "Pretrained")


def source_of(document: Document) -> Document:
    """The section `source`, whatever a person wrote there."""
    source = document.get("source")
    return source if isinstance(source, Mapping) else {}


def has_pretrained(content: Any) -> bool:
    """Whether a pretrained network is named anywhere in the file."""
    if isinstance(content, Mapping):
        return any(key in PRETRAINED or has_pretrained(value) for key, value in content.items())
    return isinstance(content, list) and any(map(has_pretrained, content))


def has_frozen(document: Document) -> bool:
    """Whether a column goes through a frozen network."""
    return has_pretrained(document.get("columns"))


def has_pictures(document: Document) -> bool:
    """Whether the source brings pictures, which stay in the folder of the raw rows."""
    return source_of(document).get("images") is not None


def has_files(document: Document) -> bool:
    """Whether `prepare` reads files beside the raw rows: pictures or auxiliary ones."""
    return has_pictures(document) or bool(source_of(document).get("files"))


def has_variants(document: Document) -> bool:
    """Whether there are networks besides the pipeline's own."""
    return bool(document.get("variants"))


def has_precisions(document: Document) -> bool:
    """Whether smaller model files are asked for."""
    return bool((document.get("export") or {}).get("precisions"))


def always(document: Document) -> bool:
    """Whatever the file says."""
    return True


@dataclass(frozen=True)
class Entry:
    """A file or folder of a stage.

    Attributes:
        path: the attribute of `Workspace`; or from the project's root, as `reports/{name}/faces`,
            where nobody but stages asks for it.
        when: whether a pipeline has it.
    """

    path: str
    when: Callable[[Document], bool] = always

    def of(self, name: str) -> str:
        """The path of a pipeline, from the project's root."""
        return self.within(Workspace(Path(), name)).as_posix()

    def within(self, workspace: Workspace) -> Path:
        """The path in a workspace."""
        if "/" in self.path:
            return workspace.root / self.path.format(name=workspace.name)
        path: Path = getattr(workspace, self.path)
        return path


def sections_of(stage: Stage, document: Document) -> list[str]:
    """The keys of a pipeline file that a stage reads itself, as `params:` lists them.

    DVC refuses a key that a file leaves to its default, so only those that are there are named.
    """
    found = [key for key in stage.reads if _has(document, key)]
    for name, variant in (document.get("variants") or {}).items():
        found += in_variant(name, [k for k in _of_variants(stage.reads) if _has(variant, k)])
    return sorted(set(found))


def _of_variants(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Keys of a variant; it may drop columns, too."""
    return (*keys, "without") if keys == PREPARED else keys


def in_variant(name: str, keys: list[str]) -> list[str]:
    """The keys of a variant's sections; DVC takes each '.' for a step, so it gets them all then."""
    if "." in name:
        return ["variants"] if keys else []
    return [f"variants.{name}.{key}" for key in keys]


def _has(document: Document, key: str) -> bool:
    section, _, inner = key.partition(".")
    value = document.get(section)
    return section in document and (not inner or (isinstance(value, Mapping) and inner in value))


@dataclass(frozen=True)
class Stage:
    """A stage of every pipeline.

    Attributes:
        name: of the command, of its module and of the function in it.
        reads: keys of the pipeline file that change nothing earlier.
        takes: sections that it reads, too, and that an earlier stage passed on.
        passes_on: sections that it writes beside its outputs.
        calls: sections whose functions of the project's own it calls.
        shared: keys of params.yaml.
        inputs: what earlier stages wrote.
        outputs: what it writes.
        metrics: outputs that git keeps and `dvc metrics` shows.
        libraries: what it imports first, for processes that load it ahead of need.
        when: whether a pipeline has the stage.
        keys: how `params:` is made of a file. Default: of what `reads` names.
    """

    name: str
    reads: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    passes_on: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    inputs: tuple[Entry, ...] = ()
    outputs: tuple[Entry, ...] = ()
    metrics: tuple[Entry, ...] = ()
    libraries: tuple[str, ...] = ()
    when: Callable[[Document], bool] = always
    keys: Callable[[Stage, Document], list[str]] = sections_of

    @property
    def sections(self) -> set[str]:
        """The sections of a pipeline that the stage may ask for."""
        found = {key.partition(".")[0] for key in (*self.reads, *self.takes)} | {"variants"}
        return found | ({"problem"} if "task" in found else set())

    def pass_on(self, document: Document, folder: Path) -> None:
        """Write the sections that stages behind this one read, of the pipeline and its variants."""
        keys = self.passes_on
        own = {
            name: {key: variant[key] for key in _of_variants(keys) if key in variant}
            for name, variant in (document.get("variants") or {}).items()
        }
        # Without variants that change nothing here: they come and go without a run of the stage.
        write_json(
            folder / SETTINGS,
            {
                "sections": {key: document[key] for key in keys if key in document},
                "variants": {name: found for name, found in own.items() if found},
            },
        )
