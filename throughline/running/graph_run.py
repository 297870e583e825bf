"""One run over DVC's graph: each stage is skipped, restored, or run in a warm process."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from throughline.cache import store
from throughline.errors import ThroughlineError, tell
from throughline.running.cluster import Cluster
from throughline.running.graph import Node
from throughline.running.ledger import HASHING, IMPORTS, Ledger
from throughline.running.once import claimed
from throughline.running.ray_cluster import RayCluster, is_ray
from throughline.running.recorder import Recorder
from throughline.running.workers import LOGS, Workers
from throughline.stages.declared import EVERY_STAGE, declared

OWN_STAGES = "throughline "
UNCHANGED, RESTORED, RAN, FAILED, SKIPPED = "unchanged", "restored", "ran", "failed", "skipped"


class StageFailed(Exception):
    """A stage did not end well.

    Args:
        message: one line.
        mistake: whether a user can mend it; then another try changes nothing.
    """

    def __init__(self, message: str, mistake: bool) -> None:
        super().__init__(message)
        self.mistake = mistake


@dataclass
class Run:
    """A run that is prepared: its stages, which of them changed, the processes for them."""

    root: Path
    recorder: Recorder
    workers: Workers | Cluster | RayCluster
    ledger: Ledger
    nodes: list[Node]
    changed: set[str]
    claims: ExitStack
    verdicts: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    # What a stage printed, its end: Prefect keeps it.
    printed: dict[str, str] = field(default_factory=dict)
    _screen: threading.Lock = field(default_factory=threading.Lock)

    def perform(self, node: Node) -> str:
        """Bring a stage up to date.

        Returns:
            `unchanged`, `restored` or `ran`.

        Raises:
            StageFailed: it failed; nothing is recorded.
        """
        if self.is_settled(node):
            return self.tell(node, UNCHANGED)
        try:
            return self._perform(node)
        except StageFailed:
            raise
        except Exception as error:
            message = " ".join(str(error).split())
            mistake = isinstance(error, ThroughlineError) and not error.may_pass
            raise StageFailed(message, mistake) from error

    def is_settled(self, node: Node) -> bool:
        """Whether a stage was up to date at the start and nothing that it needs has run since."""
        moved = (RAN, RESTORED)
        return node.address not in self.changed and not any(
            self.verdicts.get(address) in moved for address in node.needs
        )

    def settled(self) -> list[list[Node]]:
        """The stages of each pipeline that is up to date from end to end."""
        pipelines: dict[str, list[Node]] = {}
        moved: set[str] = set()
        for node in self.nodes:
            pipelines.setdefault(node.pipeline, []).append(node)
            if node.address in self.changed or moved & set(node.needs):
                moved.add(node.address)
        return [
            nodes
            for nodes in pipelines.values()
            if not any(node.address in moved for node in nodes)
        ]

    def node(self, pipeline: str, stage: str) -> Node:
        """A stage of this run."""
        return next(n for n in self.nodes if (n.pipeline, n.stage) == (pipeline, stage))

    def missing(self, node: Node) -> list[str]:
        """What a stage waited for in vain."""
        return [
            other.label
            for other in self.nodes
            if other.address in node.needs and other.address in self.problems
        ]

    def refetch(self, node: Node) -> str:
        """Run a stage whatever DVC says, because what it reads lies outside the repository.

        Raises:
            StageFailed: it failed; nothing is recorded.
        """
        return self._perform(node, force=True)

    def _perform(self, node: Node, force: bool = False) -> str:
        waiting = f"{node.label}: another process works on its files; waiting"
        begun = self.recorder.begin(node, lambda: self.print(waiting), force)
        if isinstance(begun, str):
            return self.tell(node, begun)
        recorded = False
        try:
            outcome = self.workers.run(node.command, _trains(node))
            own = outcome.seconds - outcome.import_seconds
            self.ledger.add(IMPORTS, outcome.import_seconds, outcome.seconds)
            self.ledger.add(node.stage, own)
            recorded = not outcome.failure
            self.printed[node.address] = outcome.log
        finally:
            self.recorder.end(node, begun, recorded)
        if outcome.failure:
            self._keep_log(node, outcome.log)
            raise StageFailed(outcome.failure, outcome.mistake)
        return self.tell(node, RAN, f"{outcome.seconds:.1f} s")

    def _keep_log(self, node: Node, log: str) -> None:
        if log:
            store(self.root / LOGS / f"{node.label.replace(' ', '-')}.log", log.encode())

    def tell(self, node: Node, verdict: str, detail: str = "") -> str:
        """Note a stage's verdict and show it; returns the verdict."""
        with self._screen:
            self.verdicts[node.address] = verdict
            if verdict == UNCHANGED:
                return verdict
            count = sum(value != UNCHANGED for value in self.verdicts.values())
        shown = detail if verdict == RAN else f"{verdict} {detail}".strip()
        self.print(f"{count:4}  {node.label:34} {shown}")
        return verdict

    def fail(self, node: Node, message: str, verdict: str = FAILED) -> None:
        """Note that a stage failed, or was left out because one it needs failed."""
        self.problems[node.address] = message
        self.tell(node, verdict, message if verdict == SKIPPED else f"- {message}")

    def print(self, line: str) -> None:
        """Show a line; lines of several threads do not mix."""
        with self._screen:
            tell(line)

    def summary(self) -> list[str]:
        """What became of all stages, and which failed."""
        counts = {
            verdict: sum(value == verdict for value in self.verdicts.values())
            for verdict in (RAN, RESTORED, UNCHANGED, FAILED, SKIPPED)
        }
        counted = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
        lines = [f"{len(self.nodes)} stages: {counted or 'nothing to do'}."]
        for node in self.nodes:
            if self.verdicts.get(node.address) == FAILED:
                lines.append(f"failed: {node.label}: {self.problems[node.address]}")
        return lines

    @property
    def failed(self) -> bool:
        """Whether any stage failed."""
        return FAILED in self.verdicts.values()

    def __enter__(self) -> Run:
        return self

    def __exit__(self, kind: type[BaseException] | None, *raised: object) -> None:
        """End the processes, release DVC and give up the pipelines.

        Whoever stops a flow doesn't wait for its stages: they are ended at once, and the next run
        begins them anew or from their checkpoints.
        """
        if kind is not None:
            self.workers.stop()
        self.workers.close()
        self.recorder.close()
        self.claims.close()


