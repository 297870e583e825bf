"""Making a model the champion: as a whole or not at all, and ended by the next after a kill."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from throughline.cache import CACHE, private
from throughline.errors import BadPipeline, RefusedByGate
from throughline.names import PRODUCTION
from throughline.paths import Workspace, replaced
from throughline.preprocessing.originals import originals_beside
from throughline.releasing import recording, releases
from throughline.releasing.git import changed_files, git, require_identity
from throughline.releasing.outputs import sha256
from throughline.releasing.remote import fetch, push
from throughline.releasing.sharing import learn_versions, prove, share
from throughline.releasing.stages.lacks import lacking
from throughline.releasing.stages.standing import artifact, assign
from throughline.releasing.transaction import all_or_nothing
from throughline.running.why import why

# Loads the model and answers raw rows in a process that cannot import a training library.
FRESH = """
import sys
sys.modules.update(dict.fromkeys(("tensorflow", "keras", "jax", "torch"), None))
import numpy, pyarrow.parquet
from pathlib import Path
from throughline.serving.predictor import Predictor
predictor = Predictor(Path(sys.argv[1]))
table = pyarrow.parquet.read_table(sys.argv[2])
names = list(predictor.inputs)
images = Path(sys.argv[2]).with_suffix(".images")
stored = {path.stem: numpy.load(path, allow_pickle=False) for path in images.glob("*.npy")}
columns = {name: stored[name] if name in stored else table[name].to_pylist() for name in names}
answers = predictor.predict(columns)
for name, answer in answers.items():
    if answer.dtype.kind == "f" and not numpy.isfinite(answer).all():
        sys.exit(f"output {name} is not finite")
    if len(answer) != table.num_rows:
        sys.exit(f"output {name} has {len(answer)} answers to {table.num_rows} rows")
from throughline.serving.rows.media.media_files import taken_in, takes_files
originals, pictures = Path(sys.argv[3]), [name for name in names if name in stored]
column = pictures[0] if originals.exists() and pictures else None
entry = predictor.inputs[column] if column else {}
files = pyarrow.parquet.read_table(originals).to_pylist() if entry and takes_files(entry) else []
for row, each in enumerate(files):
    one = {name: values[row:row + 1] for name, values in columns.items()}
    served = taken_in(each["content"], each["file"], entry)
    if not numpy.array_equal(served, one[column]):
        sys.exit(f"{each['file']} is served otherwise than it was learned")
    for name, answer in predictor.predict({**one, column: served}).items():
        same = numpy.allclose(answer[0], answers[name][row], rtol=1e-5, atol=1e-5)\
            if answer.dtype.kind == "f" else numpy.array_equal(answer[0], answers[name][row])
        if not same:
            sys.exit(f"output {name} answers {each['file']} otherwise than its stored form")
"""


def created(
    root: Path,
    name: str,
    committed: bool = True,
    verdict: Mapping[str, Any] | None = None,
    pushed: bool = False,
) -> str:
    """Release the model that a pipeline's files hold now; the champion, where production takes it.

    Args:
        root: the repository.
        name: the pipeline.
        committed: also commit the record and tag the commit `NAME@vN`. Default: true.
        verdict: how the model compares with the champion. Default: not compared.
        pushed: send data and models to DVC's remote, then commits and tags to git's. Default: all
            stays here.

    Returns:
        `NAME@vN`.

    Raises:
        ThroughlineError: stages are not up to date, files are not committed, a gate is broken,
            this very model is released already, a remote is away, or git refuses the commit or
            the tag. The champion is as before then, and so is git.
    """
    settle(root, name, committed)
    if pushed:
        learn_versions(root, name)
    stale = why(root, None, name, asked_again=False)
    # Not within a longer name: `tea` is up to date although `green-tea` is not.
    if re.search(rf"(^|: |, ){re.escape(name)} ", stale, re.MULTILINE):
        first = stale.splitlines()[0].rstrip(":")
        raise BadPipeline("Every stage must be up to date before a release", first, "Run dvc repro")
    content = recording.record(root, name, verdict)
    _refuse_released(root, content)
    answers_raw_rows(root, name)
    # Before the champion goes: a remote that is away must not leave a release that none has.
    if pushed:
        push(root, content)
    version, model = str(content["version"]), Workspace(root, name).model
    crowns = not lacking(root, content, PRODUCTION)
    # Servers read the file alone: it is the last to change.
    champion = _new_champion(root, content, model) if crowns else nullcontext()
    with all_or_nothing(root, name, committed), champion:
        releases.write(root, content)
        (releases.crown if crowns else releases.hold_back)(root, name, version)
        if committed:
            commit_records(root, name, f"Release {name}@{version}")
            _tag(root, name, version)
            assign_champion(root, name)
        if committed and pushed:
            share(root, name)
    if committed and pushed:
        prove(root, name)
    return f"{name}@{version}"


def awaited(root: Path, release: str) -> str:
    """What a release lacks for production, as the end of a line; empty for the champion."""
    name, version = releases.parsed(release)
    if releases.champion(root, name) == version:
        return ""
    lacks = lacking(root, releases.read(root, name, version), PRODUCTION)
    return f"; {PRODUCTION} wants {', '.join(lacks)}" if lacks else f"; not in {PRODUCTION}"


def settle(root: Path, name: str, committed: bool = True) -> None:
    """Finish what a killed release or rollback left half done.

    The champion's record decides: it is committed and tagged where releases are, then servers get
    the model that it names.

    Raises:
        GitRefused: it can be neither committed nor tagged; servers keep what they have.
        BadPipeline: the champion's model is nowhere to be had.
    """
    if committed:
        require_identity(root)
        _drop_uncrowned(root, name)
    version, newest = releases.champion(root, name), releases.versions(root, name)[-1:]
    if committed and newest:
        commit_records(root, name, f"Release {name}@{newest[0]}")
        for each in {*newest, *filter(None, [version])}:
            _tag(root, name, each)
        assign_champion(root, name)
    if version is None:
        champion_file(root, name).unlink(missing_ok=True)
        return
    content = releases.read(root, name, version)
    kept = champion_file(root, name)
    if not kept.exists() or sha256(kept) != content["model"]["sha256"]:
        with fetched_champion(root, content):
            pass


def _drop_uncrowned(root: Path, name: str) -> None:
    """Remove what a release that was killed before its crown wrote, whole or in part."""
    folder = releases.folder_of(Path(), name).as_posix()
    known = {f"{version}.yaml" for version in releases.versions(root, name)}
    for path in git(root, "ls-files", "--others", "--", folder).splitlines():
        if Path(path).name not in {*known, releases.CHAMPION}:
            (root / path).unlink()


def champion_file(root: Path, name: str) -> Path:
    """Where the champion's model lies for servers."""
    return Workspace(root, name).model.with_name("champion.onnx")


