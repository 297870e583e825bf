"""`throughline reproduce NAME@VERSION`: rebuild a released model, prove that it is the same."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline import processor
from throughline.cache import CACHE, private
from throughline.errors import BadPipeline, ThroughlineError
from throughline.paths import read_json
from throughline.pipeline.yaml_file import YamlFile
from throughline.releasing import releases
from throughline.releasing.git import git, prefix
from throughline.releasing.machine import environment
from throughline.releasing.outputs import cache_of, sha256
from throughline.releasing.remote import answering, stores
from throughline.releasing.reproducing.proof import DIFFERENT, ORDER, Finding, findings
from throughline.running.repository import repository
from throughline.running.why import ABSENT, differences
from throughline.stages.declared import EVERY_STAGE
from throughline.stages.digests.code import FILE as CODE
from throughline.stages.digests.code import refreshed

if TYPE_CHECKING:
    from dvc.repo import Repo


def reproduced(root: Path, release: str, from_scratch: bool = False) -> list[Finding]:
    """Rebuild a release in a clean worktree of its commit and compare every file.

    Args:
        root: the repository.
        release: `NAME@VERSION`.
        from_scratch: run `ingest` too. Default: its output comes from DVC's cache or remote.

    Returns:
        One finding a file, in the order of the stages.

    Raises:
        ThroughlineError: no such release, the commit is not in git, a stage fails, or the processor
            cannot give the release's bits.
    """
    name, version = releases.parsed(release)
    record = releases.read(root, name, version)
    with worktree(root, record["commit"], f"{name}-{version}") as folder:
        shifts = [*changed_environment(root, record), *changed_code(folder)]
        for line in shifts:
            print(f"environment: {line}")
        # Code of a release may be older than this check.
        parameters = YamlFile(folder / "params.yaml").content
        processor.check(parameters.get("instructions"))
        if not from_scratch:
            _restore(root, folder, name)
        _fetch_released(root, folder, name)
        # A pipeline with a pretrained network has a stage more.
        ran = [stage for stage in EVERY_STAGE if stage in record["stages"]]
        stages = ran if from_scratch else ran[1:]
        for stage in stages:
            print(f"{name} {stage} ...", flush=True)
            _run(folder, stage, name)
        recorded = {stage: record["stages"][stage] for stage in stages}
        found = list(findings(folder, cache_of(root), recorded, record["metrics"]))
        model = folder / record["model"]["path"]
        same = sha256(model) == record["model"]["sha256"]
    for line in proof_lines(found, same, shifts):
        print(line)
    return found


def proof_lines(found: Sequence[Finding], same_model: bool, shifts: Sequence[str]) -> list[str]:
    """The proof as lines: the files, the first stage that departs, what explains it."""
    lines = [f"  {f.verdict:24} {f.stage:15} {f.path}  {f.detail}".rstrip() for f in found]
    departed = [finding for finding in found if finding.verdict != ORDER[0]]
    if departed:
        cause = "; ".join(shifts) or "nothing in the environment: the stage does not repeat itself"
        lines.append(f"First departs: {departed[0].stage} ({departed[0].path}). Differs: {cause}.")
    lines.append(f"model.onnx: sha256 {'equal' if same_model else 'DIFFERENT'}")
    lines.append(f"Verdict: {worst(found)}.")
    return lines


def worst(found: Sequence[Finding]) -> str:
    """The verdict on all files together."""
    return max((finding.verdict for finding in found), key=ORDER.index, default=DIFFERENT)


def changed_environment(root: Path, record: Mapping[str, Any]) -> list[str]:
    """What differs between the release's environment and this one."""
    then, now = record["environment"], environment(root)
    return [
        f"{key} {'unset' if was == ABSENT else was} → {'unset' if is_now == ABSENT else is_now}"
        for key, was, is_now in differences(then, now)
    ]


def changed_code(folder: Path) -> list[str]:
    """The stages whose installed code is not the one that the release was made with.

    Args:
        folder: the project as it was committed for the release.
    """
    if not (folder / CODE).exists():
        return []
    then = read_json(folder / CODE)["stages"]
    now = read_json(refreshed(folder))["stages"]
    return [
        f"code of {stage}: {was} → {now.get(stage, 'unset')}"
        for stage, was in then.items()
        if now.get(stage) != was
    ]


@contextmanager
def worktree(root: Path, commit: str, label: str) -> Iterator[Path]:
    """The project in a clean checkout of a commit below `.cache`, removed in the end."""
    folder = private(root / CACHE / "reproduce") / label
    _discard(root, folder)
    git(root, "worktree", "add", "--detach", "--quiet", "--", str(folder), commit)
    try:
        yield folder / prefix(root)
    finally:
        _discard(root, folder)


def _discard(root: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    git(root, "worktree", "prune")


def _restore(root: Path, folder: Path, name: str) -> None:
    """Put the release's raw data into the worktree, from DVC's cache or remote."""
    from dvc.exceptions import DvcException

    target = f"pipelines/{name}/dvc.yaml:ingest"
    try:
        with answering("hold the release's raw data"), _released(root, folder) as repo:
            try:
                repo.checkout([target], force=True)
            except DvcException:
                repo.pull([target], force=True)
    except ThroughlineError as error:
        raise BadPipeline(
            "DVC's cache or remote must hold the release's raw data",
            str(error),
            "Add --from-scratch to fetch the source again",
        ) from error


def _fetch_released(root: Path, folder: Path, name: str) -> None:
    """Fetch the released outputs that are not in DVC's cache, to compare with number by number.

    Without a remote that has them, the digests in the release's record must do.
    """
    try:
        with answering("hold the released files"), _released(root, folder) as repo:
            repo.fetch([f"pipelines/{name}/dvc.yaml"])
    except ThroughlineError as error:
        print(f"released files: digests only ({error})")


@contextmanager
def _released(root: Path, folder: Path) -> Iterator[Repo]:
    """DVC's repository of the worktree, with the cache and the remotes of this one."""
    here = Path.cwd()
    # DVC reads some paths from where it is called.
    os.chdir(folder)
    try:
        with repository(folder, config=stores(root)) as repo:
            yield repo
    finally:
        os.chdir(here)


def _run(folder: Path, stage: str, name: str) -> None:
    """Run a stage with the release's own code, in a process of its own."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-m", "throughline", stage, name],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise BadPipeline(f"Stage '{stage}' of the release must run", last)
