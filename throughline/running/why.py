"""`throughline why`: what would rerun, and which file, parameter or line of code causes it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.errors import BadPipeline, MissingFile, ThroughlineError, listed, shorten
from throughline.paths import BEGIN, Workspace, existing, pipelines, read_json
from throughline.processes import NO_CODE
from throughline.running.graph import has_command, keeps_code
from throughline.running.history import code_of, files_below, recorded_files
from throughline.running.repository import repository
from throughline.stages.digests.code import FILE as CODE
from throughline.stages.digests.code import closure_of, refreshed

if TYPE_CHECKING:
    from dvc.stage import Stage

MOST_FILES = 5
MOST_PARAMETERS = 5
ABSENT = "unset"


def why(
    root: Path, stage: str | None = None, name: str | None = None, *, asked_again: bool = True
) -> str:
    """What `dvc repro` would run again, and why.

    Args:
        root: the repository.
        stage: a stage; with it only that stage and what it needs are looked at. Default: all.
        name: a pipeline. Default: all.
        asked_again: whether stages that run every time count. Default: true.

    Returns:
        A text: for each stage its causes, then the stages downstream of those.

    Raises:
        MissingFile: no such pipeline or stage.
        BadPipeline: a dvc.yaml or dvc.lock that DVC cannot read.
    """
    with _readable():
        return _explanation(root, stage, name, asked_again)


def stale(root: Path, name: str | None = None) -> dict[str, dict[str, list[str]]]:
    """For each pipeline that is not up to date its stages that would rerun, with the causes.

    Stages downstream of those are left out; they run where what they read comes out otherwise.

    Args:
        root: the repository.
        name: a pipeline. Default: all.

    Raises:
        MissingFile: no such pipeline.
        BadPipeline: a dvc.yaml or dvc.lock that DVC cannot read.
    """
    found: dict[str, dict[str, list[str]]] = {}
    with _readable():
        causes, _ = _examined(root, None, name, asked_again=False)
    for node, reasons in causes.items():
        found.setdefault(Path(node.path_in_repo).parent.name, {})[node.name] = reasons
    return found


@contextmanager
def _readable() -> Iterator[None]:
    """Say in one line what DVC cannot work with."""
    from dvc.exceptions import DvcException, NotDvcRepoError

    try:
        yield
    except ThroughlineError:
        raise
    except (DvcException, OSError) as error:
        remedy = f"{BEGIN}; it leaves what is there" if isinstance(error, NotDvcRepoError) else ""
        said = " ".join(str(error).split())
        raise BadPipeline(f"DVC must be able to work: {said}", remedy=remedy) from error


def _examined(
    root: Path, stage: str | None, name: str | None, asked_again: bool
) -> tuple[dict[Stage, list[str]], list[Stage]]:
    """The stages that would rerun, each with its causes, and those downstream of them."""
    if (root / CODE).exists():
        refreshed(root)
    with repository(root) as repo, repo.lock:
        graph = repo.index.graph
        chosen = _chosen(root, graph, stage, name)
        commanded = [node for node in graph if has_command(node)]
        outputs = {output.def_path for node in commanded for output in node.outs}
        causes = {}
        for node in filter(has_command, _with_upstream(graph, chosen)):
            found = [] if keeps_code(node) else list(_causes(node, root, outputs))
            if node.always_changed and asked_again and not keeps_code(node):
                found.append("it asks its source again every time (source.ingest: always)")
            if found:
                causes[node] = found
        return causes, _downstream(graph, causes)


def _explanation(root: Path, stage: str | None, name: str | None, asked_again: bool) -> str:
    causes, followers = _examined(root, stage, name, asked_again)
    lines = [
        f"{unwired} has no dvc.yaml, so nothing of it has run. Run `throughline run {unwired}`."
        for unwired in ([name] if name else pipelines(root))
        if not Workspace(root, unwired).stages_file.exists()
    ]
    if not causes:
        return "\n".join(lines) or "Nothing would rerun."
    for node, found in causes.items():
        lines.append(f"{label(node)} would rerun:")
        lines += [f"  {cause}" for cause in found]
    if followers:
        lines.append(f"After it, where its outputs differ: {', '.join(map(label, followers))}.")
    return "\n".join(lines)


def label(stage: Stage) -> str:
    """A stage as a person names it: `iris train`, or `scoreboard` for one of the root's."""
    file = Path(stage.path_in_repo)
    return stage.name if file.parent == Path() else f"{file.parent.name} {stage.name}"


def _chosen(root: Path, graph: Any, stage: str | None, name: str | None) -> list[Stage]:
    stages = sorted(filter(has_command, graph), key=lambda node: str(node.addressing))
    names = sorted({Path(node.path_in_repo).parent.name for node in stages} - {""})
    if name is not None and name not in names:
        existing(root, name)
        raise MissingFile(
            f"Pipeline '{name}' has a dvc.yaml once it was run",
            "none",
            f"Run `throughline run {name}` first",
        )
    return [
        node
        for node in stages
        if stage in (None, node.name) and name in (None, Path(node.path_in_repo).parent.name)
    ]


def _with_upstream(graph: Any, chosen: Iterable[Stage]) -> list[Stage]:
    """The chosen stages and all that they need, in the order of their run."""
    import networkx

    selected: set[Stage] = set()
    for node in chosen:
        selected |= {node, *networkx.descendants(graph, node)}
    return _in_order(graph, selected)


def _downstream(graph: Any, causes: Mapping[Stage, Any]) -> list[Stage]:
    """The stages that use an output of those that would rerun."""
    import networkx

    found: set[Stage] = set()
    for node in causes:
        found |= networkx.ancestors(graph, node)
    return _in_order(graph, found - set(causes))


