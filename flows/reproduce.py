"""`python -m flows.reproduce NAME@VERSION`: rebuild a released model, prove that it is the same."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flows import releases
from flows.environment import CACHE
from flows.git import git
from flows.proof import CLOSE, DIFFERENT, ORDER, Finding, findings
from tasks.config.sections import STAGES
from tasks.errors import BadPipeline, ThroughlineError
from tasks.why import ABSENT, differences

ROOT = Path()
SETTINGS = ("TF_ENABLE_ONEDNN_OPTS", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "XLA_FLAGS")


def main(arguments: list[str] | None = None) -> int:
    """Rebuild, compare, print; 0 when equal within tolerance, 1 when not, 2 for a mistake."""
    parser = argparse.ArgumentParser(prog="python -m flows.reproduce", description=__doc__)
    parser.add_argument("release", metavar="NAME@VERSION")
    parser.add_argument(
        "--from-scratch", action="store_true", help="fetch the source again, not its kept copy"
    )
    chosen = parser.parse_args(arguments)
    try:
        found = reproduced(ROOT.resolve(), chosen.release, chosen.from_scratch)
    except ThroughlineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0 if ORDER.index(worst(found)) <= ORDER.index(CLOSE) else 1


def reproduced(root: Path, release: str, from_scratch: bool = False) -> list[Finding]:
    """Rebuild a release in a clean worktree of its commit and compare every file.

    Args:
        root: the repository.
        release: `NAME@VERSION`.
        from_scratch: run `ingest` too. Default: its output comes from DVC's cache or remote.

    Returns:
        One finding a file, in the order of the stages.

    Raises:
        ThroughlineError: no such release, the commit is not in git, or a stage fails.
    """
    name, version = releases.parsed(release)
    record = releases.read(root, name, version)
    shifts = changed_environment(root, record)
    for line in shifts:
        print(f"environment: {line}")
    with worktree(root, record["commit"], f"{name}-{version}") as folder:
        if not from_scratch:
            _restore(root, folder, name)
        stages = STAGES if from_scratch else STAGES[1:]
        for stage in stages:
            print(f"{name} {stage} ...", flush=True)
            _run(folder, stage, name)
        cache = _cache(root)
        made = {stage: record["stages"][stage] for stage in stages}
        found = list(findings(folder, cache, made, record["metrics"]))
        model = folder / record["model"]["path"]
        same = releases.sha256(model) == record["model"]["sha256"]
    for line in told(found, same, shifts):
        print(line)
    return found


def told(found: Sequence[Finding], same_model: bool, shifts: Sequence[str]) -> list[str]:
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


def changed_environment(root: Path, record: dict[str, Any]) -> list[str]:
    """What differs between the release's environment and this one, and settings that may matter."""
    now = releases.environment(root)
    changes = differences(
        {key: record["environment"][key] for key in ("python", "machine", "packages")},
        {key: now[key] for key in ("python", "machine", "packages")},
    )
    lines = [f"{key} {was} → {now}" for key, was, now in changes if ABSENT not in (was, now)]
    return lines + [f"{name}={os.environ[name]}" for name in SETTINGS if name in os.environ]


@contextmanager
def worktree(root: Path, commit: str, label: str) -> Iterator[Path]:
    """A clean checkout of a commit below `.cache`, removed in the end."""
    folder = root / CACHE / "reproduce" / label
    _discard(root, folder)
    git(root, "worktree", "add", "--detach", "--quiet", str(folder), commit)
    try:
        yield folder
    finally:
        _discard(root, folder)


def _discard(root: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    git(root, "worktree", "prune")


def _cache(root: Path) -> Path:
    from dvc.repo import Repo

    with Repo(str(root)) as repo:
        return Path(repo.cache.local.path)


def _restore(root: Path, folder: Path, name: str) -> None:
    """Put the release's raw data into the worktree, from DVC's cache or remote."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    target = f"pipelines/{name}/dvc.yaml:ingest"
    with Repo(str(root)) as own:
        config = {"cache": {"dir": own.cache.local.path.removesuffix("/files/md5")}}
    here = Path.cwd()
    os.chdir(folder)
    try:
        with Repo(str(folder), config=config) as repo:
            try:
                repo.checkout([target], force=True)
            except DvcException:
                repo.pull([target], force=True)
    except DvcException as error:
        raise BadPipeline(
            "DVC's cache or remote must hold the release's raw data",
            " ".join(str(error).split()),
            "Add --from-scratch to fetch the source again",
        ) from error
    finally:
        os.chdir(here)


def _run(folder: Path, stage: str, name: str) -> None:
    """Run a stage with the release's own code, in a process of its own."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-m", "tasks", stage, name],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise BadPipeline(f"Stage '{stage}' of the release must run", last)


if __name__ == "__main__":
    sys.exit(main())
