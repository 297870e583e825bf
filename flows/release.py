"""`python -m flows.release`: make, list, show and compare releases, or go back to an older one."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from flows import releases
from flows.environment import CACHE
from flows.git import git
from tasks.errors import BadPipeline, RefusedByGate, ThroughlineError
from tasks.why import ABSENT, differences, why
from tasks.workspace import Workspace, replaced

ROOT = Path()
# Loads the model and answers raw rows in a process that cannot import a training library.
FRESH = """
import sys
sys.modules.update(dict.fromkeys(("tensorflow", "keras", "jax", "torch"), None))
import numpy, pyarrow.parquet
from pathlib import Path
from serving.predictor import Predictor
predictor = Predictor(Path(sys.argv[1]))
table = pyarrow.parquet.read_table(sys.argv[2])
names = list(predictor.inputs)
answers = predictor.predict({name: table[name].to_pylist() for name in names})
for name, answer in answers.items():
    if answer.dtype.kind == "f" and not numpy.isfinite(answer).all():
        sys.exit(f"output {name} is not finite")
    if len(answer) != table.num_rows:
        sys.exit(f"output {name} has {len(answer)} answers to {table.num_rows} rows")
"""


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code: 0, or 2 for a mistake or a refusal."""
    chosen = _parser().parse_args(arguments)
    try:
        print(chosen.run(chosen))
    except ThroughlineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m flows.release", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    create = commands.add_parser("create", help="release what the pipeline's files hold now")
    create.add_argument("name", metavar="PIPELINE")
    create.add_argument("--no-commit", action="store_true", help="leave the record uncommitted")
    create.set_defaults(run=lambda c: f"released {created(ROOT, c.name, not c.no_commit)}")
    listing = commands.add_parser("list", help="all releases; * marks the champion")
    listing.add_argument("name", nargs="?", metavar="PIPELINE")
    listing.set_defaults(run=lambda c: listed(ROOT, c.name))
    show = commands.add_parser("show", help="a release's record")
    show.add_argument("release", metavar="NAME@VERSION")
    show.set_defaults(run=lambda c: shown(ROOT, c.release))
    diff = commands.add_parser("diff", help="what differs between two releases")
    diff.add_argument("old", metavar="NAME@VERSION")
    diff.add_argument("new", metavar="NAME@VERSION")
    diff.set_defaults(run=lambda c: compared(ROOT, c.old, c.new))
    rollback = commands.add_parser("rollback", help="make an older release the champion again")
    rollback.add_argument("release", metavar="NAME@VERSION")
    rollback.set_defaults(run=lambda c: rolled_back(ROOT, c.release))
    return parser


def created(
    root: Path, name: str, committed: bool = True, verdict: Mapping[str, Any] | None = None
) -> str:
    """Release the model that a pipeline's files hold now.

    Args:
        root: the repository.
        name: the pipeline.
        committed: also commit the record and tag the commit `NAME@vN`. Default: true.
        verdict: how the model compares with the champion. Default: not compared.

    Returns:
        `NAME@vN`.

    Raises:
        ThroughlineError: stages are not up to date, files are not committed, or a gate is broken.
    """
    stale = why(root, None, name)
    if f"{name} " in stale:
        first = stale.splitlines()[0].rstrip(":")
        raise BadPipeline("Every stage must be up to date before a release", first, "Run dvc repro")
    content = releases.record(root, name, verdict)
    answers_raw_rows(root, name)
    path = releases.write(root, content)
    release = f"{name}@{content['version']}"
    keep_model(root, name, str(content["version"]), Workspace(root, name).model)
    if committed:
        folder = path.parent.relative_to(root).as_posix()
        git(root, "add", folder)
        git(root, "commit", "-qm", f"Release {release}", "--", folder)
        git(root, "tag", release)
    return release


