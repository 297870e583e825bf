"""`throughline run`: pipelines brought up to date by DVC, one stage after the other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from throughline.cli.arguments import ANNOUNCED
from throughline.cli.check import problems_of
from throughline.errors import BadPipeline
from throughline.evaluation.show.line import broken, ending
from throughline.paths import Workspace, pipelines, read_json
from throughline.project.index import write_index
from throughline.stages.wire import wire


def run(root: Path, names: list[str], strict: bool = False) -> int:
    """Check pipelines, write their `dvc.yaml`, and let `dvc repro` do the rest.

    Args:
        root: the project.
        names: pipelines; those that the project's `dvc.yaml` needs when empty.
        strict: whether a gate that does not hold counts as a failure. Default: no.

    Returns:
        0, or 1 where a stage failed, or a gate does not hold and `strict` asks for it.

    Raises:
        BadPipeline: a pipeline file has mistakes; nothing ran.
    """
    problems = [problem for name in names for problem in problems_of(Workspace(root, name))]
    if problems:
        raise BadPipeline.of(problems)
    wire(root, names or pipelines(root))
    files = [str(Workspace(Path(), name).stages_file) for name in names]
    before = {name: _written(root, name) for name in names}
    # The stages run `throughline`, which is that of this Python.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(
        # Its own notes, such as that an output is empty, look like faults and are none.
        [sys.executable, "-m", "dvc", "repro", "--quiet", *files],
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
    return int(strict and any(gates_broken(root, name) for name in names or _evaluated(root)))


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
