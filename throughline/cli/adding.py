"""`throughline add`: from a file to a pipeline of this project that is ready to run."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from filecmp import cmp
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.cli.check import problems_of
from throughline.errors import BadData, BadPipeline
from throughline.names import LONGEST_NAME, named
from throughline.paths import Workspace, in_project, replaced
from throughline.running.repository import repository
from throughline.sources.tree import check_link

if TYPE_CHECKING:
    from throughline.profile.profile import Profiled

SOURCES = Path("data", "sources")
# Of two slashes a path keeps one.
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)


def added(
    root: Path,
    data: Path,
    name: str | None,
    target: str | None,
    read: Mapping[str, Any] | None = None,
) -> list[str]:
    """Look at data and write a pipeline of them; the data are part of the project afterwards.

    Data that lie outside are copied to `data/sources/` and tracked by DVC, so that no path leads
    out of the project.

    Args:
        root: the project.
        data: a file, a folder, or a set of scikit-learn.
        name: of the pipeline. Default: the target's, else the file's.
        target: the column to predict. Default: the likeliest.
        read: keys of `source.read`. Default: as the file itself tells.

    Returns:
        What was found and written, and what comes next; a line each.

    Raises:
        MissingFile: no project, or no such data.
        BadPipeline: there is a pipeline of that name, or the draft is not right.
        BadData: the data cannot be read, or hold nothing to predict from.
    """
    from throughline.profile.profile import profile

    in_project(root)
    if ADDRESS.match(str(data)):
        raise BadData(
            "Data to add are a file, a folder or a set of scikit-learn",
            "an address",
            "Fetch the file and add it, or write 'source: {url: ..., sha256: ...}' in a pipeline "
            "file (docs/data.md)",
        )
    workspace = Workspace(root, named(name or name_after(target or data.stem)))
    if workspace.pipeline_file.exists():
        raise BadPipeline(f"{workspace.pipeline_file} exists", remedy="Choose another by --as")
    place, copied = _inside(root, data)
    try:
        found = profile(place, workspace.name, target, workspace, read)
    except BaseException:
        if copied:
            _remove(place)
        raise
    if copied:
        _track(root, place)
    problems = list(problems_of(workspace))
    if problems:
        raise BadPipeline.of(problems)
    return list(_summary(workspace, place if copied else None, found))


def name_after(text: str) -> str:
    """A name for a pipeline, after a column or a file, in the letters A to Z."""
    from slugify import slugify

    return slugify(text, max_length=LONGEST_NAME) or "first"


def _inside(root: Path, data: Path) -> tuple[Path, bool]:
    """Where the data are in the project, and whether they were copied there."""
    if data.is_dir() and root.resolve().is_relative_to(data.resolve()):
        raise BadData(
            "Data lie beside the project or in a folder of it",
            f"'{data}', which holds the project",
            "Name the file or folder with the data",
        )
    if data.exists() and not (data.is_file() or data.is_dir()):
        raise BadData(f"'{data}' must be a file or a folder", "a pipe or device", "Save it first")
    if not data.exists() or data.resolve().is_relative_to(root.resolve()):
        return data, False
    place = root / SOURCES / data.name
    if place.is_file() and data.is_file() and cmp(place, data, shallow=False):
        return place, False
    if place.exists():
        raise BadPipeline(f"{place} exists", remedy="Add that one, or rename the file")
    if data.is_dir():
        _check_links(data)
    # A copy that a full disk or Ctrl-C ends half-way would be taken for the data.
    with replaced(place) as draft:
        if data.is_dir():
            shutil.copytree(data, draft)
        else:
            shutil.copyfile(data, draft)
    return place, True


def _check_links(folder: Path) -> None:
    """Refuse links out of a folder before they are copied: the copy is of what they lead to.

    Also of files that no source reads, for DVC keeps them all and sends them to its remote.

    Raises:
        BadData: one leads elsewhere, or something is neither file nor folder.
    """
    top = folder.resolve()
    for place, folders, files in os.walk(folder):
        for path in (Path(place, name) for name in (*folders, *files)):
            if path.is_symlink():
                check_link(path, (top,))
            linked = path.is_symlink() and path.is_dir()
            if linked or not (path.is_file() or path.is_dir()):
                # A few links of folders to one another stand for more copies than a disk holds.
                raise BadData(
                    f"'{folder}' must hold files and folders themselves",
                    f"'{path.name}', a {'link to a folder' if linked else 'pipe or device'}",
                )


def _remove(place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink()


def _track(root: Path, place: Path) -> None:
    """Let DVC keep the data, as `dvc add` does."""
    from dvc.exceptions import DvcException

    try:
        with repository(root) as repo:
            repo.add([str(place.resolve())])
    except DvcException as error:
        raise BadPipeline(
            f"DVC must be able to track {place}", str(error), f"Mend it and run `dvc add {place}`"
        ) from None


def _summary(workspace: Workspace, copy: Path | None, found: Profiled) -> Iterator[str]:
    from throughline.pipeline.loading import load

    pipeline = load(workspace).main
    target = ", ".join(pipeline.target.columns) or "features"
    yield f"{workspace.name}: {pipeline.task} of '{target}' from {len(pipeline.columns)} columns"
    yield from found.guesses
    if copy is not None:
        yield f"copied the data to {copy}, tracked by DVC"
    yield from (f"wrote {path}" for path in found.written)
    yield f"next: look at {workspace.pipeline_file}, then throughline run {workspace.name}"
