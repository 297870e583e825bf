"""Writes the `dvc.yaml` beside each pipeline file from the one template below.

Every pipeline has the same stages, commands and files; only its name differs, and the `params:`
lists, because DVC refuses a section that a pipeline file leaves to its default.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from throughline.errors import BadPipeline
from throughline.paths import Workspace, replaced
from throughline.pipeline.yaml_file import YamlFile
from throughline.stages.code import FILE as CODE
from throughline.stages.code import own_key, references, refreshed
from throughline.stages.local_files import local_files
from throughline.stages.sections import BOTTLENECK, EVERY_STAGE, SECTIONS, SHARED, keys

# libyaml's, where it was built in: ten times quicker.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

PRETRAINED_KEYS = ("pretrained", "Pretrained")
HEADER = "# Written by `throughline wire`; change throughline/stages/wire.py instead.\n"

PROJECT_FILE = Path("dvc.yaml")
# Runs before all others whenever DVC does: which code is installed, DVC cannot see.
CODE_STAGE = "code"
CODE_ENTRY = {
    "desc": "Digests of the code that the stages run.",
    "cmd": "throughline code",
    "always_changed": True,
    "outs": [{CODE.as_posix(): {"cache": False, "persist": True}}],
}

RAW = "data/raw/{name}"
CLEAN = "data/clean/{name}"
BOTTLENECKS = "data/bottleneck/{name}"
TRAINING_DATA = "data/prepared/{name}/training"
TEST_DATA = "data/prepared/{name}/test"
CROSS_VALIDATION = "reports/{name}/cross_validation"
NETWORK = "models/{name}/network"
MODEL = "models/{name}/model.onnx"
VARIANTS = "models/{name}/variants"
PRECISIONS = "models/{name}/precisions"
PARITY = "models/{name}/parity.json"

INPUTS: dict[str, tuple[str, ...]] = {
    "ingest": (),
    "validate": (RAW,),
    BOTTLENECK: (RAW,),
    "prepare": (CLEAN,),
    "cross_validate": (TRAINING_DATA,),
    "train": (TRAINING_DATA, CROSS_VALIDATION),
    "export": (TRAINING_DATA, NETWORK),
    "evaluate": (
        TRAINING_DATA,
        TEST_DATA,
        CROSS_VALIDATION,
        MODEL,
        PARITY,
        PRECISIONS,
        VARIANTS,
    ),
}

OUTPUTS: dict[str, tuple[str, ...]] = {
    "ingest": (RAW,),
    "validate": (CLEAN, "reports/{name}/validation"),
    BOTTLENECK: (BOTTLENECKS,),
    "prepare": (TRAINING_DATA, TEST_DATA),
    "cross_validate": (CROSS_VALIDATION,),
    "train": (NETWORK,),
    "export": (MODEL, PARITY, PRECISIONS, VARIANTS),
    "evaluate": ("reports/{name}/evaluation",),
}

# What a stage reads besides where rows hold pictures: the pixels, and samples of the augmentation.
PICTURES: dict[str, tuple[str, ...]] = {"prepare": (RAW,), "evaluate": (NETWORK,)}

# What a stage reads besides where the file names a pretrained network.
PRETRAINED: dict[str, tuple[str, ...]] = {
    "prepare": (BOTTLENECKS,),
    "cross_validate": (BOTTLENECKS,),
    "train": (BOTTLENECKS,),
}

# What a stage writes besides where pictures go through a frozen network.
FROZEN_OUTPUTS: dict[str, tuple[str, ...]] = {"export": ("models/{name}/nearest",)}

METRICS: dict[str, tuple[str, ...]] = {"evaluate": ("reports/{name}/metrics.json",)}


def stages(document: Mapping[str, Any], name: str, sources: Sequence[str] = ()) -> dict[str, Any]:
    """The content of the `dvc.yaml` of a pipeline.

    Args:
        document: the pipeline file as parsed; only its sections matter.
        name: the pipeline.
        sources: files of this machine that the rows come from. Default: none.
    """
    written: dict[str, Any] = {
        # Names are filled in here: DVC's own `${name}` costs it 0.4 ms a mention, at every start.
        "stages": {
            stage: _named(_stage(stage, document, name), name)
            for stage in EVERY_STAGE
            if stage != BOTTLENECK or _has_pretrained(document)
        },
        "plots": _plots(document, name),
        # What `dvc artifacts get REPOSITORY pipelines/NAME:model` fetches; from this folder.
        "artifacts": {"model": {"path": f"../../models/{name}/model.onnx", "type": "model"}},
    }
    ingest = written["stages"]["ingest"]
    if sources:
        ingest["deps"] = list(sources)
    if _source(document).get("ingest") == "always":
        ingest["always_changed"] = True
    return written


def _source(document: Mapping[str, Any]) -> Mapping[str, Any]:
    source = document.get("source")
    return source if isinstance(source, Mapping) else {}


def _plots(document: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """What `dvc plots` draws; these paths are those of the folder of `dvc.yaml`."""
    reports = f"../../reports/{name}"
    plots: list[dict[str, Any]] = []
    if "cross_validation" in document:
        curves = {f"{reports}/cross_validation/curves.csv": ["training", "validation"]}
        plots.append({"learning curve": {"x": "epoch", "y": curves, "y_label": "loss"}})
    if document["task"] in ("binary", "multiclass"):
        predictions = f"{reports}/evaluation/predictions.csv"
        confusion = {"template": "confusion", "x": "actual", "y": {predictions: "predicted"}}
        plots.append({"confusion": confusion})
        bins = {f"{reports}/evaluation/calibration.csv": "observed"}
        plots.append({"calibration": {"x": "probability", "y": bins}})
    if document["task"] == "binary":
        curve = {f"{reports}/evaluation/roc.csv": "true_positive_rate"}
        plots.append({"ROC": {"x": "false_positive_rate", "y": curve}})
    return plots


def _named(template: Any, name: str) -> Any:
    """A part of the template with the pipeline's name in all its texts."""
    if isinstance(template, str):
        return template.replace("{name}", name)
    if isinstance(template, list):
        return [_named(part, name) for part in template]
    return {_named(key, name): _named(value, name) for key, value in template.items()}


