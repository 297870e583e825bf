"""Data sets and generators that come with scikit-learn."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from throughline.errors import BadData, nearest
from throughline.sources.kinds.generator import called
from throughline.sources.registry import Fetched, Surroundings, source

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.schema.source import Source

# Bundled set -> its target column; classes as the words that the set comes with, or as numbers.
TARGETS: dict[str, tuple[str, bool]] = {
    "iris": ("species", True),
    "wine": ("class", False),
    "digits": ("digit", False),
    "breast_cancer": ("diagnosis", True),
    "diabetes": ("progression", False),
    "linnerud": ("", False),
}


@source("sklearn")
def bring(settings: Source, surroundings: Surroundings) -> Fetched:
    """A bundled set by its name, or what a `make_...` generator returns.

    A generator's features are x1, x2, ...; its target is `label` when it holds classes and
    `target` when it holds numbers. A generator without `random_state` is given 0.
    """
    from sklearn import __version__

    name = settings.sklearn or ""
    frame = _generated(name, settings) if name.startswith("make_") else _bundled(name, settings)
    origin = {"source": f"scikit-learn {name}", "arguments": dict(settings.arguments)}
    return Fetched(frame, {**origin, "version": __version__})


def _bundled(name: str, settings: Source) -> pd.DataFrame:
    from sklearn import datasets

    if name not in TARGETS:
        raise BadData(
            "'source.sklearn' names a bundled set or a generator of scikit-learn",
            name,
            nearest(name, [*TARGETS, *_generators()]),
        )
    if settings.arguments:
        raise BadData(f"The bundled set '{name}' takes no arguments", dict(settings.arguments))
    bundle = getattr(datasets, f"load_{name}")(as_frame=True)
    frame: pd.DataFrame = bundle.data.copy()
    frame.columns = [_column_name(name, column) for column in frame.columns]
    target, words = TARGETS[name]
    if not target:
        return frame.join(bundle.target)
    values = bundle.target.to_numpy()
    frame[target] = bundle.target_names[values].astype(str) if words else values
    return frame


def _column_name(name: str, column: str) -> str:
    """The columns as the usual CSV files of these sets name them."""
    if name == "digits":
        row, position = (int(part) for part in column.split("_")[1:])
        return f"pixel_{row * 8 + position}"
    if name == "iris":
        return column.removesuffix(" (cm)").replace(" ", "_")
    return column


def _generators() -> list[str]:
    from sklearn import datasets

    return sorted(name for name in dir(datasets) if name.startswith("make_"))


def _generated(name: str, settings: Source) -> pd.DataFrame:
    import numpy as np
    import pandas as pd
    from sklearn import datasets

    if name not in _generators():
        raise BadData(
            "'source.sklearn' names a bundled set or a generator of scikit-learn",
            name,
            nearest(name, [*TARGETS, *_generators()]),
        )
    function = getattr(datasets, name)
    arguments: dict[str, Any] = dict(settings.arguments)
    if "random_state" in inspect.signature(function).parameters:
        arguments.setdefault("random_state", 0)
    result = called(function, arguments, f"scikit-learn's '{name}'")
    features, target = result[0], result[1]
    if np.ndim(features) != 2 or np.ndim(target) != 1 or len(features) != len(target):
        raise BadData(
            f"scikit-learn's '{name}' must make rows with one target each",
            [np.shape(part) for part in result],
            "Use make_moons, make_circles, make_blobs, make_classification or make_regression",
        )
    frame = pd.DataFrame(
        np.asarray(features), columns=[f"x{i + 1}" for i in range(np.shape(features)[1])]
    )
    frame["label" if np.issubdtype(target.dtype, np.integer) else "target"] = target
    return frame
