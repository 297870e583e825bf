"""Stage `export`: preprocessing, network and answers become one proved ONNX file a branch."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.errors import RefusedByGate
from tasks.workspace import Workspace, needed, read_json, replaced, write_json

if TYPE_CHECKING:
    import onnx

    from tasks.config.loading import StageInput


def export(stage_input: StageInput, workspace: Workspace) -> None:
    """Join the graphs of every branch, prove each against its network, and write the files.

    Raises:
        RefusedByGate: an exported graph departs from its network by more than 1e-5.
    """
    parity = {}
    with replaced(workspace.model) as model, replaced(workspace.variants) as variants:
        variants.mkdir(parents=True)
        for branch, view in stage_input.branches.items():
            prepared = needed(workspace.training_data, "prepare") / stage_input.prepared_by[branch]
            network = needed(workspace.networks, "train") / branch
            path = model if branch == "main" else variants / f"{branch}.onnx"
            parity[branch] = _export_branch(view, prepared, network, path, stage_input.name, branch)
        with replaced(workspace.parity) as report:
            write_json(report, parity)


def _export_branch(
    view: Any, prepared: Path, folder: Path, path: Path, pipeline: str, branch: str
) -> dict[str, Any]:
    import onnx

    from tasks.export.canonical import canonical_bytes
    from tasks.export.join import join
    from tasks.preprocessing.answers import answers
    from tasks.preprocessing.target import FittedTarget

    summary = read_json(prepared / "prepared.json")
    target = FittedTarget.from_json(summary["target"])
    network, exporter = _network_graph(folder)
    front = join(onnx.load(prepared / "preprocess.onnx"), network)
    back = answers(target, front.graph.output[0].name)
    model = join(front, back)
    report = {"exporter": exporter, **_parity(front, back, model, folder, summary, branch)}
    metadata = {
        "pipeline": pipeline,
        "branch": branch,
        "title": view.title,
        "task": view.task,
        "inputs": summary["inputs"],
        "features": summary["features"],
        "target": summary["target"],
        "training": read_json(folder / "training.json"),
        "training_rows": summary["rows"],
        "licence": view.source.licence,
        "exporter": exporter,
        "parity": report["largest_error"],
        "hashes": {
            "preprocess.onnx": _sha256(prepared / "preprocess.onnx"),
            "network.json": _sha256(folder / "network.json"),
            "network.weights.h5": _sha256(folder / "network.weights.h5"),
        },
    }
    entry = model.metadata_props.add()
    entry.key, entry.value = "throughline", json.dumps(metadata, sort_keys=True, allow_nan=False)
    onnx.checker.check_model(model)
    path.write_bytes(canonical_bytes(model))
    return report


def _network_graph(folder: Path) -> tuple[onnx.ModelProto, str]:
    """The network as a graph, by our converters or, for a layer without one, by tf2onnx."""
    from tasks.export.network import network_graph
    from tasks.export.registry import UnsupportedLayer
    from tasks.export.weights import read_weights

    configuration = read_json(folder / "network.json")
    try:
        weights = read_weights(folder / "network.weights.h5", configuration)
        return network_graph(configuration, weights), "throughline"
    except UnsupportedLayer:
        from tasks.export.fallback import tf2onnx_graph

        return tf2onnx_graph(folder), "tf2onnx"


def _parity(
    front: onnx.ModelProto,
    back: onnx.ModelProto,
    model: onnx.ModelProto,
    folder: Path,
    summary: dict[str, Any],
    branch: str,
) -> dict[str, Any]:
    """The exported graph against the network's own answers to the golden rows."""
    import pandas as pd

    from tasks.export.parity import TOLERANCE, compare
    from tasks.preprocessing.run import feed
    from tasks.preprocessing.runtime import session_of

    kinds = {entry["name"]: entry["type"] for entry in summary["inputs"]}
    rows = feed(pd.read_parquet(folder / "golden.parquet"), kinds)
    expected = np.load(folder / "golden.npy")
    name = front.graph.output[0].name
    (received,) = session_of(front).run([name], rows)
    names = [output.name for output in back.graph.output]
    final = session_of(back).run(names, {name: expected})
    together = session_of(model).run(names, rows)
    one_by_one = [
        session_of(front).run([name], {key: array[i : i + 1] for key, array in rows.items()})[0]
        for i in range(min(8, len(expected)))
    ]
    alone = {f"{name} (one row)": expected[: len(one_by_one)]}
    checks = [
        *compare({name: expected}, {name: received}, TOLERANCE),
        *compare(alone, {next(iter(alone)): np.concatenate(one_by_one)}, TOLERANCE),
        *compare(
            dict(zip(names, final, strict=True)), dict(zip(names, together, strict=True)), TOLERANCE
        ),
    ]
    worst = max(checks, key=lambda check: (not check.passed, check.max_relative_error))
    if not worst.passed:
        raise RefusedByGate(
            f"The exported graph of '{branch}' must equal its network within {TOLERANCE:g}",
            f"{worst.max_relative_error:.3g} in output '{worst.output}' {worst.note}",
            "Report the layer; until then leave it out",
        )
    return {
        "tolerance": TOLERANCE,
        "rows": len(expected),
        "largest_error": max(check.max_relative_error for check in checks),
        "outputs": [asdict(check) for check in checks],
    }


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
