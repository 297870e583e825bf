"""How files of a source are stored is said once, and holds for training and for serving."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from throughline.pipeline.schema.pictures.image import Images
from throughline.pipeline.strict import MisplacedKey


def with_fit(document: Any) -> Any:
    """A document whose column of pictures has the `fit` by which its source stores them.

    Raises:
        MisplacedKey: the column says another one, or the spectrogram of a sound another rate, so
            that files would be served otherwise than they were learned.
    """
    images = _section(_section(document, "source"), "images")
    if not images:
        return document
    name = images.get("column", Images.model_fields["column"].default)
    column = _section(_section(document, "columns"), name)
    image = _section(column, "image")
    if image is None:
        return document
    _check_rate(images, name, image)
    if not images.get("size"):
        return document
    fit = images.get("fit", Images.model_fields["fit"].default)
    if image.get("fit", fit) != fit:
        raise MisplacedKey(
            f"'fit' is '{image['fit']}', and the source stores its pictures by '{fit}'; say it in "
            "'source.images.fit' alone",
            "columns", name, "image", "fit",
        )  # fmt: skip
    fitted = {**column, "image": {**image, "fit": fit}}
    return {**document, "columns": {**document["columns"], name: fitted}}


def _check_rate(images: Mapping[str, Any], name: str, image: Mapping[str, Any]) -> None:
    stored = (_section(images, "sound") or {}).get("rate")
    filters = image.get("filters")
    first = filters[0] if isinstance(filters, list) and filters else None
    spectrogram = _section(first, "spectrogram") or {}
    if stored is not None and spectrogram.get("rate", stored) != stored:
        raise MisplacedKey(
            f"'rate' is {spectrogram['rate']}, and the source stores its sounds at {stored} "
            "samples a second; give both the same",
            "columns", name, "image", "filters",
        )  # fmt: skip


def _section(document: Any, key: str) -> Any:
    found = document.get(key) if isinstance(document, Mapping) else None
    return found if isinstance(found, Mapping) else None