def answers_raw_rows(root: Path, name: str) -> None:
    """Prove that the model answers raw rows in a fresh process without training libraries.

    Raises:
        RefusedByGate: it does not; the message is that process's own.
    """
    workspace = Workspace(root, name)
    rows = workspace.networks / "main" / "golden.parquet"
    done = subprocess.run(
        [sys.executable, "-c", FRESH, str(workspace.model), str(rows)],
        cwd=root,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise RefusedByGate("A fresh process must load the model and answer raw rows", last)


def keep_model(root: Path, name: str, version: str, model: Path) -> None:
    """Put a released model where servers look for the champion: `models/NAME/champion.onnx`."""
    record = releases.read(root, name, version)
    found = releases.sha256(model)
    if found != record["model"]["sha256"]:
        raise BadPipeline(f"{model} must be the file released as {name}@{version}", found)
    with replaced(Workspace(root, name).model.with_name("champion.onnx")) as draft:
        draft.write_bytes(model.read_bytes())


def listed(root: Path, name: str | None) -> str:
    """A table of releases."""
    names = [name] if name else sorted(p.name for p in (root / releases.FOLDER).glob("*"))
    lines = []
    for each in names:
        best = releases.champion(root, each)
        for version in releases.versions(root, each):
            record = releases.read(root, each, version)
            mark = "*" if version == best else " "
            digest = record["model"]["sha256"][:12]
            lines.append(
                f"{mark} {each}@{version:5} {record['released']}  {digest}  {_first(record)}"
            )
    return "\n".join(lines) or "No releases yet."


def _first(record: Mapping[str, Any]) -> str:
    name, figure = next(iter(record["metrics"].items()))
    if figure["low"] is None:
        return f"{name} {figure['value']:.4f}"
    return f"{name} {figure['value']:.4f} [{figure['low']:.4f}, {figure['high']:.4f}]"


def shown(root: Path, release: str) -> str:
    """A record as YAML."""
    record = releases.read(root, *releases.parsed(release))
    return yaml.safe_dump(record, sort_keys=False, width=100).rstrip()


def compared(root: Path, old: str, new: str) -> str:
    """The leaves that differ between two records."""
    first, second = (releases.read(root, *releases.parsed(release)) for release in (old, new))
    lines = [
        f"{key}: {'absent' if was == ABSENT else was} → {'absent' if now == ABSENT else now}"
        for key, was, now in differences(first, second)
    ]
    return "\n".join(lines) or f"{old} and {new} have equal records."


def rolled_back(root: Path, release: str) -> str:
    """Make an older release the champion again, its model taken from DVC's cache or remote."""
    name, version = releases.parsed(release)
    record = releases.read(root, name, version)
    model = root / CACHE / "rollback.onnx"
    try:
        fetch(root, record["stages"]["export"][record["model"]["path"]], model)
        keep_model(root, name, version, model)
    finally:
        model.unlink(missing_ok=True)
    before = releases.champion(root, name)
    releases.crown(root, name, version)
    return f"{name}: champion {before} → {version}"


def fetch(root: Path, digest: str, target: Path) -> None:
    """Copy a file out of DVC's cache, or of its remote, by its digest.

    Raises:
        BadPipeline: neither has it.
    """
    from dvc.repo import Repo

    with Repo(str(root)) as repo:
        cache = repo.cache.local
        if not cache.exists(digest):
            _from_remote(repo, digest)
        source = Path(cache.oid_to_path(digest))
        with replaced(target) as draft:
            draft.write_bytes(source.read_bytes())


def _from_remote(repo: Any, digest: str) -> None:
    from dvc.config import NoRemoteError
    from dvc_data.hashfile.hash_info import HashInfo

    try:
        repo.cloud.pull([HashInfo("md5", digest)])
    except NoRemoteError as error:
        raise BadPipeline(
            "DVC's cache or a remote must hold the release's model",
            digest,
            "Add the remote it was pushed to: `dvc remote add -d NAME URL`",
        ) from error
    if not repo.cache.local.exists(digest):
        raise BadPipeline("DVC's remote must hold the release's model", digest, "Push it there")


if __name__ == "__main__":
    sys.exit(main())
