"""`python -m flows.retrain`: fetch again, rebuild, and release what is better than the champion."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows import releases
from flows.announce import announce
from flows.environment import use_prefect
from flows.git import changed_files, git
from flows.ledger import Ledger
from flows.pipeline import default_workers, walk
from flows.run import Run, StageFailed, prepared
from flows.server import Server
from tasks.champion import BETTER, NO_EVIDENCE, compare
from tasks.errors import BadPipeline, ThroughlineError
from tasks.workspace import Workspace

if TYPE_CHECKING:
    from prefect import Flow

ROOT = Path()
UNCHANGED, RELEASED, KEPT, FAILED = "unchanged", "released", "kept", "failed"


@dataclass(frozen=True)
class Settings:
    """How a retraining decides.

    Attributes:
        seeds: models that are compared with the champion, each of another seed.
        release_without_evidence: also release when neither model is shown to be better.
        stop_on_drift: end before training when an input has shifted.
        commit: commit `dvc.lock` and the record, and tag the release.
        push: send data and models to DVC's remote after a release.
        webhook: an address that gets every verdict as JSON. Default: none.
        workers: processes for the stages.
    """

    seeds: int = 3
    release_without_evidence: bool = False
    stop_on_drift: bool = False
    commit: bool = True
    push: bool = False
    webhook: str = ""
    workers: int = field(default_factory=default_workers)


@dataclass(frozen=True)
class Verdict:
    """What a retraining came to: unchanged, released, kept or failed, and why."""

    pipeline: str
    outcome: str
    reason: str
    release: str = ""
    comparison: Mapping[str, Any] | None = None
    drift: tuple[Mapping[str, Any], ...] = ()


def main(arguments: list[str] | None = None) -> int:
    """Retrain pipelines; 0, 1 when a stage failed, 2 for a user's mistake."""
    parser = argparse.ArgumentParser(prog="python -m flows.retrain", description=__doc__)
    parser.add_argument("names", nargs="+", metavar="PIPELINE")
    parser.add_argument("--seeds", type=int, default=Settings.seeds, metavar="N")
    parser.add_argument("--release-without-evidence", action="store_true")
    parser.add_argument("--stop-on-drift", action="store_true")
    parser.add_argument("--no-commit", dest="commit", action="store_false")
    parser.add_argument("--push", action="store_true")
    parser.add_argument("--webhook", default="", metavar="URL")
    parser.add_argument("--workers", type=int, default=default_workers(), metavar="N")
    given = vars(parser.parse_args(arguments))
    names = given.pop("names")
    use_prefect(ROOT)
    try:
        if given["seeds"] < 1:
            raise BadPipeline("--seeds must be 1 or more", given["seeds"])
        Server(ROOT).wait()
        flow = retrain_flow()
        verdicts = [flow(name, **given) for name in names]
    except ThroughlineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 1 if any(verdict["outcome"] == FAILED for verdict in verdicts) else 0


def retrain_flow() -> Flow[..., dict[str, Any]]:
    """The Prefect flow."""
    from prefect import flow

    @flow(name="retrain", flow_run_name="retrain {name}", persist_result=False)
    def retrain(
        name: str,
        seeds: int = Settings.seeds,
        release_without_evidence: bool = False,
        stop_on_drift: bool = False,
        commit: bool = True,
        push: bool = False,
        webhook: str = "",
        workers: int | None = None,
    ) -> dict[str, Any]:
        """Fetch a pipeline's source again and release what is better than the champion."""
        settings = Settings(
            seeds,
            release_without_evidence,
            stop_on_drift,
            commit,
            push,
            webhook,
            workers or default_workers(),
        )
        verdict = retrained(ROOT, name, settings)
        content = asdict(verdict)
        announce(content, settings.webhook)
        return content

    return retrain


def retrained(root: Path, name: str, settings: Settings) -> Verdict:
    """Retrain one pipeline within a Prefect flow run.

    Whatever fails on the way, the champion's record and file stay as they are: both are replaced
    by the last step only.

    Args:
        root: the repository.
        name: the pipeline.
        settings: how to decide.
    """
    if settings.commit:
        loose = changed_files(root, *releases.SOURCES, f"pipelines/{name}/pipeline.yaml")
        if loose:
            raise BadPipeline("A retraining that commits needs committed sources", loose)
    run = prepared(root, [name], settings.workers, Ledger())
    try:
        return _retrained(run, name, settings)
    except (StageFailed, ThroughlineError) as error:
        return Verdict(name, FAILED, str(error))
    finally:
        run.close()