def _has_pictures(document: Mapping[str, Any]) -> bool:
    """Whether the source brings pictures, which stay in the folder of the raw rows."""
    return _source(document).get("images") is not None


def _has_files(document: Mapping[str, Any]) -> bool:
    """Whether the source has auxiliary files, which lie beside the raw rows."""
    return bool(_source(document).get("files"))


def _has_pretrained(content: Any) -> bool:
    """Whether a pretrained network is named anywhere in the file."""
    if isinstance(content, Mapping):
        return any(key in PRETRAINED_KEYS or _has_pretrained(v) for key, v in content.items())
    return isinstance(content, list) and any(map(_has_pretrained, content))


def _absent(document: Mapping[str, Any]) -> set[str]:
    """Folders that stay empty for a pipeline: without variants, or without smaller files."""
    found = set() if document.get("variants") else {VARIANTS}
    return found if (document.get("export") or {}).get("precisions") else found | {PRECISIONS}


def _sections(stage: str, document: Mapping[str, Any]) -> list[str]:
    """The sections of a file that a stage reads, as `params:` lists them."""
    if stage != BOTTLENECK:
        return keys(stage, document)
    # Only what names networks: another learning rate or head must not compute features anew.
    found = [key for key in ("columns", "network") if _has_pretrained(document.get(key))]
    for name, variant in document.get("variants", {}).items():
        if "." in name and _has_pretrained(variant):
            # DVC takes each '.' for a step between keys, so it cannot be told which part.
            return [*found, "variants"]
        found += [f"variants.{name}.{key}" for key in variant if _has_pretrained(variant[key])]
    return found


def _stage(stage: str, document: Mapping[str, Any], name: str) -> dict[str, Any]:
    pictures = PICTURES.get(stage, ()) if _has_pictures(document) else ()
    if _has_pretrained(document):
        pictures += PRETRAINED.get(stage, ())
    frozen = _has_pretrained(document.get("columns"))
    outputs = FROZEN_OUTPUTS.get(stage, ()) if frozen else ()
    if _has_files(document) and stage == "prepare" and RAW not in pictures:
        pictures += (RAW,)
    sections = _sections(stage, document)
    parameters: list[Any] = [{"pipelines/{name}/pipeline.yaml": sections}] if sections else []
    if stage in SHARED:
        parameters.append({"params.yaml": sorted(SHARED[stage])})
    read = {key: document.get(key) for key in (*SECTIONS[stage], "variants")}
    if "network" not in SECTIONS[stage]:
        del read["variants"]
    own = sorted({f"own.{own_key(module)}" for module in references(read)})
    parameters.append({CODE.as_posix(): [f"stages.{stage}", *own]})
    absent = _absent(document)
    entry: dict[str, Any] = {
        # Paths below are those of the repository's root.
        "wdir": "../..",
        "cmd": shlex.join(("throughline", stage, name)),
        "deps": [path for path in (*INPUTS[stage], *pictures) if path not in absent],
        "params": parameters,
        "outs": [path for path in (*OUTPUTS[stage], *outputs) if path not in absent],
    }
    if stage in METRICS:
        entry["metrics"] = list(METRICS[stage])
    return {key: value for key, value in entry.items() if value}


def text(workspace: Workspace) -> str:
    """The `dvc.yaml` of a pipeline as text."""
    document = YamlFile(workspace.pipeline_file).content
    sources = local_files(_source(document), workspace.root, _listed(workspace))
    written = stages(document, workspace.name, sources)
    if workspace.repairs.exists():
        written["stages"]["validate"]["deps"].append(f"pipelines/{workspace.name}/repairs.csv")
    content: str = yaml.safe_dump(written, sort_keys=False, width=100, default_flow_style=None)
    return HEADER + content


def _listed(workspace: Workspace) -> frozenset[str]:
    """The files that stage `ingest` depends on by the `dvc.yaml` that is there."""
    try:
        content = yaml.load(workspace.stages_file.read_text(encoding="utf-8"), _Loader)
        return frozenset(map(str, content["stages"]["ingest"]["deps"]))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError):
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
        if not workspace.stages_file.exists() or workspace.stages_file.read_text() != content:
            with replaced(workspace.stages_file) as draft:
                draft.write_text(content)
            written.append(workspace.stages_file)
    return written


def wired(workspace: Workspace) -> None:
    """Refuse to work on a pipeline whose `dvc.yaml` does not fit its file.

    Raises:
        BadPipeline: a section was added or removed since `dvc.yaml` was written.
    """
    content = text(workspace)
    if not workspace.stages_file.exists() or workspace.stages_file.read_text() != content:
        raise BadPipeline(
            f"{workspace.stages_file} must list the sections of {workspace.pipeline_file}",
            remedy=f"Run `throughline wire {workspace.name}`",
        )
