"""Layers and converters of the user's own, for stages that read a stored network."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from throughline.pipeline.own_code import own_module
from throughline.stages.digests.code import references


def import_own(document: Mapping[str, Any], sections: Collection[str]) -> None:
    """Import the modules of the user's own that these sections of a pipeline file name.

    Keras then knows the layers that they register, and `export` the converters.

    Raises:
        ForbiddenCode: one is none of the project's own, or none may run.
    """
    from throughline.training.engine.devices import configure_by_default

    for key in sections:
        for module in sorted(set(references({key: document.get(key)}))):
            # It imports Keras.
            configure_by_default()
            own_module(module, Path(), key)
