"""Names of Keras' layers and their arguments, so that a pipeline file is checked in an instant.

Importing Keras costs seconds; reading `layers.json` costs a millisecond. It says, too, which
arguments are true or false. The file is written by
`python -m throughline.training.catalogue.catalogue`, and a test holds it equal to the Keras that is
installed.
"""

from __future__ import annotations

import functools
import inspect
import json
from pathlib import Path
from types import ModuleType
from typing import Any

FILE = Path(__file__).with_name("layers.json")
BASE_ARGUMENTS = ("name", "trainable", "dtype", "activity_regularizer", "autocast")
# True or false, too, though their defaults do not show it.
OPEN_TRUTHS = ("flash_attention", "use_cudnn")
KINDS = {
    "layers": "Layer",
    "initializers": "Initializer",
    "regularizers": "Regularizer",
    "constraints": "Constraint",
    "optimizers": "Optimizer",
    "losses": "Loss",
    "metrics": "Metric",
}

Names = dict[str, list[str]]


@functools.cache
def read() -> dict[str, Names]:
    """Class names and their arguments, for each kind of Keras object."""
    content: dict[str, Names] = json.loads(FILE.read_text(encoding="utf-8"))
    return content


def collect() -> dict[str, Names]:
    """The same, asked of the installed Keras."""
    import keras

    found = {kind: _classes(getattr(keras, kind), base) for kind, base in KINDS.items()}
    found["schedules"] = _classes(keras.optimizers.schedules, "LearningRateSchedule")
    functions = vars(keras.activations)
    found["activations"] = {
        name: [] for name in sorted(functions) if inspect.isfunction(functions[name])
    }
    for helper in ("deserialize", "get", "serialize"):
        found["activations"].pop(helper, None)
    found["truths"] = _truths(found)
    return found


def _truths(found: dict[str, Names]) -> Names:
    """For each argument that is true or false the classes that take it so."""
    import keras

    modules = {kind: getattr(keras, kind) for kind in KINDS}
    modules["schedules"] = keras.optimizers.schedules
    classes: dict[str, set[str]] = {}
    for kind, module in modules.items():
        for name in found[kind]:
            for ancestor in getattr(module, name).__mro__:
                for each in _own_parameters(ancestor):
                    if isinstance(each.default, bool) or each.name in OPEN_TRUTHS:
                        classes.setdefault(each.name, set()).add(name)
    return {name: sorted(classes[name]) for name in sorted(classes) if name not in BASE_ARGUMENTS}


def _own_parameters(cls: type[Any]) -> list[inspect.Parameter]:
    """Those of a class' own `__init__`, without `self`."""
    if "__init__" not in vars(cls):
        return []
    return list(inspect.signature(vars(cls)["__init__"]).parameters.values())[1:]


def _classes(module: ModuleType, base: str) -> Names:
    parent = getattr(module, base)
    members = sorted(vars(module).items())
    return {
        name: _arguments(member)
        for name, member in members
        if inspect.isclass(member)
        and issubclass(member, parent)
        and member is not parent
        and name[0].isupper()
    }


def _arguments(cls: type[Any]) -> list[str]:
    """Arguments of a class: its own, and those of its parents while it passes `**kwargs` on."""
    names: dict[str, None] = {}
    for ancestor in cls.__mro__:
        if "__init__" not in vars(ancestor):
            continue
        parameters = _own_parameters(ancestor)
        names.update(
            {
                p.name: None
                for p in parameters
                if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
            }
        )
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
        if ancestor.__name__ == "Layer":
            names.update(dict.fromkeys(BASE_ARGUMENTS))
            break
    return list(names)


def main() -> None:
    """Write `layers.json` from the installed Keras."""
    FILE.write_text(written(collect()), encoding="utf-8")


def written(catalogue: dict[str, Names]) -> str:
    """The catalogue as JSON with one class a line, so that a new Keras shows in a short diff."""
    blocks = []
    for kind, names in catalogue.items():
        lines = [f"  {json.dumps(name)}: {json.dumps(names[name])}" for name in names]
        blocks.append(f" {json.dumps(kind)}: {{\n" + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(blocks) + "\n}\n"


if __name__ == "__main__":
    main()
