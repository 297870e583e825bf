"""The same pipeline trained with other seeds, beside the repository's own files."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

import yaml

from throughline.cache import CACHE, private
from throughline.paths import Workspace
from throughline.pipeline.yaml_file import YamlFile
from throughline.running.graph_run import Run, StageFailed

STAGES = ("train", "export")


def models(run: Run, name: str, seeds: Sequence[int]) -> list[Path]:
    """Train and export a pipeline once for each seed, on the data that are prepared.

    Args:
        run: a run that is done; its repository changes only below `.cache`, its processes train.
        name: the pipeline.
        seeds: of weights, shuffling and dropout.

    Returns:
        The model files.

    Raises:
        StageFailed: a training failed.
    """
    found = []
    for seed in seeds:
        scratch = _scratch(run.root, name, seed)
        for stage in STAGES:
            command = shlex.join(("throughline", stage, name))
            outcome = run.workers.run(command, stage == "train", scratch)
            if outcome.failure:
                raise StageFailed(f"seed {seed}: {outcome.failure}", outcome.mistake)
        found.append(Workspace(scratch, name).model)
    return found


def _scratch(root: Path, name: str, seed: int) -> Path:
    """A folder that looks like the repository to a stage, with another seed."""
    scratch = (private(root / CACHE / "seeds" / name) / str(seed)).resolve()
    shutil.rmtree(scratch, ignore_errors=True)
    own, other = Workspace(root, name), Workspace(scratch, name)
    for path in ("data", f"reports/{name}"):
        (scratch / path).parent.mkdir(parents=True, exist_ok=True)
        (scratch / path).symlink_to((root / path).resolve())
    other.pipeline_file.parent.mkdir(parents=True)
    shutil.copy(own.stages_file, other.stages_file)
    document = dict(YamlFile(own.pipeline_file).content)
    if "seed" in (document.get("training") or {}):
        document["training"] = {**document["training"], "seed": seed}
    _write(other.pipeline_file, document)
    _write(other.parameters_file, {**YamlFile(own.parameters_file).content, "seed": seed})
    return scratch


def _write(path: Path, content: dict[str, object]) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
