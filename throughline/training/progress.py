"""A progress bar with the time that is left, on a terminal only: a log file gets none."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from throughline.training.engine.runs import Run
    from throughline.training.engine.trainer import Watcher

SHOWN = ("loss", "val_loss")


@contextlib.contextmanager
def progress(title: str, runs: int, epochs: int) -> Iterator[Watcher | None]:
    """A bar on stderr while the context lasts.

    Args:
        title: stands before the bar.
        runs: how many trainings.
        epochs: the most that each of them takes.

    Returns:
        What `engine.fit` takes as its watcher; none where stderr is no terminal.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    with tqdm(total=runs * epochs, desc=title, unit=" epochs", leave=False) as bar:
        yield Bar(bar, epochs)


@contextlib.contextmanager
def counted(title: str, runs: int) -> Iterator[Callable[[], None]]:
    """Like `progress` for trainings elsewhere: the function that is told whenever one has ended."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from tqdm import tqdm

    with tqdm(total=runs, desc=title, unit=" trainings", leave=False) as bar:

        def ended() -> None:
            bar.update()

        yield ended


class Bar:
    """Counts the epochs of all trainings.

    Args:
        bar: of tqdm; its total is the most epochs there can be.
        epochs: the most that one training takes.
    """

    def __init__(self, bar: Any, epochs: int) -> None:
        self.bar = bar
        self.epochs = epochs
        self.seen: dict[int, int] = {}

    def __call__(self, run: Run, epoch: int, curves: Mapping[str, float], ended: bool) -> None:
        """Move on; a training that stopped early makes the bar shorter."""
        if ended:
            self.bar.total -= self.epochs - epoch
        shown = {name: f"{curves[name]:.4g}" for name in SHOWN if name in curves}
        self.bar.set_postfix(shown, refresh=False)
        self.bar.update(epoch - self.seen.get(id(run), 0))
        self.seen[id(run)] = epoch
