"""Retraining one pipeline: fetch, validate, drift, train, compare, and release or keep."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.cache import CACHE, private
from throughline.errors import BadPipeline, ThroughlineError, listed
from throughline.evaluation.compare.champion import compare
from throughline.evaluation.measure.difference import BETTER, EQUAL, NOT_SHOWN
from throughline.names import named
from throughline.paths import Workspace, existing, read_json, replaced, write_json
from throughline.releasing import releases
from throughline.releasing.git import changed_files, git, require_identity
from throughline.releasing.outputs import cache_of, cached, files, sha256
from throughline.releasing.promotion import awaited, champion_file, created, settle
from throughline.running.flow import default_workers, known, walk
from throughline.running.graph_run import Run, StageFailed, prepared
from throughline.running.ledger import Ledger
from throughline.running.prefect import webhook

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State

UNCHANGED, RELEASED, KEPT, FAILED = "unchanged", "released", "kept", "failed"
# Beside the model: which one was judged last.
JUDGED = "judged.json"
ROWS = "rows.parquet"


@dataclass(frozen=True)
class Settings:
    """How a retraining decides.

    Attributes:
        seeds: models that are compared with the champion, each of another seed.
        release_without_evidence: also release when neither model is shown to be better.
        stop_on_drift: end before training when an input has shifted.
        commit: commit `dvc.lock` and the record, and tag the release.
        push: send data and models to DVC's remote before a release, then commits and tags to git's.
        webhook: an address that gets every verdict as JSON, its secrets as `$NAME`. Default: none.
        workers: processes for the stages. Default: one a core.
    """

    seeds: int = 3
    release_without_evidence: bool = False
    stop_on_drift: bool = False
    commit: bool = True
    push: bool = False
    webhook: str = ""
    workers: int | None = None


@dataclass(frozen=True)
class Verdict:
    """What a retraining came to: unchanged, released, kept or failed, and why."""

    pipeline: str
    outcome: str
    reason: str
    release: str = ""
    comparison: Mapping[str, Any] | None = None
    drift: tuple[Mapping[str, Any], ...] = ()


def final_state(verdict: Verdict) -> State[Any]:
    """The state of the flow run, named for the verdict."""
    from prefect.states import Completed, Failed

    reason = f"{verdict.release} {verdict.reason}".strip()
    if verdict.outcome == FAILED:
        return Failed(message=reason)
    return Completed(name=verdict.outcome.capitalize(), message=reason, data=asdict(verdict))


def checked(root: Path, name: str, settings: Settings) -> None:
    """Refuse a retraining that cannot end well.

    Raises:
        MissingFile: no such pipeline; names the nearest.
        GitRefused: it shall commit, but git does not know in whose name.
        BadPipeline: it shall commit, but files that a model comes from are not committed; or the
            webhook holds a secret or a variable that is not set.
    """
    existing(root, name)
    webhook.check(settings.webhook)
    webhook.resolved(settings.webhook)
    if settings.commit:
        require_identity(root)
        loose = changed_files(root, *releases.SOURCES, f"pipelines/{name}/pipeline.yaml")
        if loose:
            raise BadPipeline(
                "The files a model comes from must be committed before a retraining that commits",
                listed(loose),
                "Commit them, or add --no-commit",
            )


def retrained(root: Path, name: str, settings: Settings, task_of: Callable[[str], Any]) -> Verdict:
    """Retrain one pipeline within a Prefect flow run.

    Whatever fails on the way, the champion's record and file stay as they are: both are replaced
    by the last steps only. A run that was killed anywhere is taken up by the next.

    Args:
        root: the repository.
        name: the pipeline.
        settings: how to decide.
        task_of: gives the Prefect task of a stage.

    Raises:
        BadName: no pipeline can have this name, so there is no champion to keep.
    """
    from dvc.exceptions import DvcException

    named(name, "The name of a pipeline")
    try:
        checked(root, name, settings)
        workers = settings.workers or default_workers()
        with prepared(root, [name], workers, Ledger()) as run, known(run):
            settle(root, name, settings.commit)
            return _retrained(run, name, settings, task_of)
    except (StageFailed, ThroughlineError, DvcException, OSError) as error:
        return Verdict(name, FAILED, " ".join(str(error).split()), _champion(root, name))
    except Exception as error:
        # Nobody watches at night: a fault of our own must reach the webhook as well.
        traceback.print_exc()
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return Verdict(name, FAILED, reason, _champion(root, name))


def _champion(root: Path, name: str) -> str:
    version = releases.champion(root, name)
    return f"{name}@{version}" if version else ""


def _retrained(run: Run, name: str, settings: Settings, task_of: Callable[[str], Any]) -> Verdict:
    reigning = releases.champion(run.root, name)
    fetched = _fetch_again(run, name)
    if not fetched and not run.changed and _is_judged(run.root, name):
        reason = "the source, the settings and the code are as they were"
        return Verdict(name, UNCHANGED, reason, _champion(run.root, name))
    run.perform(run.node(name, "validate"))
    _look_again(run)
    drifted = _drift(run, name) if reigning else ()
    shifted = [entry["column"] for entry in drifted if entry["beyond"]]
    if shifted and settings.stop_on_drift:
        reason = f"inputs have shifted: {', '.join(shifted)}"
        return Verdict(name, KEPT, reason, _champion(run.root, name), None, drifted)
    walk(run, task_of)
    if run.failed:
        return Verdict(name, FAILED, run.summary()[-1], _champion(run.root, name), None, drifted)
    if settings.commit:
        _commit_lock(run.root, name)
    return _judged(run, name, settings, reigning, drifted)


def _judged(
    run: Run,
    name: str,
    settings: Settings,
    reigning: str | None,
    drifted: tuple[Mapping[str, Any], ...],
) -> Verdict:
    found = _compared(run, name, reigning, settings.seeds) if reigning else None
    reason = f"{found['verdict']}: {found['reason']}" if found else "the first release"
    looks = {"champion": reigning, "looks": found.get("look", 1)} if found else {}
    release, outcome = _champion(run.root, name), KEPT
    if (
        found is None
        or found["verdict"] == BETTER
        or (found["verdict"] in (NOT_SHOWN, EQUAL) and settings.release_without_evidence)
    ):
        release = created(run.root, name, settings.commit, found, settings.push)
        reason += awaited(run.root, release)
        outcome = RELEASED
    else:
        _keep_verdict(run.root, name, reason, looks)
    return Verdict(name, outcome, reason, release, found, drifted)


def _keep_verdict(root: Path, name: str, reason: str, looks: Mapping[str, Any]) -> None:
    """Note that the model at hand was judged and not released; a release notes it by itself."""
    model = Workspace(root, name).model
    with replaced(model.with_name(JUDGED)) as draft:
        write_json(draft, {"sha256": sha256(model), "outcome": KEPT, "reason": reason, **looks})


def _is_judged(root: Path, name: str) -> bool:
    """Whether the model at hand has had its verdict; a killed retraining ends without one."""
    model = Workspace(root, name).model
    versions = releases.versions(root, name)
    if not model.exists() or not versions:
        return False
    known = {releases.read(root, name, version)["model"]["sha256"] for version in versions}
    if model.with_name(JUDGED).exists():
        known.add(read_json(model.with_name(JUDGED))["sha256"])
    return sha256(model) in known


def _look_again(run: Run) -> None:
    """Let the run forget what it did ahead of its walk; DVC knows what changed by it."""
    run.verdicts.clear()
    run.changed = run.recorder.changed(run.nodes)


def _fetch_again(run: Run, name: str) -> bool:
    """Run `ingest` whatever DVC says; whether it brought other rows."""
    lock = Workspace(run.root, name).stages_file.with_name("dvc.lock")
    before = releases.outputs(lock).get("ingest") if lock.exists() else None
    run.refetch(run.node(name, "ingest"))
    _look_again(run)
    return releases.outputs(lock)["ingest"] != before


def _drift(run: Run, name: str) -> tuple[Mapping[str, Any], ...]:
    """How far the new rows are from the champion's training rows."""
    from throughline.drift.measures import Limits, drifts
    from throughline.evaluation.raw_rows import read_rows
    from throughline.serving.predictor import Predictor

    columns = read_rows(Workspace(run.root, name).clean / "rows.parquet").columns
    metadata = Predictor(champion_file(run.root, name)).metadata
    # Pictures and other arrays have no deciles and no categories.
    known = [
        entry
        for entry in metadata.get("inputs", [])
        if entry["name"] in columns and columns[entry["name"]].ndim == 1
    ]
    values = [columns[entry["name"]] for entry in known]
    found = drifts(known, values, Limits(), metadata.get("training_rows"))
    return tuple(asdict(column) for column in found)


