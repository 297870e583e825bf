"""`throughline lineage NAME@VERSION`: what a released model came from, with hashes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from throughline.releasing.outputs import cache_of, files

# Of a stage's folders, the files that carry the model: rows, their split, graphs and networks.
FILES = (
    "rows.parquet",
    "quarantine.parquet",
    "preprocess.onnx",
    "network.json",
    "network.weights.h5",
)
WORDS = {
    "ingest": "rows as the source gave them",
    "validate": "rows that met the expectations",
    "prepare": "split, fitted graph and arrays",
    "cross_validate": "scores of the folds",
    "train": "networks and weights",
    "export": "model files",
    "evaluate": "figures and report",
}


def lineage(record: Mapping[str, Any], root: Path) -> list[str]:
    """From the source to the file, one step a line.

    Args:
        record: a release's record.
        root: the repository; its DVC cache may list the files of each step.
    """
    data = record["data"]
    lines = [
        f"{record['pipeline']}@{record['version']}: {record['title']}",
        f"code      commit {record['commit']}",
        f"settings  pipeline.yaml sha256 {record['parameters']['pipeline.yaml']}",
        f"          {json.dumps(record['parameters']['params.yaml'])}",
        f"source    {data.get('source', data['kind'])}, licence {data.get('licence') or 'unset'}",
    ]
    lines += [
        f"          {key} {data[key]}" for key in ("sha256", "version", "rows") if key in data
    ]
    cache = cache_of(root)
    for stage, outputs in record["stages"].items():
        lines.append(f"↓ {stage}: {WORDS.get(stage, '')}".rstrip(": "))
        lines += [f"          {path}  md5 {digest}" for path, digest in outputs.items()]
        lines += [
            f"            {path}  md5 {digest}"
            for path, digest in files(cache, outputs).items()
            if path not in outputs and Path(path).name in FILES
        ]
    model = record["model"]
    lines.append(f"file      {model['path']}  sha256 {model['sha256']}  {model['bytes']} bytes")
    environment = record["environment"]
    packages = ", ".join(f"{name} {version}" for name, version in environment["packages"].items())
    where = f"{environment['machine']}, {environment.get('processor', 'unknown processor')}"
    lines.append(f"made with Python {environment['python']} on {where}: {packages}")
    return lines


def bill() -> dict[str, Any]:
    """The installed packages as a CycloneDX 1.6 document, sorted, without a date."""
    found: dict[str, dict[str, Any]] = {}
    for distribution in metadata.distributions():
        name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower()
        found[name] = {
            "type": "library",
            "name": name,
            "version": distribution.version,
            "purl": f"pkg:pypi/{name}@{distribution.version}",
            "bom-ref": f"pkg:pypi/{name}@{distribution.version}",
        }
        licence = (distribution.metadata.get_all("License-Expression") or [""])[0]
        if licence:
            found[name]["licenses"] = [{"expression": licence}]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "components": [found[name] for name in sorted(found)],
    }