def _refuse_released(root: Path, content: Mapping[str, Any]) -> None:
    name, digest = str(content["pipeline"]), content["model"]["sha256"]
    for version in releases.versions(root, name):
        if releases.read(root, name, version)["model"]["sha256"] == digest:
            raise BadPipeline(
                "A model that is not yet released was expected",
                f"that of {name}@{version}",
                f"`rollback {name}@{version}` makes it the champion",
            )


def answers_raw_rows(root: Path, name: str) -> None:
    """Prove that the model answers raw rows in a fresh process without training libraries.

    Pictures and sounds are answered from their original files, too, which `prepare` keeps.

    Raises:
        RefusedByGate: it does not; the message is that process's own.
    """
    workspace = Workspace(root, name)
    rows = workspace.networks / "main" / "golden.parquet"
    originals = originals_beside(workspace.training_data / "main" / "rows.parquet")
    done = subprocess.run(
        [sys.executable, "-P", "-c", FRESH, *map(str, (workspace.model, rows, originals))],
        cwd=root,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise RefusedByGate("A fresh process must load the model and answer raw rows", last)


@contextmanager
def _new_champion(root: Path, record: Mapping[str, Any], model: Path) -> Iterator[None]:
    """Put a released model where servers look for the champion, if the block ends well.

    It is copied before the block: a disk that is full then has changed nothing.
    """
    found = sha256(model)
    if found != record["model"]["sha256"]:
        release = f"{record['pipeline']}@{record['version']}"
        raise BadPipeline(f"{model} must be the file released as {release}", found)
    with replaced(champion_file(root, str(record["pipeline"]))) as draft:
        shutil.copyfile(model, draft)
        yield


@contextmanager
def fetched_champion(root: Path, record: Mapping[str, Any]) -> Iterator[None]:
    """As `_new_champion`, with the model of a release out of DVC's cache or remote."""
    model = private(root / CACHE) / f"{record['pipeline']}-champion.onnx"
    try:
        fetch(root, releases.digest_of_model(record), model)
        with _new_champion(root, record, model):
            yield
    finally:
        model.unlink(missing_ok=True)


def commit_records(root: Path, name: str, message: str) -> None:
    folder = releases.folder_of(Path(), name).as_posix()
    if changed_files(root, folder):
        git(root, "add", "--", folder)
        git(root, "commit", "-qm", message, "--", folder)


def _tag(root: Path, name: str, version: str) -> None:
    """Tag the commit that brought a record, for people and for `dvc artifacts get`."""
    tags = (releases.tag(root, name, version), f"{artifact(root, name)}@{version}.0.0")
    record = releases.record_of(Path(), name, version).as_posix()
    commit = git(root, "log", "-1", "--format=%H", "--", record)
    for tag in tags:
        if not git(root, "tag", "--list", tag):
            git(root, "tag", "--annotate", "--message", f"Release {name}@{version}", tag, commit)


def assign_champion(root: Path, name: str, why: str = "Release") -> None:
    """Have git say that the champion stands in production, once for each change of the champion.

    The tag names the commit of that change. So a champion that is older than what others have
    promoted meanwhile, whose commits are not here yet, takes nothing back.
    """
    version = releases.champion(root, name)
    crown = (releases.folder_of(Path(), name) / releases.CHAMPION).as_posix()
    commit = git(root, "log", "-1", "-G^version:", "--format=%H", "--", crown)
    tags = f"refs/tags/{artifact(root, name)}#{PRODUCTION}#*"
    if version is None or commit in git(root, "for-each-ref", "--format=%(contents)", tags):
        return
    message = f"{why} {name}@{version}: {PRODUCTION}\n\nChampion by commit {commit}"
    assign(root, name, version, PRODUCTION, message)