def _in_order(graph: Any, nodes: set[Stage]) -> list[Stage]:
    import networkx

    order = networkx.lexicographical_topological_sort(
        graph.reverse(copy=False), key=lambda node: str(node.addressing)
    )
    return [node for node in order if node in nodes]


def _causes(stage: Stage, root: Path, outputs: set[str]) -> Iterator[str]:
    if not any(output.hash_info for output in stage.outs):
        yield "it has not run yet"
        return
    if stage.changed_stage():
        yield f"its command in {Path(stage.path_in_repo)} changed"
    for dependency in stage.deps:
        if _is_out_of_sight(dependency, root):
            yield f"input {dependency.def_path} is not looked at under --no-code"
            continue
        status = dependency.status()
        if not status:
            continue
        if hasattr(dependency, "params"):
            yield from _changed_parameters(dependency, root)
        elif dependency.def_path in outputs:
            yield f"input {dependency.def_path} is {_past(next(iter(status.values())))}"
        else:
            yield from _changed_files(dependency, next(iter(status.values())), root)
    for output in stage.outs:
        if _is_out_of_sight(output, root):
            yield f"output {output.def_path} is not looked at under --no-code"
            continue
        for state in output.status().values():
            yield f"output {output.def_path} is {_past(state)}"


def _is_out_of_sight(file: Any, root: Path) -> bool:
    """Whether a look stops at a file of a stage: under --no-code at what lies elsewhere.

    DVC would ask servers, clone repositories and read whatever this account may.

    Raises:
        BadPipeline: DVC would read it without end: a pipe, or a link to a device.
    """
    local = getattr(file.fs, "protocol", "") == "local"
    if os.environ.get(NO_CODE):
        inside = local and Path(file.fs_path).resolve().is_relative_to(root.resolve())
        if not inside:
            return True
    if local:
        _check_files(Path(file.fs_path))
    return False


def _check_files(path: Path) -> None:
    below = (Path(folder, name) for folder, _, names in os.walk(path) for name in names)
    for file in chain([path], below):
        if file.exists() and not file.is_file() and not file.is_dir():
            raise BadPipeline(
                f"'{file}', which a stage reads or writes, must be a file or folder",
                "a device or pipe",
            )


def _past(state: str) -> str:
    return {
        "modified": "not what it was then",
        "deleted": "missing",
        "new": "new to the stage",
        "not in cache": "not in DVC's cache",
    }.get(state, state)


def _changed_parameters(dependency: Any, root: Path) -> Iterator[str]:
    recorded = dependency.hash_info.value or {}
    current = dependency.read_params() if dependency.exists else {}
    file = Path(dependency.fs_path).relative_to(root.resolve())
    if file == CODE:
        yield from _changed_code(root, recorded, current)
        return
    changes = list(differences(recorded, current))
    for key, old, new in changes[:MOST_PARAMETERS]:
        yield f"parameter {key} in {file}: {shorten(old)} → {shorten(new)}"
    if len(changes) > MOST_PARAMETERS:
        yield f"and {len(changes) - MOST_PARAMETERS} more parameters in {file}"


def _changed_code(
    root: Path, recorded: Mapping[str, str], current: Mapping[str, str]
) -> Iterator[str]:
    """The modules that are not what they were when a stage last ran."""
    for key in sorted({*recorded, *current}):
        if recorded.get(key) == current.get(key):
            continue
        old, new = code_of(root, key, recorded.get(key)), read_json(root / CODE)["modules"]
        if old is None:
            yield f"its code ({key}) changed; git knows no version of {CODE} from when it last ran"
            continue
        run = closure_of(root, key)
        changed = sorted(
            name
            for name in {*old, *new}
            if old.get(name) != new.get(name) and (name in run or name not in new)
        )
        for name in changed[:MOST_FILES]:
            yield f"code of {name} {_how(name in old, name in new)}"
        if len(changed) > MOST_FILES:
            yield f"and {listed(changed[MOST_FILES:])}"


def _how(was: bool, is_now: bool) -> str:
    return "changed" if was and is_now else "is new" if is_now else "is gone"


def differences(old: Any, new: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The leaves that differ between two nested mappings, as (dotted key, old, new)."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted({*old, *new}, key=str):
            inner = f"{key}.{name}" if key else str(name)
            yield from differences(old.get(name, ABSENT), new.get(name, ABSENT), inner)
    elif old != new:
        yield key, old, new


def _changed_files(dependency: Any, state: str, root: Path) -> Iterator[str]:
    path = Path(dependency.def_path)
    if state != "modified":
        yield f"{path} is {_past(state)}"
        return
    recorded = recorded_files(root, path, dependency.hash_info.value)
    if recorded is None:
        yield f"{path} changed"
        return
    current = files_below(root, path)
    changed = sorted(
        file for file in {*recorded, *current} if recorded.get(file) != current.get(file)
    )
    for file in changed[:MOST_FILES]:
        yield _changed_file(file, recorded.get(file), current.get(file))
    if len(changed) > MOST_FILES:
        yield f"and {listed(changed[MOST_FILES:])}"


def _changed_file(file: str, old: bytes | None, new: bytes | None) -> str:
    if old is None:
        return f"{file} is new"
    if new is None:
        return f"{file} is missing"
    old_lines, new_lines = (
        content.decode("utf-8", "replace").splitlines() for content in (old, new)
    )
    for number, (was, now) in enumerate(zip(old_lines, new_lines, strict=False), start=1):
        if was != now:
            return f"{file}:{number}: `{shorten(was)}` → `{shorten(now)}`"
    number = min(len(old_lines), len(new_lines)) + 1
    added = len(new_lines) > len(old_lines)
    line = (new_lines if added else old_lines)[number - 1 : number]
    return f"{file}:{number}: {'added' if added else 'removed'} `{shorten(''.join(line))}`"