def prepared(
    root: Path, names: Sequence[str], count: int, ledger: Ledger, cluster: str = ""
) -> Run:
    """Read the graph, find what changed and start the processes for it.

    Args:
        root: the repository.
        names: pipelines. Default: those that the root's `dvc.yaml` needs.
        count: worker processes.
        ledger: receives the time spent.
        cluster: where stages run: `dask`, `ray`, or the address of a Dask scheduler or of a Ray
            cluster. Default: in processes of this one.

    Raises:
        ThroughlineError: an unknown pipeline, or one whose file is wrong.
    """
    from throughline.pipeline.yaml_file import YamlFile

    with ledger.timed(IMPORTS):
        import dvc.repo  # noqa: F401

        _quiet_dvc()
    _wire(root, names)
    recorder = Recorder(root, lambda seconds: ledger.add(HASHING, seconds))
    nodes = recorder.nodes(names)
    recorder.record_code()
    claims = claimed(
        root,
        {node.pipeline for node in nodes},
        lambda name: print(f"{name or 'scoreboard'}: another run is at work; waiting", flush=True),
    )
    # Only now: what the other run did counts.
    changed = recorder.changed(nodes)
    shared = root / "params.yaml"
    settings = YamlFile(shared).content if shared.exists() else {"device": "cpu"}
    device = settings.get("device", "auto")
    workers = _workers(root, count, cluster, device)
    # Loaded while Prefect's server starts.
    libraries = {name for node in nodes if node.address in changed for name in _libraries(node)}
    # What the processor offers, TensorFlow asks as it loads, before the stage can tell it to.
    if libraries and settings.get("instructions") != "native":
        workers.load(tuple(sorted(libraries)))
    return Run(root, recorder, workers, ledger, nodes, changed, claims)


def _workers(root: Path, count: int, cluster: str, device: str) -> Workers | Cluster | RayCluster:
    if is_ray(cluster):
        return RayCluster(root, count, cluster)
    return Cluster(root, count, cluster) if cluster else Workers(root, count, device)


def _libraries(node: Node) -> tuple[str, ...]:
    return declared(node.stage).libraries if _is_own(node) else ()


def _trains(node: Node) -> bool:
    return _is_own(node) and "device" in declared(node.stage).shared


def _is_own(node: Node) -> bool:
    return node.stage in EVERY_STAGE and OWN_STAGES in node.command


def _quiet_dvc() -> None:
    """DVC's progress bars and remarks would mix with the flow's lines."""
    import logging

    logging.getLogger("dvc").setLevel(logging.ERROR)


def _wire(root: Path, names: Sequence[str]) -> None:
    """Write the `dvc.yaml` of the pipelines that will run, but none that is another's work."""
    from throughline.paths import Workspace
    from throughline.stages.wire import HEADER, wire

    chosen = []
    for name in names or default_pipelines(root):
        workspace = Workspace(root, name)
        stages = workspace.stages_file
        if workspace.pipeline_file.exists() and (
            not stages.exists() or stages.read_text(encoding="utf-8").startswith(HEADER)
        ):
            chosen.append(name)
    wire(root, chosen)


def default_pipelines(root: Path) -> list[str]:
    """The pipelines whose reports the root's stages read."""
    from throughline.pipeline.yaml_file import YamlFile

    stages = YamlFile(root / "dvc.yaml").content.get("stages", {})
    paths = [Path(path) for stage in stages.values() for path in stage.get("deps", [])]
    return sorted({path.parts[1] for path in paths if path.parts[0] == "reports"})
