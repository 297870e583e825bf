"""Which arguments Keras' classes cannot do without, read from `required.json`.

`python -m throughline.cli.required` writes the file from the installed Keras, and a test holds it
equal.
"""

from __future__ import annotations

import functools
import inspect
import json
from pathlib import Path
from typing import Any

from throughline.training.catalogue import catalogue

FILE = Path(__file__).with_name("required.json")
KINDS = ("layers", "losses", "metrics", "schedules", "initializers", "regularizers", "constraints")


@functools.cache
def read() -> dict[str, dict[str, list[str]]]:
    """By kind and class the arguments without a default."""
    content: dict[str, dict[str, list[str]]] = json.loads(FILE.read_text(encoding="utf-8"))
    return content


def collect() -> dict[str, dict[str, list[str]]]:
    """The same, asked of the installed Keras."""
    import keras

    modules: dict[str, Any] = {kind: getattr(keras, kind, None) for kind in KINDS}
    modules["schedules"] = keras.optimizers.schedules
    found: dict[str, dict[str, list[str]]] = {kind: {} for kind in KINDS}
    for kind, module in modules.items():
        for name in catalogue.read()[kind]:
            if needed := _without_default(getattr(module, name)):
                found[kind][name] = needed
    return found


def _without_default(cls: type[Any]) -> list[str]:
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [each.name for each in parameters if each.default is each.empty and each.kind in named]


def written(content: dict[str, dict[str, list[str]]]) -> str:
    """The content of the file."""
    return json.dumps(content, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(written(collect()), encoding="utf-8")
