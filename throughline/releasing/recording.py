"""The record of a release to be: what a pipeline's files hold now, once gates and parity hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from throughline.errors import BadPipeline, MissingFile, RefusedByGate, listed
from throughline.paths import Workspace, read_json
from throughline.pipeline.yaml_file import YamlFile
from throughline.releasing.git import changed_files, commit, git
from throughline.releasing.machine import environment
from throughline.releasing.outputs import sha256
from throughline.releasing.releases import SOURCES, VERSION, champion, outputs, tag, versions


def record(root: Path, name: str, verdict: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Describe the model that a pipeline's files hold now, as its next version.

    Args:
        root: the repository.
        name: the pipeline; its stages are up to date.
        verdict: how the model compares with the champion. Default: not compared.

    Raises:
        MissingFile: a stage has not run.
        BadPipeline: files that the model came from are not committed.
        RefusedByGate: a gate or the parity with the network does not hold.
    """
    workspace = Workspace(root, name)
    lock = workspace.stages_file.with_name("dvc.lock")
    for path in (workspace.model, lock):
        if not path.exists():
            raise MissingFile(f"'{path}' is needed for a release", remedy="Run `dvc repro` first")
    loose = changed_files(root, *SOURCES, f"pipelines/{name}")
    if loose:
        raise BadPipeline(
            "The files a model comes from must be committed before its release",
            listed(loose),
            "Commit them",
        )
    report = read_json(workspace.evaluation / "report.json")
    parity = read_json(workspace.parity)
    require(report, parity)
    return {
        "pipeline": name,
        "version": next_version(root, name),
        "title": report["title"],
        "released": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(root),
        "replaced": champion(root, name),
        "verdict": dict(verdict) if verdict else None,
        "model": _model(workspace.model, root),
        "precisions": _precisions(workspace, root, report),
        "metrics": report["branches"]["main"]["metrics"],
        "gates": report["gates"],
        "comparisons": [
            {"name": each["name"], "difference": each["difference"]}
            for each in report["branches"]["main"]["comparisons"]
        ],
        "parity": {
            branch: {key: found[key] for key in ("exporter", "largest_error", "tolerance")}
            for branch, found in parity.items()
        },
        "data": read_json(workspace.raw / "provenance.json"),
        "stages": outputs(lock),
        "parameters": _parameters(workspace),
        "environment": environment(root),
    }


def next_version(root: Path, name: str) -> str:
    """A version that nobody has, on no branch: releases of other branches are known by tags."""
    tags = git(root, "tag", "--list", tag(root, name, "v*")).split()
    known = [*versions(root, name), *(tag.rpartition("@")[2] for tag in tags)]
    numbers = [int(version[1:]) for version in known if VERSION.fullmatch(version)]
    return f"v{max(numbers, default=0) + 1}"


def require(report: Mapping[str, Any], parity: Mapping[str, Any]) -> None:
    """Refuse a model whose gates or parity do not hold.

    Raises:
        RefusedByGate: names them.
    """
    broken = [gate["gate"] for gate in report["gates"] if not gate["holds"]]
    broken += [
        f"parity of {branch}"
        for branch, found in parity.items()
        if found["largest_error"] > found["tolerance"]
        or not all(output["passed"] for output in found["outputs"])
    ]
    if broken:
        raise RefusedByGate("Every gate must hold", listed(broken), "Keep the champion")


def _model(path: Path, root: Path) -> dict[str, Any]:
    import onnx

    model = onnx.load(str(path))
    return {
        "path": path.relative_to(root).as_posix(),
        "sha256": sha256(path),
        "bytes": path.stat().st_size,
        "loads": {
            "ir_version": model.ir_version,
            "opsets": {entry.domain or "ai.onnx": entry.version for entry in model.opset_import},
            "onnxruntime": metadata.version("onnxruntime"),
        },
        "inputs": [entry.name for entry in model.graph.input],
        "outputs": [entry.name for entry in model.graph.output],
    }


def _precisions(
    workspace: Workspace, root: Path, report: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """The smaller files that are released too; one beyond its tolerance is not, and says why."""
    entries: dict[str, dict[str, Any]] = {}
    for judged in report["branches"]["main"].get("precisions", []):
        if "released" not in judged:
            continue
        path = workspace.precisions / f"{judged['precision']}.onnx"
        released = {"path": path.relative_to(root).as_posix(), "sha256": sha256(path)}
        entries[judged["precision"]] = {
            **(released if judged["released"] else {"refused": "beyond its tolerance"}),
            "bytes": judged["bytes"],
            "difference": judged["difference"],
        }
    return entries


def _parameters(workspace: Workspace) -> dict[str, Any]:

    return {
        "pipeline.yaml": sha256(workspace.pipeline_file),
        "params.yaml": dict(YamlFile(workspace.parameters_file).content),
    }
