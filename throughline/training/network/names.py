"""The names that Keras gives to layers and operations, counted anew for each network.

Keras counts them through the whole process (`keras/src/utils/naming.py`), so what a network's
masks bring (`not_equal_4`) was named by how many networks the process had built before, and
`network.json` with it. The layers of the file are named by `build`; these are the others.
"""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Iterator

COUNTS = "object_name_uids"


@contextlib.contextmanager
def counted_anew() -> Iterator[None]:
    """Names in here begin as in a fresh process; afterwards none that was given is given again.

    Keras keeps its counts for each thread, so networks built at the same time do not mix.
    """
    from keras.src.backend.common import global_state

    before = global_state.get_global_attribute(COUNTS) or {}
    global_state.set_global_attribute(COUNTS, collections.defaultdict(int))
    try:
        yield
    finally:
        counts = global_state.get_global_attribute(COUNTS)
        for name, count in before.items():
            counts[name] = max(count, counts[name])
