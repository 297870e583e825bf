"""`throughline profile`: from data to a first pipeline file and a page to look at."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.errors import BadPipeline, MissingFile
from throughline.paths import Workspace, replaced
from throughline.profile import pictures
from throughline.profile.draft import Draft, drafted
from throughline.profile.facts import facts
from throughline.profile.goal import chosen_target
from throughline.profile.yaml_text import as_text, comment

if TYPE_CHECKING:
    import pandas as pd


def profile(data: Path, name: str, target: str | None, workspace: Workspace) -> list[Path]:
    """Look at data and write `pipelines/NAME/` with a draft that runs as it is.

    The page is written first, so that it is there even where no draft can be made.

    Args:
        data: a file or folder, or the name of a bundled set of scikit-learn.
        name: what the pipeline is called.
        target: the column to predict; without it the likeliest.
        workspace: of the repository.

    Returns:
        The files that were written: the page, the pipeline file and its dvc.yaml.

    Raises:
        MissingFile: no such data.
        BadPipeline: there is a pipeline of that name.
        BadData: the data cannot be read, or hold nothing to predict from.
    """
    from throughline.pipeline.loading import load
    from throughline.profile.page import page
    from throughline.stages.wire import wire

    workspace = Workspace(workspace.root, name)
    if workspace.pipeline_file.exists():
        raise BadPipeline(f"{workspace.pipeline_file} exists", remedy="Choose another name by --as")
    frame, section = _rows(data, workspace)
    found = facts(frame)
    asked = pictures.target(found, target) if "images" in section else target
    chosen = chosen_target(found, asked)
    report = workspace.root / "reports" / name / "profile" / "profile.html"
    with replaced(report) as draft_page:
        draft_page.write_text(page(frame, found, chosen, name), encoding="utf-8")
    draft = drafted(frame, found, chosen, section, _title(name, chosen))
    with replaced(workspace.pipeline_file) as file:
        file.write_text(_header(draft, target) + as_text(draft), encoding="utf-8")
    load(workspace)
    return [report, workspace.pipeline_file, *wire(workspace.root, [name])]


def _rows(data: Path, workspace: Workspace) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The rows as `ingest` will write them, and the section `source` that brings them."""
    from throughline.pipeline.schema.source import Source
    from throughline.sources.fetching.mirror import sha256_of
    from throughline.sources.kinds.sklearn import TARGETS
    from throughline.sources.registry import Surroundings, fetch
    from throughline.sources.table import standardised

    section: dict[str, Any]
    if not data.exists():
        if str(data) not in TARGETS:
            raise MissingFile(f"'{data}' must be a file, a folder or a set of scikit-learn")
        section = {"sklearn": str(data)}
    else:
        # A path inside the repository moves with it.
        inside = data.resolve().is_relative_to(workspace.root.resolve())
        path = os.path.relpath(data, workspace.root) if inside else str(data.resolve())
        section = {"folder" if data.is_dir() else "file": path}
        if data.is_file():
            section["sha256"] = sha256_of(data)
        images = None if data.is_file() and not _is_archive(data) else pictures.storing(data)
        if images is not None:
            # Every fault is a fact of the data first; what they need is said after the look.
            section = {"folder": path, "images": images | {"limit": 1.0}}
            if data.is_file():
                section["sha256"] = sha256_of(data)
    fetched = fetch(Source(**section), Surroundings.of(workspace.root))
    if "images" in section:
        section["images"] = pictures.with_limit(section["images"], fetched.origin)
    for array in fetched.images.values():
        # Only `ingest` has a use for the pixels.
        array.unlink()
    frame = standardised(fetched.frame, {}, (), str(data))
    return frame.drop(columns=[pictures.PIXELS], errors="ignore"), section


def _is_archive(path: Path) -> bool:
    import tarfile
    import zipfile

    # A `.npz` is a zip file of arrays.
    return path.suffix != ".npz" and (zipfile.is_zipfile(path) or tarfile.is_tarfile(path))


def _title(name: str, target: str) -> str:
    return f"{name}: what is '{target}'?"


def _header(draft: Draft, asked: str | None) -> str:
    target = draft.sections["target"]
    name = target["column"] if isinstance(target, dict) else target
    why = "" if asked else f"; the target was guessed: {name}"
    return (
        comment(f"A first draft from the data{why}. The source's licence is yours to add.") + "\n"
    )
