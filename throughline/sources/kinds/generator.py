"""Rows made by a function of the user's own."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.errors import BadData, nearest
from throughline.pipeline.own_code import own_function
from throughline.sources.registry import Fetched, Surroundings, source

if TYPE_CHECKING:
    from throughline.pipeline.schema.source import Source


@source("generator")
def bring(settings: Source, surroundings: Surroundings) -> Fetched:
    """What `package.module:function` returns when called with `arguments`.

    The function returns a DataFrame or a mapping of columns, and the same rows for the same
    arguments; provenance holds the sha256 of the file that it is written in.

    Raises:
        BadPipeline: there is no such function among the project's own.
        BadData: it refuses the arguments or returns something else.
    """
    import numpy as np
    import pandas as pd

    from throughline.sources.formats.arrays import as_frame

    address = settings.generator or ""
    function = own_function(address, surroundings.root, "source.generator")
    rows = called(function, settings.arguments, f"Generator '{address}'")
    if isinstance(rows, Mapping) and settings.images is not None:
        rows = as_frame({name: np.asarray(values) for name, values in rows.items()})
    elif isinstance(rows, Mapping):
        rows = pd.DataFrame(rows)
    if not isinstance(rows, pd.DataFrame):
        raise BadData(
            f"Generator '{address}' must return a DataFrame or a mapping of columns",
            type(rows).__name__,
        )
    code = inspect.getsourcefile(function)
    origin = {
        "source": address,
        "arguments": dict(settings.arguments),
        "code_sha256": hashlib.sha256(Path(code).read_bytes()).hexdigest() if code else None,
    }
    return Fetched(rows, origin)


def called(function: Callable[..., Any], arguments: Mapping[str, Any], what: str) -> Any:
    """`function(**arguments)`, after its signature agreed to them."""
    try:
        inspect.signature(function).bind(**arguments)
    except TypeError as error:
        known = list(inspect.signature(function).parameters)
        unknown = [name for name in arguments if name not in known]
        remedy = nearest(unknown[0], known) if unknown else f"It takes {', '.join(known)}"
        raise BadData(f"{what} refuses these arguments", f"{error}", remedy) from None
    return function(**arguments)
