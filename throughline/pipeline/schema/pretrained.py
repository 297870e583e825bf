"""A network that somebody else trained, or a part of one."""

from __future__ import annotations

import hashlib
import json
from typing import Literal

from pydantic import Field, model_validator

from throughline.names import Name
from throughline.pipeline.strict import Strict

PLACES = ("file", "archive", "url")


class Pretrained(Strict):
    """Layers with their weights, from exactly one place.

    All places take `sha256`, and a mirror is looked in first. The ImageNet weights of an
    application come from Keras' usual address, or its weights from one of the places, an `.h5`
    file.

    Args:
        file: a `.keras` file, a path from the project's root.
        archive: one inside a package, written as in `source.archive`.
        url: an address.
        application: a name of `keras.applications`, such as MobileNetV2.
        arguments: of the application, such as `{alpha: 0.35, input_shape: [96, 96, 3], include_top:
            false}`.
        sha256: of the file.
        after: the layer whose output goes in. Default: the network's input.
        until: the last layer that is used. Default: the last one.
        pool: `average` or `max` takes the mean or the largest value over all places.
    """

    file: str | None = None
    archive: str | None = None
    url: str | None = None
    application: Name | None = None
    arguments: dict[str, bool | int | float | str | list[int] | None] = {}
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    after: str | None = None
    until: str | None = None
    pool: Literal["average", "max"] | None = None

    @model_validator(mode="after")
    def _exactly_one_place(self) -> Pretrained:
        given = [place for place in PLACES if getattr(self, place) is not None]
        if len(given) > 1 or (not given and self.application is None):
            raise ValueError(
                f"exactly one of {', '.join(PLACES)} is needed, or 'application', "
                f"found {given or 'none'}"
            )
        if given and self.sha256 is None:
            raise ValueError(f"'{given[0]}' needs 'sha256', so that the weights can be trusted")
        if not given and self.sha256 is not None:
            raise ValueError("'sha256' has no effect without 'file', 'archive' or 'url'")
        return self

    @model_validator(mode="after")
    def _arguments_of_an_application(self) -> Pretrained:
        if self.arguments and self.application is None:
            raise ValueError("'arguments' have no effect without 'application'")
        if "weights" in self.arguments:
            raise ValueError("'arguments' must not name weights: give 'file', 'archive' or 'url'")
        return self

    @property
    def built(self) -> str:
        """Which application with which arguments, in a word that may be part of a file's name."""
        arguments = json.dumps(self.arguments, sort_keys=True)
        digest = hashlib.sha256(arguments.encode("utf-8")).hexdigest()[:16]
        return f"{self.application}-{digest}" if self.arguments else str(self.application)
