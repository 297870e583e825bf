"""Runs one stage over and over, each time killed by SIGKILL at another moment of its writing.

Called with a repository in which the stage has run, the stage and its outputs. Every kill must
leave each output as it was or absent, and a run after it must give the same bytes as before.
Prints how many kills were survived.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from throughline.stages.run import run_stage

MOST_KILLS = 3
LIBRARIES = {
    "ingest": ("pandas", "pyarrow.parquet"),
    "validate": ("pandas", "pyarrow.parquet", "great_expectations.expectations"),
    "prepare": ("pandas", "pyarrow.parquet", "onnx", "onnxruntime", "sklearn.model_selection"),
    "cross_validate": ("tensorflow", "keras", "pandas", "onnxruntime", "sklearn"),
    "train": ("tensorflow", "keras", "pandas", "onnxruntime"),
    "export": ("onnx", "onnxruntime", "h5py"),
    "evaluate": ("pyarrow.parquet", "onnxruntime", "sklearn.ensemble", "sklearn.linear_model"),
}


def contents(root: Path, outputs: list[str]) -> dict[str, str]:
    """The sha256 of every file of the outputs that are there."""
    files = [file for output in outputs for file in [root / output, *(root / output).rglob("*")]]
    return {
        file.relative_to(root).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
        if file.is_file()
    }


def writing(act: Callable[[], None]) -> None:
    """Have `act` called at each moment at which something is written or takes its place."""

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and isinstance(arguments[0], (str, bytes, os.PathLike)):
            path, flags = os.fsdecode(arguments[0]), arguments[2]
            if ".draft" in path and isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR):
                act()
        elif event in ("os.rename", "os.rmdir") and ".draft" in f"{arguments}{arguments[:1]}":
            act()

    sys.addaudithook(hook)


def child(work: Callable[[], None]) -> int:
    """Run something in a process of its own; returns its status as `os.waitpid` gives it."""
    process = os.fork()
    if process == 0:
        try:
            work()
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitpid(process, 0)[1]


def counted(root: Path, stage: str) -> int:
    """How many moments a whole run has."""
    reader, writer = os.pipe()

    def work() -> None:
        writing(lambda: os.write(writer, b"."))  # type: ignore[arg-type, return-value]
        run_stage(stage, "shop", root)

    status = child(work)
    assert status == 0
    return len(os.read(reader, 1 << 16))


def killed(root: Path, stage: str, moment: int) -> None:
    """Run a stage that ends by SIGKILL at its `moment`-th moment."""
    seen = 0

    def act() -> None:
        nonlocal seen
        seen += 1
        if seen == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    def work() -> None:
        writing(act)
        run_stage(stage, "shop", root)

    status = child(work)
    assert os.WIFSIGNALED(status), f"{stage} ended by itself at moment {moment}"
    assert os.WTERMSIG(status) == signal.SIGKILL


def litter(root: Path) -> list[str]:
    """Drafts and old outputs that are left beside the real ones."""
    return sorted(str(path) for path in root.rglob(".*") if path.suffix in (".draft", ".old"))


def main() -> None:
    root, stage, outputs = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    os.environ["OMP_NUM_THREADS"] = "1"
    for library in LIBRARIES[stage]:
        __import__(library)
    before = contents(root, outputs)
    assert before
    moments = counted(root, stage)
    assert moments >= 2
    step = max(1, moments // MOST_KILLS)
    chosen = sorted({*range(1, moments + 1, step), moments - 1, moments})
    for moment in chosen:
        killed(root, stage, moment)
        left = contents(root, outputs)
        for output in outputs:
            own = {path: digest for path, digest in before.items() if path.startswith(output)}
            found = {path: digest for path, digest in left.items() if path.startswith(output)}
            assert found in (own, {}), f"a part of {output} at moment {moment} of {moments}"
        assert child(lambda: run_stage(stage, "shop", root)) == 0
        assert contents(root, outputs) == before, f"other bytes after moment {moment}"
        assert not litter(root)
    # The same for a stage that never ran before.
    for output in outputs:
        shutil.rmtree(root / output) if (root / output).is_dir() else (root / output).unlink()
    killed(root, stage, moments // 2)
    assert child(lambda: run_stage(stage, "shop", root)) == 0
    assert contents(root, outputs) == before
    print(f"{len(chosen) + 1} kills survived")


if __name__ == "__main__":
    main()