def _compared(run: Run, name: str, champion: str, seeds: int) -> dict[str, Any]:
    from throughline.pipeline.loading import load
    from throughline.releasing.reproducing.seeds import models

    workspace = Workspace(run.root, name)
    record = releases.read(run.root, name, champion)
    own = int(record["parameters"]["params.yaml"].get("seed", 0))
    others = models(run, name, [own + number for number in range(1, seeds)])
    return compare(
        [workspace.model, *others],
        champion_file(run.root, name),
        workspace,
        load(workspace).main,
        training_rows(run.root, record),
        _looks(workspace, champion),
    )


def _looks(workspace: Workspace, champion: str) -> int:
    """How often this champion was compared before, as far as this folder remembers."""
    path = workspace.model.with_name(JUDGED)
    last = read_json(path) if path.exists() else {}
    return int(last.get("looks", 0)) if last.get("champion") == champion else 0


def training_rows(root: Path, record: Mapping[str, Any]) -> Path | None:
    """The rows a release was trained on, with their pictures, if DVC's cache still holds them."""
    cache = cache_of(root)
    folder = f"data/prepared/{record['pipeline']}/training/main/"
    found = {
        path.removeprefix(folder): cached(cache, digest)
        for path, digest in files(cache, record["stages"]["prepare"]).items()
        if path.startswith(f"{folder}rows.")
    }
    if ROWS not in found or not all(kept.exists() for kept in found.values()):
        return None
    with replaced(private(root / CACHE / "champion") / str(record["pipeline"])) as draft:
        for path, kept in found.items():
            (draft / path).parent.mkdir(parents=True, exist_ok=True)
            (draft / path).symlink_to(kept.resolve())
    return root / CACHE / "champion" / str(record["pipeline"]) / ROWS


def _commit_lock(root: Path, name: str) -> None:
    folder = f"pipelines/{name}"
    if changed_files(root, folder):
        git(root, "add", "--", folder)
        git(root, "commit", "-qm", f"Retrain {name}", "--", folder)
