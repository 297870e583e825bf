"""`throughline init`: a folder becomes a project; what lies there already stays as it is."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import yaml

from throughline.errors import BadData, ThroughlineError
from throughline.paths import replaced
from throughline.pipeline.yaml_file import YamlFile
from throughline.project import SHARED
from throughline.stages.wire import CODE_ENTRY, CODE_STAGE, PROJECT_FILE

FILES = Path(__file__).parent / "files"
CHECKOUT = Path(__file__).parents[2]
STAGES = """\
# `dvc repro` builds what the stages of this file need, `dvc repro -P` every pipeline; DVC finds
# their stages in pipelines/*/dvc.yaml.
"""
# Nothing is sent anywhere, as everywhere in a project.
SILENT = {"analytics": False, "check_update": False}


class NoRepository(ThroughlineError):
    """DVC made no repository of the folder; the message says why."""


WORKFLOW = Path(".github", "workflows", "throughline.yml")
JOB = FILES.parent / "workflow.yml"


def initialised(folder: Path, ci: bool = False) -> list[str]:
    """Make a project of a folder.

    Args:
        folder: is made where there is none. Inside a git repository the project is one of git,
            too, and inside another project a project of its own.
        ci: also write a workflow for GitHub, at the root of the git repository, that builds
            pipelines and comments pull requests. Default: none.

    Returns:
        A line for each file that was written or that differs and was left, and what to do next.

    Raises:
        BadData: something else than a folder has that name.
        NoRepository: DVC refuses the folder.
    """
    if folder.exists() and not folder.is_dir():
        raise BadData(f"'{folder}' must be a folder or a free name", "a file", "Take another name")
    contents = {**template(), PROJECT_FILE: _stages()}
    done = [
        line
        for path, content in sorted(contents.items())
        if (line := _written(folder, path, content))
    ]
    done += _lacking(folder)
    if ci:
        done += _workflow(folder)
    if _dvc(folder):
        done.append("wrote .dvc")
    return done or [f"{folder} is a project already; nothing to do"]


def template() -> dict[Path, bytes]:
    """What a project begins with: paths below its folder, and contents."""
    shared = {path: CHECKOUT / path for path in SHARED if not (FILES / path).exists()}
    found = [(FILES, FILES), *((file, CHECKOUT) for file in shared.values())]
    return {
        file.relative_to(base): file.read_bytes() for place, base in found for file in _files(place)
    }


def _files(place: Path) -> Iterator[Path]:
    """A file, or all that a folder holds but for compiled ones."""
    for file in [place] if place.is_file() else sorted(place.rglob("*")):
        if file.is_file() and file.suffix != ".pyc":
            yield file


def _stages() -> bytes:
    """The project's own `dvc.yaml`: the stage on which those of all pipelines depend."""
    return (STAGES + yaml.safe_dump({"stages": {CODE_STAGE: CODE_ENTRY}}, sort_keys=False)).encode()


def _written(folder: Path, path: Path, content: bytes) -> str:
    """Write a file where there is none; what to say of it."""
    file = folder / path
    if not file.exists():
        with replaced(file) as draft:
            draft.write_bytes(content)
        return f"wrote {path}"
    if file.is_dir() or file.read_bytes() != content:
        return f"left {path} as it is; a new project has another"
    return ""


def _lacking(folder: Path) -> list[str]:
    """What to add to a `dvc.yaml` that was there before."""
    if CODE_STAGE in (YamlFile(folder / PROJECT_FILE).content.get("stages") or {}):
        return []
    entry = yaml.safe_dump({CODE_STAGE: CODE_ENTRY}, default_flow_style=True, width=1000).strip()
    return [f"add to the stages of {PROJECT_FILE}, for pipelines depend on it: {entry[1:-1]}"]


def _workflow(folder: Path) -> list[str]:
    """Write the workflow where GitHub looks for it."""
    here = folder.resolve()
    root = next((above for above in (here, *here.parents) if (above / ".git").exists()), here)
    place = here.relative_to(root)
    content = JOB.read_text(encoding="utf-8")
    for word, path in (("FOLDER", place), ("PLOTS", place / "plots")):
        # JSON is YAML, whatever a folder is called.
        content = content.replace(word, json.dumps(path.as_posix()))
    line = _written(root, WORKFLOW, content.encode())
    return [line.replace(str(WORKFLOW), str(root / WORKFLOW))] if line else []


def _dvc(folder: Path) -> bool:
    """Make a DVC repository of a folder that is none."""
    if (folder / ".dvc").is_dir():
        return False
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    from throughline.running.repository import bounded

    bounded()
    own = (folder / ".git").exists()
    inside = not own and any((above / ".git").exists() for above in folder.resolve().parents)
    try:
        # It would say what is said here.
        logging.getLogger("dvc").setLevel(logging.ERROR)
        with (
            Repo.init(str(folder), no_scm=not (own or inside), subdir=inside) as repo,
            repo.config.edit() as config,
        ):
            config["core"] |= SILENT
    except DvcException as error:
        reason = " ".join(str(error).split())
        raise NoRepository(f"DVC must be able to keep a repository there: {reason}") from None
    return True
