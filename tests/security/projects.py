"""A stranger's project in which attacks are tried; shared by the attacks."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml

from throughline.cli import main
from throughline.paths import Workspace
from throughline.pipeline.schema.source import Source
from throughline.stages.given import StageInput
from throughline.stages.ingest import ingest

LIMITS = {
    "bytes": 50 << 20, "rows": 1_000_000, "columns": 1000, "files": 1000, "seconds": 120,
    "pixels": 1_000_000, "ratio": 100, "layers": 4, "memory": 2 << 30,
}  # fmt: skip
SHARED = {"seed": 0, "backend": "tensorflow", "device": "cpu", "instructions": "avx2", "threads": 1}
PIPELINE: dict[str, Any] = {
    "title": "Will it rain?",
    "task": "binary",
    "source": {"rows": {"x": [1, 2, 3, 4], "rain": [0, 1, 0, 1]}},
    "target": "rain",
    "columns": {"x": {"scale": "standard"}},
    "network": [{"Dense": {"units": 4}}],
}
SECRET = "hush-" + "9" * 12

Refused = Callable[..., str]


def ingested(project: Path, **source: Any) -> None:
    """Run `ingest` alone: the command would digest the whole library first."""
    view = SimpleNamespace(source=Source(**source))
    ingest(StageInput("rain", {"main": view}, {"main": "main"}, {}, {}), Workspace(project, "rain"))


def written(project: Path, **sections: Any) -> None:
    """A pipeline `rain` with some sections of its own."""
    folder = project / "pipelines" / "rain"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pipeline.yaml").write_text(yaml.safe_dump({**PIPELINE, **sections}))
    # Without it the stage would say that this is missing.
    main(["wire", "rain"])


# A module whose import leaves a marker.
CODE = "from os import system\nopen('MARKER', 'w')\ndef rows():\n    return {}\n"
# A pipeline file with more sections.
DOCUMENT: dict[str, Any] = {
    "title": "Will it rain?",
    "task": "binary",
    "source": {"rows": {"x": [1, 2, 3, 4], "town": ["a", "b", "a", "b"], "rain": [0, 1, 0, 1]}},
    "target": "rain",
    "columns": {"x": {"scale": "standard"}, "town": {"encode": "one-hot"}},
    "split": {"test": 0.25, "seed": 0},
    "network": [{"Dense": {"units": 4, "activation": "relu"}}],
    "variants": {"flat": {"network": []}},
    "gates": {"accuracy": ">= 0.5"},
}


def files() -> dict[str, bytes]:
    """The files of a stranger's project that commands read which only look."""
    figure = {"value": 0.75, "low": 0.5, "high": 1.0}
    difference = {"metric": "accuracy", "verdict": "better", "value": 0.2, "low": 0.1, "high": 0.3}
    branch = {
        "metrics": {"accuracy": figure},
        "comparisons": [{"name": "majority", "difference": difference}],
    }
    gates = [{"gate": "accuracy >= 0.5", "holds": True, "value": 0.75}]
    claim = {
        "text": "a text", "at": "p. 3", "variant": "main", "metric": "accuracy", "printed": 0.7,
        "ours": figure, "sd": None, "kind": "test", "erratum": "", "reason": "", "verdict": "equal",
    }  # fmt: skip
    report = {
        "pipeline": "rain", "title": "Will it rain?", "branches": {"main": branch},
        "gates": gates, "claims": [claim],
    }  # fmt: skip
    record = {
        "pipeline": "rain", "version": "v1", "title": "Will it rain?",
        "released": "2026-01-01T00:00:00+00:00", "commit": "0" * 40, "replaced": None,
        "verdict": None,
        "model": {"path": "models/rain/model.onnx", "sha256": "0" * 64, "bytes": 9},
        "precisions": {}, "metrics": {"accuracy": figure}, "gates": gates, "parity": {},
        "data": {"kind": "rows", "source": "rows"},
        "stages": {"train": {"models/rain/network": "0" * 32}},
        "parameters": {"pipeline.yaml": "0" * 32, "params.yaml": SHARED},
        "environment": {"python": "3.11", "machine": "x86_64", "packages": {"numpy": "2.0"}},
    }  # fmt: skip
    cost = {
        "stage": "train", "seconds": 1.5, "processor_seconds": 2.0, "peak_bytes": 10**9,
        "whole_process": False, "cores": 2,
    }  # fmt: skip
    lock = {"schema": "2.0", "stages": {"train": {"cmd": "throughline train rain", "outs": []}}}
    wired = {
        "stages": {"train": {"cmd": "throughline train rain", "outs": ["models/rain/network"]}}
    }
    written = {
        "params.yaml": SHARED,
        "dvc.yaml": {"stages": {}},
        "prefect.yaml": {"deployments": []},
        "pipelines/rain/pipeline.yaml": DOCUMENT,
        "pipelines/rain/dvc.yaml": wired,
        "pipelines/rain/dvc.lock": lock,
        "releases/rain/v1.yaml": record,
        "releases/rain/champion.yaml": {"version": "v1", "crowned": ["v1"]},
    }
    texts = {name: yaml.safe_dump(content, sort_keys=False) for name, content in written.items()}
    texts |= {
        "code.json": json.dumps({"stages": {"train": "0" * 32}, "modules": {}}),
        "reports/rain/evaluation/report.json": json.dumps(report, indent=1),
        "reports/rain/costs/train.json": json.dumps(cost),
    }
    texts |= {
        # An empty repository, as `git init` and `dvc init` lay it.
        ".git/config": "[core]\n\trepositoryformatversion = 0\n",
        ".git/HEAD": "ref: refs/heads/main\n",
        ".git/objects/.keep": "",
        ".git/refs/.keep": "",
        ".dvc/config": "[core]\n    analytics = false\n    check_update = false\n",
    }
    return {name: text.encode() for name, text in texts.items()}


def laid(root: Path, content: Mapping[str, bytes]) -> None:
    """Write files below a folder."""
    for name, held in content.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(held)
