"""`throughline run`: pipelines brought up to date by DVC, one stage after the other."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from throughline.cli.arguments import ANNOUNCED
from throughline.cli.check import problems_of
from throughline.cli.editing import edited
from throughline.cli.wiring import refuse_files_for_folders
from throughline.errors import BadPipeline, MissingFile
from throughline.evaluation.show.line import broken, ending
from throughline.paths import BEGIN, Workspace, existing, in_project, pipelines, read_json, replaced
from throughline.pipeline.yaml_file import YamlFile
from throughline.stages.wire import wire
from throughline.terminal import note


def run(root: Path, names: list[str], strict: bool = False, settings: Sequence[str] = ()) -> int:
    """Check pipelines, write their `dvc.yaml`, and let `dvc repro` do the rest.

    Args:
        root: the project.
        names: pipelines; those that the project's `dvc.yaml` needs when empty.
        strict: whether a gate that does not hold counts as a failure. Default: no.
        settings: `KEY=VALUE`, written into the one pipeline's file first. Default: none.

    Returns:
        0, or 1 where a stage failed, or a gate does not hold and `strict` asks for it.

    Raises:
        BadPipeline: a pipeline file has mistakes; nothing ran.
        MissingFile: the folder is no project, or DVC has no repository there.
    """
    # It imports DVC, which the commands that look at nothing of a project do not need.
    from throughline.project.index import write_index

    if not names:
        in_project(root)
    if settings:
        _set(root, names, settings)
    problems = [problem for name in names for problem in problems_of(Workspace(root, name))]
    if problems:
        raise BadPipeline.of(problems)
    _in_repository(root)
    for name in names or pipelines(root):
        refuse_files_for_folders(Workspace(root, name))
    wire(root, names or pipelines(root))
    files = [str(Workspace(Path(), name).stages_file) for name in names]
    before = {name: _written(root, name) for name in pipelines(root)}
    # The stages run `throughline`, which is that of this Python.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(
        # Its own notes, such as that an output is empty, look like faults and are none.
        [sys.executable, "-P", "-m", "throughline.running.repository", "repro", "--quiet", *files],
        cwd=root,
        env={**os.environ, "PATH": path, ANNOUNCED: "1"},
    )
    write_index(root)
    if done.returncode:
        return 1
    for name in names:
        # A stage `evaluate` that ran has said it itself.
        if _written(root, name) == before[name]:
            workspace = Workspace(root, name)
            print(ending(read_json(workspace.evaluation / "report.json"), workspace))
    if not names and all(_written(root, name) == when for name, when in before.items()):
        note("all that dvc.yaml needs is up to date · next: throughline list")
    return int(strict and any(gates_broken(root, name) for name in names or _evaluated(root)))


def _set(root: Path, names: list[str], settings: Sequence[str]) -> None:
    """Write values into a pipeline's file, or leave it as it was where they are wrong there."""
    if len(names) != 1:
        raise BadPipeline("--set changes the file of one pipeline", names, "Name one")
    workspace = existing(root, names[0])
    before = file = YamlFile(workspace.pipeline_file)
    for setting in settings:
        file = edited(file, setting)
    _write(file)
    if problems := list(problems_of(workspace)):
        _write(before)
        raise BadPipeline.of(problems)
    note(f"{file.path}: {', '.join(settings)}")


def _write(file: YamlFile) -> None:
    with replaced(file.path) as temporary:
        temporary.write_bytes(file.text.encode())


def _in_repository(root: Path) -> None:
    """Say what is wrong before DVC is started, which takes seconds and says less."""
    here = root.resolve()
    if not any((folder / ".dvc").is_dir() for folder in (here, *here.parents)):
        raise MissingFile("DVC keeps what a project makes in its folder .dvc", "none here", BEGIN)


def gates_broken(root: Path, name: str) -> bool:
    """Whether a gate of a pipeline's last report does not hold."""
    return bool(broken(read_json(Workspace(root, name).evaluation / "report.json")))


def _evaluated(root: Path) -> list[str]:
    """The pipelines that have a report."""
    return [
        name
        for name in pipelines(root)
        if (Workspace(root, name).evaluation / "report.json").exists()
    ]


def _written(root: Path, name: str) -> int:
    report = Workspace(root, name).evaluation / "report.json"
    return report.stat().st_mtime_ns if report.exists() else 0
