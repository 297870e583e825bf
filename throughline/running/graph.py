"""DVC's stage graph as the flow walks it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.errors import MissingFile, nearest
from throughline.paths import BEGIN
from throughline.stages.wire import CODE_ENTRY

if TYPE_CHECKING:
    from dvc.repo import Repo
    from dvc.stage import Stage

PIPELINES = Path("pipelines")


@dataclass(frozen=True)
class Node:
    """A stage in DVC's graph.

    Attributes:
        file: its `dvc.yaml`, from the root.
        stage: its name there.
        command: what `dvc repro` would run.
        needs: the addresses of the stages whose outputs it reads.
    """

    file: str
    stage: str
    command: str
    needs: tuple[str, ...]

    @property
    def address(self) -> str:
        """The stage as DVC names it from the root."""
        return f"{self.file}:{self.stage}"

    @property
    def pipeline(self) -> str:
        """The pipeline it belongs to; empty for a stage of the root."""
        return Path(self.file).parent.name

    @property
    def is_of_a_pipeline(self) -> bool:
        """Whether its `dvc.yaml` lies where pipelines do."""
        return Path(self.file).parent.parent == PIPELINES

    @property
    def label(self) -> str:
        """The stage as a person names it: `iris train`."""
        return f"{self.pipeline} {self.stage}".strip()


def selected(repo: Repo, names: Sequence[str]) -> list[Node]:
    """The stages of some pipelines and all that they need, each after what it needs.

    Args:
        repo: DVC's repository, locked.
        names: pipelines. Default: the root's stages, hence the default pipelines.

    Raises:
        MissingFile: no such pipeline; the message names the nearest.
    """
    import networkx

    graph = repo.index.graph
    by_pipeline: dict[str, list[Stage]] = {}
    for stage in filter(has_command, graph):
        by_pipeline.setdefault(Path(stage.path_in_repo).parent.name, []).append(stage)
    wanted: set[Any] = set()
    for name in names or [""]:
        if name not in by_pipeline:
            names = sorted(set(by_pipeline) - {""})
            remedy = nearest(name, names) if names else BEGIN
            raise MissingFile("A pipeline with stages was expected", name, remedy)
        for stage in by_pipeline[name]:
            wanted |= {stage, *networkx.descendants(graph, stage)}
    # Whoever asks for the graph has brought `code.json` up to date.
    wanted = {stage for stage in wanted if has_command(stage) and not keeps_code(stage)}
    order = networkx.lexicographical_topological_sort(
        graph.subgraph(wanted).reverse(copy=True), key=address
    )
    return [_node(graph, stage) for stage in order]


def _node(graph: Any, stage: Stage) -> Node:
    upstream = filter(has_command, graph.successors(stage))
    needs = sorted(address(each) for each in upstream if not keeps_code(each))
    return Node(Path(stage.path_in_repo).as_posix(), stage.name, stage.cmd, tuple(needs))


def has_command(stage: Stage) -> bool:
    """Whether it runs; DVC's graph also holds the files that it tracks by a `.dvc` file."""
    return bool(stage.cmd)


def keeps_code(stage: Stage) -> bool:
    """Whether this is the stage that writes the digests of the code: DVC runs it every time."""
    return bool(stage.cmd == CODE_ENTRY["cmd"])


def address(stage: Stage) -> str:
    """The stage as DVC names it from the root."""
    return f"{Path(stage.path_in_repo).as_posix()}:{stage.name}"
