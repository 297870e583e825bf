"""Writes the `dvc.yaml` beside each pipeline file from the one template below.

Every pipeline has the same stages, commands and files; only its name differs, and the `params:`
lists, because DVC refuses a section that a pipeline file leaves to its default.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from throughline.errors import BadPipeline, ThroughlineError
from throughline.limits import guarded
from throughline.paths import Workspace, replaced
from throughline.pipeline.local_files import local_files
from throughline.pipeline.yaml_file import YamlFile
from throughline.stages.declared import stages_of
from throughline.stages.digests.code import FILE as CODE
from throughline.stages.digests.code import own_key, references, refreshed
from throughline.stages.stage import Document, Entry, Stage, source_of

HEADER = "# Written by `throughline wire` from pipeline.yaml beside it; change that one.\n"

PROJECT_FILE = Path("dvc.yaml")
# Runs before all others whenever DVC does: which code is installed, DVC cannot see.
CODE_STAGE = "code"
CODE_ENTRY = {
    "desc": "Digests of the code that the stages run.",
    "cmd": "throughline code",
    "always_changed": True,
    "outs": [{CODE.as_posix(): {"cache": False, "persist": True}}],
}


def stages(document: Document, name: str, sources: Sequence[str] = ()) -> dict[str, Any]:
    """The content of the `dvc.yaml` of a pipeline.

    Args:
        document: the pipeline file as parsed; only its sections matter.
        name: the pipeline.
        sources: files of this machine that the rows come from. Default: none.
    """
    written: dict[str, Any] = {
        "stages": {stage.name: _entry(stage, document, name) for stage in stages_of(document)},
        "plots": _plots(document, name),
        # What `dvc artifacts get REPOSITORY pipelines/NAME:model` fetches; from this folder.
        "artifacts": {"model": {"path": f"../../models/{name}/model.onnx", "type": "model"}},
    }
    ingest = written["stages"]["ingest"]
    if sources:
        ingest["deps"] = list(sources)
    if source_of(document).get("ingest") == "always":
        ingest["always_changed"] = True
    return written


def _plots(document: Document, name: str) -> list[dict[str, Any]]:
    """What `dvc plots` draws; these paths are those of the folder of `dvc.yaml`."""
    reports = f"../../reports/{name}"
    plots: list[dict[str, Any]] = []
    if "cross_validation" in document:
        curves = {f"{reports}/cross_validation/curves.csv": ["training", "validation"]}
        plots.append({"learning curve": {"x": "epoch", "y": curves, "y_label": "loss"}})
    task = document.get("task")
    if task in ("binary", "multiclass"):
        predictions = f"{reports}/evaluation/predictions.csv"
        confusion = {"template": "confusion", "x": "actual", "y": {predictions: "predicted"}}
        plots.append({"confusion": confusion})
        bins = {f"{reports}/evaluation/calibration.csv": "observed"}
        plots.append({"calibration": {"x": "probability", "y": bins}})
    if task == "binary":
        curve = {f"{reports}/evaluation/roc.csv": "true_positive_rate"}
        plots.append({"ROC": {"x": "false_positive_rate", "y": curve}})
    return plots


def _entry(stage: Stage, document: Document, name: str) -> dict[str, Any]:
    """A stage as DVC is told of it; paths are those of the project's root."""
    # Names are filled in here: DVC's own `${name}` costs it 0.4 ms a mention, at every start.
    sections = stage.keys(stage, document)
    parameters: list[Any] = [{f"pipelines/{name}/pipeline.yaml": sections}] if sections else []
    if stage.shared:
        parameters.append({"params.yaml": sorted(stage.shared)})
    called = {key: document.get(key) for key in stage.calls}
    own = sorted({f"own.{own_key(module)}" for module in references(called)})
    parameters.append({CODE.as_posix(): [f"stages.{stage.name}", *own]})
    entry: dict[str, Any] = {
        "wdir": "../..",
        "cmd": shlex.join(("throughline", stage.name, name)),
        "deps": _paths(stage.inputs, document, name),
        "params": parameters,
        "outs": _paths(stage.outputs, document, name),
        "metrics": _paths(stage.metrics, document, name),
    }
    return {key: value for key, value in entry.items() if value}


def _paths(entries: tuple[Entry, ...], document: Document, name: str) -> list[str]:
    return [entry.of(name) for entry in entries if entry.when(document)]


def text(workspace: Workspace) -> str:
    """The `dvc.yaml` of a pipeline as text."""
    document = YamlFile(workspace.pipeline_file).content
    # Nothing has checked its sections yet.
    with guarded(str(workspace.pipeline_file), timed=False):
        sources = local_files(source_of(document), workspace.root, _listed(workspace))
        written = stages(document, workspace.name, sources)
    if workspace.repairs.exists():
        written["stages"]["validate"]["deps"].append(f"pipelines/{workspace.name}/repairs.csv")
    content: str = yaml.safe_dump(written, sort_keys=False, width=100, default_flow_style=None)
    return HEADER + content


def _listed(workspace: Workspace) -> frozenset[str]:
    """The files that stage `ingest` depends on by the `dvc.yaml` that is there."""
    try:
        content = YamlFile(workspace.stages_file).content
        return frozenset(map(str, content["stages"]["ingest"]["deps"]))
    except (ThroughlineError, KeyError, TypeError):
        # It is written anew; whatever a stranger's may hold.
        return frozenset()


def wire(root: Path, names: list[str]) -> list[Path]:
    """Write the `dvc.yaml` of each pipeline where it is not up to date, and return those.

    The stage that keeps `code.json` is added to a project that has no `dvc.yaml` yet.
    """
    if names:
        refreshed(root)
    written = []
    if names and not (root / PROJECT_FILE).exists():
        with replaced(root / PROJECT_FILE) as draft:
            draft.write_text(yaml.safe_dump({"stages": {CODE_STAGE: CODE_ENTRY}}, sort_keys=False))
        written.append(root / PROJECT_FILE)
    for name in names:
        workspace = Workspace(root, name)
        content = text(workspace)
        if not _up_to_date(workspace, content):
            with replaced(workspace.stages_file) as draft:
                draft.write_text(content)
            written.append(workspace.stages_file)
    return written


def _up_to_date(workspace: Workspace, content: str) -> bool:
    """Whether `dvc.yaml` is this text; a stranger's may hold any bytes."""
    file = workspace.stages_file
    return file.exists() and file.read_text(encoding="utf-8", errors="replace") == content


def wired(workspace: Workspace) -> None:
    """Refuse to work on a pipeline whose `dvc.yaml` does not fit its file.

    Raises:
        BadPipeline: a section was added or removed since `dvc.yaml` was written.
    """
    content = text(workspace)
    if not _up_to_date(workspace, content):
        raise BadPipeline(
            f"{workspace.stages_file} must list the sections of {workspace.pipeline_file}",
            remedy=f"Run `throughline wire {workspace.name}`",
        )
