"""A process that trains some of the runs: `python -m throughline.training.search.worker SETTINGS`.

Each line of its standard input is a JSON list: the folder of a call and the position of a run in
it. Each line of its standard output answers one: `null`, or what went wrong. It ends with its
input, so that no worker outlives the process that started it.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from throughline.errors import ThroughlineError
from throughline.training.divergence import Diverged
from throughline.training.engine.devices import configure
from throughline.training.search import handover


def main(settings: dict[str, Any]) -> None:
    """Train what is asked for until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What libraries print must not stand between the answers.
    os.dup2(2, 1)
    lines: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=_listen, args=(lines,), daemon=True).start()
    configure(**settings)
    while True:
        folder, position = json.loads(lines.get())
        print(json.dumps(_answer(Path(folder), position)), file=answers, flush=True)


def _listen(lines: SimpleQueue[str]) -> None:
    """Read the input; at its end, also in the middle of a training, the process ends."""
    for line in sys.stdin:
        lines.put(line)
    os._exit(0)


def _answer(folder: Path, position: int) -> dict[str, Any] | None:
    try:
        _train(folder, position)
    except Diverged as error:
        return {"epoch": error.epoch, "step": error.step, "rows": error.rows.tolist()}
    except ThroughlineError as error:
        return {"message": str(error)}
    return None


def _train(folder: Path, position: int) -> None:
    learner, runs, settings = handover.read(folder)
    kept = settings["checkpoints"]
    (fitted,) = learner.fit(
        runs,
        only=[position],
        title="",
        checkpoints=Path(kept) if kept else None,
        began=settings["began"],
    )
    handover.write_fitted(folder, position, fitted)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
