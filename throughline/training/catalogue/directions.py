"""Which way each metric of the installed Keras is better, as `figures/keras.json` keeps it.

Written by `python -m throughline.training.catalogue.directions`.
"""

from __future__ import annotations

import inspect
import json
from typing import Any

from throughline.figures.learned import FILE
from throughline.training.private_keras import direction


def collect() -> dict[str, str | None]:
    """For each metric class `up`, `down` or None."""
    import keras

    classes = {
        name: cls
        for name, cls in sorted(vars(keras.metrics).items())
        if inspect.isclass(cls) and issubclass(cls, keras.metrics.Metric) and name[0].isupper()
    }
    del classes["Metric"]
    return {name: direction(cls(**needed(cls))) for name, cls in classes.items()}


def needed(cls: type[Any]) -> dict[str, Any]:
    """Values for the arguments that a metric cannot be made without."""
    examples = {"num_classes": 2, "target_class_ids": [0], "name": "example", "fn": max}
    parameters = inspect.signature(cls).parameters.values()
    names = [p.name for p in parameters if p.default is p.empty and p.kind is not p.VAR_KEYWORD]
    return {name: examples.get(name, 0.5) for name in names}


if __name__ == "__main__":
    FILE.write_text(json.dumps(collect(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
