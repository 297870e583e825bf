"""A network that somebody else trained, or a part of one."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from tasks.config.strict import Strict

KINDS = ("file", "archive", "url", "application")


class Pretrained(Strict):
    """Layers with their weights, from exactly one place.

    file: a `.keras` file, a path from the repository's root. archive: one inside a package, written
    as in `source.archive`. url: an address. application: a name of `keras.applications`, such as
    MobileNetV2, whose ImageNet weights come from Keras' usual address. All but `application` take
    `sha256`, and a mirror is looked in first.

    `until` names the last layer that is used (default: the last one) and `after` the layer whose
    output goes in (default: the network's input). `pool: average` takes the mean over all places.
    """

    file: str | None = None
    archive: str | None = None
    url: str | None = None
    application: str | None = None
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    after: str | None = None
    until: str | None = None
    pool: Literal["average", "max"] | None = None

    @model_validator(mode="after")
    def _exactly_one_place(self) -> Pretrained:
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError(
                f"exactly one of {', '.join(KINDS)} is needed, found {given or 'none'}"
            )
        if given[0] != "application" and self.sha256 is None:
            raise ValueError(f"'{given[0]}' needs 'sha256', so that the weights can be trusted")
        return self