def _retrained(run: Run, name: str, settings: Settings) -> Verdict:
    champion = releases.champion(run.root, name)
    fetched = _fetch_again(run, name)
    if not fetched and champion and not run.changed:
        return Verdict(name, UNCHANGED, "the source, the settings and the code are as they were")
    drifted = _drift(run, name, champion)
    walk(run)
    if run.failed:
        return Verdict(name, FAILED, run.summary()[-1], drift=drifted)
    shifted = [entry["column"] for entry in drifted if entry["beyond"]]
    if shifted and settings.stop_on_drift:
        return Verdict(name, KEPT, f"inputs have shifted: {', '.join(shifted)}", drift=drifted)
    if settings.commit:
        _commit_lock(run.root, name)
    if champion is None:
        return _released(run, name, settings, None, drifted)
    found = _compared(run, name, champion, settings.seeds)
    verdict = found["verdict"]
    if verdict == BETTER or (verdict == NO_EVIDENCE and settings.release_without_evidence):
        return _released(run, name, settings, found, drifted)
    return Verdict(name, KEPT, f"{verdict}: {found['reason']}", champion, found, drifted)


def _fetch_again(run: Run, name: str) -> bool:
    """Run `ingest` whatever DVC says; whether it brought other rows."""
    (node,) = [node for node in run.nodes if node.pipeline == name and node.stage == "ingest"]
    lock = Workspace(run.root, name).stages_file.with_name("dvc.lock")
    before = releases.outputs(lock).get("ingest") if lock.exists() else None
    run.refetch(node)
    after = releases.outputs(lock)["ingest"]
    run.verdicts.pop(node.address)
    run.changed = run.recorder.changed(run.nodes)
    return after != before


def _drift(run: Run, name: str, champion: str | None) -> tuple[Mapping[str, Any], ...]:
    """How far the new raw rows are from the champion's training rows."""
    from tasks.drift.measures import Limits, drift_of
    from tasks.evaluation.rows import read_rows

    model = champion_file(run.root, name)
    if champion is None or not model.exists():
        return ()
    from serving.predictor import Predictor

    columns = read_rows(Workspace(run.root, name).raw / "rows.parquet").columns
    known = Predictor(model).metadata.get("inputs", [])
    found = [
        drift_of(entry, columns[entry["name"]], Limits())
        for entry in known
        if entry["name"] in columns
    ]
    return tuple(asdict(column) for column in found)


def champion_file(root: Path, name: str) -> Path:
    """Where the champion's model lies for servers."""
    return Workspace(root, name).model.with_name("champion.onnx")


def _compared(run: Run, name: str, champion: str, seeds: int) -> dict[str, Any]:
    from flows.seeds import models
    from tasks.config.loading import load

    workspace = Workspace(run.root, name)
    task = load(workspace).main.task
    own = int(releases.read(run.root, name, champion)["parameters"]["params.yaml"].get("seed", 0))
    others = models(run.root, name, [own + number for number in range(1, seeds)], run.workers)
    return compare(
        [workspace.model, *others],
        champion_file(run.root, name),
        workspace,
        task,
        training_rows(run.root, releases.read(run.root, name, champion)),
    )


def training_rows(root: Path, record: Mapping[str, Any]) -> Path | None:
    """The rows a release was trained on, if DVC's cache still holds them."""
    from dvc.repo import Repo

    from flows.proof import cached, files

    with Repo(str(root)) as repo:
        cache = Path(repo.cache.local.path)
    for output, digest in record["stages"]["prepare"].items():
        for path, md5 in files(cache, output, digest):
            if path.endswith("training/main/rows.parquet") and cached(cache, md5).exists():
                return cached(cache, md5)
    return None


def _released(
    run: Run,
    name: str,
    settings: Settings,
    found: dict[str, Any] | None,
    drifted: tuple[Mapping[str, Any], ...],
) -> Verdict:
    from flows.release import created

    release = created(run.root, name, settings.commit, found)
    if settings.push:
        _push(run.root)
    reason = f"{found['verdict']}: {found['reason']}" if found else "the first release"
    return Verdict(name, RELEASED, reason, release, found, drifted)


def _commit_lock(root: Path, name: str) -> None:
    folder = f"pipelines/{name}"
    if changed_files(root, folder):
        git(root, "add", folder)
        git(root, "commit", "-qm", f"Retrain {name}", "--", folder)


def _push(root: Path) -> None:
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repo:
            repo.push()
    except DvcException as error:
        raise BadPipeline(
            f"The release is made, but DVC's remote must take it: {' '.join(str(error).split())}"
        ) from error


if __name__ == "__main__":
    sys.exit(main())
