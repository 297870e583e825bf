"""What the page says of the data and of the making: columns, what was left out, network, hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.paths import read_json
from throughline.report.chart import number

if TYPE_CHECKING:
    from throughline.pipeline.pipeline import Pipeline

# Columns, levels and layers that the page names.
MOST_COLUMNS, MOST_LEVELS, MOST_LAYERS = 60, 5, 12
LONGEST = 60


def seen(parts: Any, test: Path) -> dict[str, Any]:
    """What the model sees: its columns, those that it does not, what the leakage checks found.

    Args:
        parts: the rows, or windows, of the pipeline itself.
        test: folder of its test rows.
    """
    inputs = parts.prepared["inputs"]
    left_out = _left_out(parts)
    findings = test / "guards.json"
    found = read_json(findings)["findings"] if findings.exists() else []
    counted = f"{len(inputs)} column{'' if len(inputs) == 1 else 's'}"
    more = f", of which the first {MOST_COLUMNS} follow" if len(inputs) > MOST_COLUMNS else ""
    return {
        "rows": (
            f"{number(parts.training_count)} {parts.what} to train on and "
            f"{number(parts.test_count)} to test with, of {counted}{more}."
        ),
        "count": len(inputs),
        "columns": [_column(entry) for entry in inputs[:MOST_COLUMNS]],
        "left_out": dict(list(left_out.items())[:MOST_COLUMNS]),
        "findings": [each["message"] for each in found if not each["passed"]],
    }


def _column(entry: Mapping[str, Any]) -> dict[str, str]:
    return {
        "name": entry["name"],
        "type": "text" if entry["type"] == "string" else entry["type"],
        "unit": entry.get("unit") or "",
        "range": _range(entry),
        "missing": f"{entry['missing']:.1%}" if entry.get("missing") else "",
    }


def _range(entry: Mapping[str, Any]) -> str:
    if entry.get("deciles"):
        middle = entry["deciles"][len(entry["deciles"]) // 2]
        return f"{number(entry['min'])} to {number(entry['max'])}, middle {number(middle)}"
    if entry.get("type") == "image":
        return " × ".join(map(str, entry["shape"]))
    if entry.get("categories"):
        shares = sorted(entry["categories"].items(), key=lambda item: -item[1])
        shown = ", ".join(f"{name} {share:.0%}" for name, share in shares[:MOST_LEVELS])
        rest = len(shares) - MOST_LEVELS
        return shown + (f" and {rest} more" if rest > 0 else "")
    return ""


def _left_out(parts: Any) -> dict[str, str]:
    """Columns of the rows that the model does not see, with the reason that the rows give."""
    inputs = {entry["name"] for entry in parts.prepared["inputs"]}
    predicted = {*parts.target.columns, *parts.prepared["target"].get("columns", ())}
    hidden = {**dict.fromkeys(parts.prepared.get("dropped", ()), "dropped by a leakage check")}
    for name, values in parts.raw.items():
        if name in inputs or name in hidden:
            continue
        role = "is predicted" if name in predicted else _reason(values)
        hidden[name] = role
    return hidden


def _reason(values: Any) -> str:
    if getattr(values, "ndim", 1) > 1:
        return "not named under columns"
    present = [value for value in np.asarray(values, dtype=object) if value == value]
    known = {str(value) for value in present if value is not None}
    if len(known) < 2:
        return "not named under columns; " + ("one value in all rows" if known else "no value")
    if len(known) == len(values):
        return "not named under columns; another value in every row"
    return "not named under columns"


def provenance(
    view: Pipeline, parts: Any, model: Path, scores: Mapping[str, Any]
) -> dict[str, str]:
    """How the model was made, a line each.

    Args:
        view: the pipeline's sections.
        parts: its rows, or windows.
        model: `model.onnx`.
        scores: of the cross-validation.
    """
    from throughline.serving.predictor import Predictor

    metadata = Predictor(model).metadata
    settings = (scores.get("settings") or {}).get("main", {})
    training = metadata.get("training", {})
    found = {
        "network": _layers(view.network),
        **{key: settings[key] for key in ("loss", "optimizer", "scaling") if key in settings},
        "epochs": str(training.get("epochs", "")),
        "parameters": number(training["parameters"]) if training.get("parameters") else "",
        "split": _split(view.split),
        "folds": str((scores.get("main") or {}).get("folds", "")),
        "licence of the data": metadata.get("licence") or "",
        "exported by": metadata.get("exporter", ""),
        "oldest onnxruntime": metadata.get("runtime", {}).get("onnxruntime", ""),
        "training rows, sha256": _sha256(parts.folder / "rows.parquet"),
        "model.onnx, sha256": _sha256(model),
    }
    return {name: value for name, value in found.items() if value}


def _layers(network: Any) -> str:
    """The network of a pipeline file in a line."""
    if not isinstance(network, list):
        return str(network)
    if not network:
        return "none: the answer is a linear function of the features"
    layers = [_layer(layer) for layer in network[:MOST_LAYERS]]
    more = f" and {len(network) - MOST_LAYERS} more" if len(network) > MOST_LAYERS else ""
    return " → ".join(layers) + more


def _layer(layer: Any) -> str:
    """A layer as Keras writes it: its class with its arguments."""
    if isinstance(layer, Mapping) and len(layer) == 1:
        ((name, arguments),) = layer.items()
        if isinstance(arguments, Mapping):
            return f"{name}({', '.join(f'{key}={value}' for key, value in arguments.items())})"
    return str(layer)


def _split(split: Any) -> str:
    test = getattr(split, "test", None)
    said = ", ".join(_words(split))
    return f"{split.kind}: {test} for testing{', ' + said if said else ''}"


def _words(split: Any) -> Iterator[str]:
    for key in ("column", "stratify", *(["seed"] if split.kind != "temporal" else [])):
        value = getattr(split, key, None)
        if value is not None:
            yield f"{key} {value}"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
