"""How many models the test rows of a pipeline have judged, over all runs.

A report is an output of DVC: the same data and model give the same bytes, so it cannot count. What
DVC remembers of every run, so as not to repeat it, is the ledger.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from throughline.errors import ThroughlineError
from throughline.paths import Workspace
from throughline.pipeline.yaml_file import MOST_BYTES, YamlFile

STAGE = "evaluate"


def looks(root: Path, names: Iterable[str]) -> dict[str, int]:
    """For each pipeline, how many models were evaluated on the test rows that it has now.

    At least so many: what other machines did, or was remembered in a cache that is no more, is not
    counted. The same model evaluated again is no new look.

    Args:
        root: the project.
        names: of pipelines; one that was never evaluated is left out.
    """
    from throughline.running.repository import repository

    found: dict[str, set[str]] = {}
    tests: dict[tuple[str, str], str] = {}
    for name in names:
        lock = Workspace(root, name).stages_file.with_name("dvc.lock")
        known = _dependencies(YamlFile(lock).content.get("stages") or {}) if lock.exists() else {}
        test = f"data/prepared/{name}/test"
        if test in known and (model := known.get(_model(name))):
            found[name] = {model}
            tests[test, known[test]] = name
    if tests:
        with repository(root) as repo:
            folder = Path(repo.stage_cache.cache_dir)
        for path in folder.glob("*/*/*"):
            # A run that is not to be read is not counted, nor one that nobody's DVC wrote.
            with suppress(OSError, ThroughlineError, LookupError, TypeError, AttributeError):
                if not path.is_file() or path.stat().st_size > MOST_BYTES:
                    continue
                content = path.read_text(encoding="utf-8", errors="replace")
                if f"throughline {STAGE} " in content:
                    known = _dependencies({STAGE: YamlFile(path).content})
                    for name in (tests[each] for each in known.items() if each in tests):
                        found[name] |= {known[_model(name)]}
    return {name: len(models) for name, models in found.items()}


def _model(name: str) -> str:
    return f"models/{name}/model.onnx"


def _dependencies(stages: Mapping[str, Any]) -> dict[str, str]:
    """What an evaluation was made of: paths and their digests."""
    stage = stages.get(STAGE) or {}
    return {each["path"]: each["md5"] for each in stage.get("deps", ()) if "md5" in each}
