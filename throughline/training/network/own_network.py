"""A network that a function of the user's own builds."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from throughline.errors import listed
from throughline.training.network.spec import BadNetwork, check

if TYPE_CHECKING:
    import keras

    from throughline.training.network.build import Output, Shape


def own_network(reference: str) -> Callable[[dict[str, Shape], Output], keras.Model]:
    """The function that `package.module:function` names."""
    for problem in check(reference):
        raise BadNetwork(problem)
    module_name, _, function_name = reference.partition(":")
    root = str(Path.cwd())
    if root not in sys.path:
        sys.path.insert(0, root)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise BadNetwork(
            "network should name a module that can be imported from the project's root",
            reference,
            f"{error}",
        ) from error
    function = getattr(module, function_name, None)
    if not callable(function):
        functions = [name for name in vars(module) if callable(getattr(module, name))]
        raise BadNetwork(
            f"network should name a function of {module_name}",
            reference,
            f"It has: {listed(functions) or 'none'}",
        )
    found: Callable[[dict[str, Shape], Output], keras.Model] = function
    return found
