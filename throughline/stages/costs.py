"""What each stage of a pipeline takes: seconds, processor seconds and peak memory.

The records lie beside the stage outputs, not in them: clocks differ from run to run, and outputs
must have the same bytes whenever their inputs have.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from throughline.errors import BadData, MissingFile
from throughline.limits import guarded
from throughline.paths import Workspace, read_json, replaced, write_json
from throughline.stages.declared import EVERY_STAGE

PAGE = "costs.html"
MIB = 2**20
# What Linux takes as the order to forget a process's peak of memory (man 5 proc).
FORGET_PEAK = "5"
HEADER = ("stage", "seconds", "processor seconds", "peak memory, MiB")
MEANING = (
    "Each stage as it last ran in this folder; a stage that DVC took from its cache has no line of "
    "its own. Processor seconds are those of all threads and of the processes that it started. "
    "Peak memory is the resident set of the stage's process or of the largest one that it started, "
    "with all libraries it holds: in a flow's warm processes also those of earlier stages."
)
WHOLE_PROCESS = "* The peak of the process, which ran other stages before."


@dataclass(frozen=True)
class Cost:
    """What one run of a stage took.

    Attributes:
        stage: its name.
        seconds: of wall time, its imports included.
        processor_seconds: of all its threads and of the processes that it started.
        peak_bytes: the largest resident set.
        whole_process: the peak may be that of an earlier stage in the same process, where the
            system cannot tell.
        cores: how many the process might use.
    """

    stage: str
    seconds: float
    processor_seconds: float
    peak_bytes: int
    whole_process: bool
    cores: int


def folder_of(workspace: Workspace) -> Path:
    """Where the records of a pipeline lie: one JSON file a stage, and their page."""
    return workspace.root / "reports" / workspace.name / "costs"


@contextmanager
def costed(workspace: Workspace, stage: str) -> Iterator[None]:
    """Record what the block takes, if it ends well."""
    forgotten = _forget_peak()
    before = _peak_of_children()
    processor, start = _processor_seconds(), time.perf_counter()
    yield
    seconds = time.perf_counter() - start
    children = _peak_of_children()
    cost = Cost(
        stage,
        round(seconds, 3),
        round(_processor_seconds() - processor, 3),
        max(_peak(), children if children > before else 0),
        not forgotten,
        _cores(),
    )
    folder = folder_of(workspace)
    with replaced(folder / f"{stage}.json") as draft:
        write_json(draft, asdict(cost))
    _write_page(workspace)


def _typed(cost: Cost, path: Path) -> Cost:
    """The record itself, once its values are what `costed` writes.

    Raises:
        BadData: one is of another type.
    """
    numbers = (cost.seconds, cost.processor_seconds, cost.peak_bytes, cost.cores)
    if cost.stage not in EVERY_STAGE or not all(type(each) in (int, float) for each in numbers):
        raise BadData(f"'{path}' must be a record of what a stage took", asdict(cost))
    return cost


def costs(workspace: Workspace) -> list[Cost]:
    """The records of a pipeline, in the order of its stages.

    Raises:
        MissingFile: no stage of it has run here.
    """
    paths = [folder_of(workspace) / f"{stage}.json" for stage in EVERY_STAGE]
    with guarded(str(folder_of(workspace)), timed=False):
        found = [_typed(Cost(**read_json(path)), path) for path in paths if path.exists()]
    if not found:
        raise MissingFile(
            f"Stages of '{workspace.name}' must have run in this folder",
            f"no {folder_of(workspace)}",
            f"Run `dvc repro --force pipelines/{workspace.name}/dvc.yaml`",
        )
    return found


def table(found: Sequence[Cost]) -> str:
    """The records for a screen."""
    rows = [HEADER, *_rows(found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    ]
    notes = [WHOLE_PROCESS] if any(cost.whole_process for cost in found) else []
    return "\n".join([*lines, "", *notes, f"{found[-1].cores} cores. {MEANING}"])


def _rows(found: Sequence[Cost]) -> list[tuple[str, ...]]:
    rows = [
        (
            cost.stage,
            f"{cost.seconds:.1f}",
            f"{cost.processor_seconds:.1f}",
            f"{cost.peak_bytes / MIB:.0f}" + ("*" if cost.whole_process else ""),
        )
        for cost in found
    ]
    total = (
        "all",
        f"{sum(cost.seconds for cost in found):.1f}",
        f"{sum(cost.processor_seconds for cost in found):.1f}",
        f"{max(cost.peak_bytes for cost in found) / MIB:.0f}",
    )
    return [*rows, total]


def _write_page(workspace: Workspace) -> None:
    """The page beside the report; two stages of a pipeline may end at the same time."""
    from throughline.report.page import page, write

    folder = folder_of(workspace)
    found = costs(workspace)
    content = page(
        "stages/costs.html",
        "costs",
        workspace.name,
        title=f"{workspace.name}: costs",
        header=HEADER,
        rows=_rows(found),
        cores=found[-1].cores,
        note=WHOLE_PROCESS if any(cost.whole_process for cost in found) else "",
        meaning=MEANING,
    )
    write(folder / PAGE, content)


def _forget_peak() -> bool:
    """Let the peak of this process start anew; whether the system can."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text(FORGET_PEAK)
        return True
    return False


def _peak() -> int:
    """The largest resident set of this process, in bytes.

    On Linux `getrusage` would also count that of the process it came from, such as DVC's.
    """
    import resource

    with suppress(OSError, IndexError):
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _unit()


def _peak_of_children() -> int:
    """The largest resident set of all processes that this one started and that have ended.

    It never falls: a stage's own is seen where it is larger than that of the stages before.
    """
    import resource

    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * _unit()


def _unit() -> int:
    """`ru_maxrss` counts bytes on macOS, kilobytes elsewhere."""
    return 1 if sys.platform == "darwin" else 1024


def _processor_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
