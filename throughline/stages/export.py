"""Stage `export`: preprocessing, network and answers become one proved ONNX file a branch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from throughline.paths import READING_FILE, Workspace, needed, read_json, replaced, write_json
from throughline.stages.stage import (
    PREPARED,
    Entry,
    Stage,
    has_frozen,
    has_precisions,
    has_variants,
)

if TYPE_CHECKING:
    import onnx

    from throughline.pipeline.pipeline import Pipeline
    from throughline.stages.given import StageInput

PLACE = {"after": "train", "help": "write model.onnx and prove it"}
STAGE = Stage(
    "export",
    reads=("export", "source.licence", "source.samples", "title"),
    takes=PREPARED,
    calls=("network", "variants"),
    inputs=(Entry("training_data"), Entry("networks")),
    outputs=(
        Entry("model"),
        Entry("parity"),
        Entry("precisions", has_precisions),
        Entry("variants", has_variants),
        Entry("nearest", has_frozen),
    ),
)


def export(stage_input: StageInput, workspace: Workspace) -> None:
    """Join the graphs of every branch, prove each against its network, and write the files.

    The pipeline itself is also written in the smaller precisions that its file asks for.

    Raises:
        RefusedByGate: an exported graph departs from its network by more than its precision
            allows, or does not load in a process without training libraries.
        UnknownOperator: a layer left an operator that no runtime has.
    """
    from throughline.export.proof.fresh_process import prove
    from throughline.stages.own_layers import import_own

    import_own(stage_input.document, STAGE.calls)
    with (
        TemporaryDirectory() as requests,
        replaced(workspace.model) as model,
        replaced(workspace.variants) as variants,
        replaced(workspace.precisions) as precisions,
    ):
        variants.mkdir(parents=True)
        precisions.mkdir(parents=True)
        branches = []
        for branch, view in stage_input.branches.items():
            prepared = needed(workspace.training_data, "prepare") / stage_input.prepared_by[branch]
            folder = needed(workspace.networks, "train") / branch
            path = model if branch == "main" else variants / f"{branch}.onnx"
            branches.append(
                _Branch(
                    stage_input.name,
                    branch,
                    view,
                    prepared,
                    folder,
                    path,
                    Path(requests),
                )
            )
        written = {each.name: each.write() for each in branches}
        written["main"]["precisions"] = branches[0].write_precisions(precisions)
        prove(Path(requests))
        with replaced(workspace.parity) as report:
            write_json(report, written)
    _write_nearest(branches[0], workspace)


def _write_nearest(main: _Branch, workspace: Workspace) -> None:
    """The features of training pictures, where the pipeline's own go through a frozen network."""
    from throughline.export.nearest import write_nearest
    from throughline.preprocessing.bottleneck import frozen_columns

    if frozen_columns(main.view.columns):
        with replaced(workspace.nearest) as folder:
            write_nearest(main.prepared, read_json(main.prepared / "prepared.json"), folder)


@dataclass(frozen=True)
class _Branch:
    """One branch: what it was prepared and trained to, and where its file goes."""

    pipeline: str
    name: str
    view: Pipeline
    prepared: Path
    folder: Path
    path: Path
    requests: Path

    def write(self) -> dict[str, Any]:
        """Write the float32 file; returns its entry of parity.json."""
        from throughline.export.network import stored_network

        network, exporter = stored_network(self.folder)
        return self._write(network, self.path, exporter, "float32")

    def write_precisions(self, folder: Path) -> dict[str, Any]:
        """Write a file for each precision that the pipeline file asks for."""
        from throughline.export.network import stored_network
        from throughline.export.precision import in_precision

        entries: dict[str, Any] = {}
        for precision in dict.fromkeys(self.view.export.precisions):
            network, exporter = stored_network(self.folder)
            rows = self.view.export.calibration_rows
            small = in_precision(network, precision, self.prepared, rows)
            path = folder / f"{precision}.onnx"
            entries[precision] = self._write(small, path, exporter, precision)
        return entries

    def _write(
        self, network: onnx.ModelProto, path: Path, exporter: str, precision: str
    ) -> dict[str, Any]:
        import onnx

        from throughline.export.graph.canonical import canonical_bytes
        from throughline.export.graph.reach import lower, oldest_runtime
        from throughline.export.graph.whole import whole
        from throughline.export.proof.fresh_process import keep_requests
        from throughline.export.proof.golden_files import served_files
        from throughline.export.proof.parity_contract import held_against_network

        joined = whole(network, self.prepared)
        model = lower(joined.model)
        found = held_against_network(
            joined.front, joined.back, model, self.folder, joined.summary, self.name, precision
        )
        files = served_files(self.prepared, joined.summary, found.requests)
        metadata = self._metadata(joined.summary, exporter, precision)
        metadata["runtime"] = {"onnxruntime": oldest_runtime(model)}
        if joined.states:
            metadata["states"] = joined.states
        entry = model.metadata_props.add()
        entry.key, entry.value = (
            "throughline",
            json.dumps(metadata, sort_keys=True, allow_nan=False),
        )
        onnx.checker.check_model(model)
        path.write_bytes(canonical_bytes(model))
        keep_requests(self.requests / f"{self.name}-{precision}.npz", path, found)
        begun = {} if files is None else {"original_files": files}
        return {"exporter": exporter, **begun, **found.report}

    def _metadata(self, summary: Any, exporter: str, precision: str) -> dict[str, Any]:
        """What is true of the file wherever it is made: nothing that a machine has measured."""
        from throughline.samples.samples import kind

        samples = self.view.source.samples
        training = read_json(self.folder / "training.json")
        return {
            "pipeline": self.pipeline,
            "branch": self.name,
            "title": self.view.title,
            "task": self.view.task,
            "inputs": summary["inputs"],
            "features": summary["features"],
            "target": summary["target"],
            **kind(summary).contract(summary),
            **self._reading(summary["inputs"]),
            "training": training,
            "metrics": {"training": training["final"]},
            "training_rows": summary["rows"],
            "licence": self.view.source.licence,
            "samples": samples.model_dump() if samples else None,
            "exporter": exporter,
            "precision": precision,
            "hashes": {
                "preprocess.onnx": _sha256(self.prepared / "preprocess.onnx"),
                "network.json": _sha256(self.folder / "network.json"),
                "network.weights.h5": _sha256(self.folder / "network.weights.h5"),
            },
        }

    def _reading(self, inputs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """How the texts of the source's cells were read, for whoever reads rows for the model."""
        path = self.prepared.parent / READING_FILE
        if not path.exists():
            return {}
        found = read_json(path)
        names = {entry["name"] for entry in inputs}
        own = {name: cells for name, cells in found["columns"].items() if name in names}
        return {"reading": {**found, "columns": own}}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
