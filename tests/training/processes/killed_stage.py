"""Run a stage as `python killed_stage.py ROOT STAGE [SAVES]`, with a checkpoint at every chance.

After SAVES checkpoints the process kills itself as `kill -9` would. Prints the epochs trained.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from throughline.stages.run import run_stage
from throughline.training import checkpoints
from throughline.training.engine import trainer


def main(root: Path, stage: str, saves: int) -> None:
    """Run the stage of the pipeline `line`."""
    checkpoints.SECONDS_BETWEEN = 0.0
    trainer.SECONDS_A_CALL = 0.0
    saved, epochs = checkpoints.Checkpoints.save, trainer.Trainer._epochs
    count = 0

    def save(*arguments: Any, **more: Any) -> None:
        nonlocal count
        saved(*arguments, **more)
        count += 1
        if count == saves:
            os.kill(os.getpid(), signal.SIGKILL)

    def told(self: Any, run: Any, state: Any, data: Any, first: int, *more: Any) -> Any:
        print("epoch", first + 1, flush=True)
        return epochs(self, run, state, data, first, *more)

    checkpoints.Checkpoints.save = save  # type: ignore[method-assign]
    trainer.Trainer._epochs = told  # type: ignore[method-assign]
    run_stage(stage, "line", root)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 0)
