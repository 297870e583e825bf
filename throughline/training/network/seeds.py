"""The seeds of a network's initialisers and dropouts, drawn from one number.

Keras draws the seed of each layer that has none from Python's `random`, which all threads of a
process share: a client that waits a random while in another thread (Prefect's, a database's)
moved the sequence in the middle of a network, whose weights then were others. So Keras is given
a source of its own that each thread has for itself.

It counts names, too, through the whole process (`keras/src/utils/naming.py`), so what a network's
masks bring (`not_equal_4`) was named by how many networks the process had built before, and
`network.json` with it. The layers of the file are named by `build`; these are the others.
"""

from __future__ import annotations

import collections
import contextlib
import random
from collections.abc import Iterator
from contextvars import ContextVar

from throughline.training.private_keras import count_names_in, counted_names, draw_seeds_from

_source: ContextVar[random.Random | None] = ContextVar("source of seeds", default=None)


class _Seeds:
    """What Keras takes for the module `random`: the thread's own source where it has one."""

    def randint(self, low: int, high: int) -> int:
        return (_source.get() or random).randint(low, high)


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Whatever Keras builds in here draws its seeds from `seed`, in the order of building.

    Seeds stay out of the configuration this way, so all folds share one network.json. Python's
    own `random` is seeded, too, for a user's network that asks it, and put back afterwards.
    """
    draw_seeds_from(_Seeds())
    before, token = random.getstate(), _source.set(random.Random(seed))
    random.seed(seed)
    try:
        yield
    finally:
        _source.reset(token)
        random.setstate(before)


@contextlib.contextmanager
def counted_anew() -> Iterator[None]:
    """Names in here begin as in a fresh process; afterwards none that was given is given again.

    Keras keeps its counts for each thread, so networks built at the same time do not mix.
    """
    before, counts = counted_names(), collections.defaultdict[str, int](int)
    count_names_in(counts)
    try:
        yield
    finally:
        for name, count in before.items():
            counts[name] = max(count, counts[name])
