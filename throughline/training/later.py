"""Parts of Keras that are loaded when they are first used, not when Keras is.

`keras.wrappers` imports scikit-learn and `keras.visualization` matplotlib where it is installed,
which together are a third of the time of `import keras`, and no training uses them. They stay
whole: the first look at an attribute of either loads it, with all that it needs.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

from throughline.training.private_keras import PACKAGES

PARTS = frozenset(
    f"{package}.{part}" for package in PACKAGES for part in ("visualization", "wrappers")
)


class _Later(MetaPathFinder):
    """Finds those parts where Python would, with a loader that waits."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in PARTS:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = importlib.util.LazyLoader(spec.loader)
        return spec


@contextmanager
def unused_parts_later() -> Iterator[None]:
    """While Keras is imported for the first time; afterwards imports are as ever."""
    finder = _Later()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
