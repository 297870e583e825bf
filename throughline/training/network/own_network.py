"""A network that a function of the user's own builds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from throughline.pipeline.own_code import own_function
from throughline.training.network.spec import BadNetwork, check

if TYPE_CHECKING:
    import keras

    from throughline.training.network.build import Output, Shape


def own_network(reference: str) -> Callable[[dict[str, Shape], Output], keras.Model]:
    """The function of the project's own that `package.module:function` names.

    Raises:
        BadNetwork: it is written in another way.
        BadPipeline: there is no such function among the project's own.
    """
    for problem in check(reference):
        raise BadNetwork(problem)
    return own_function(reference, Path.cwd(), "network")
