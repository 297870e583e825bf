"""Image files as pixels: JPEG, PNG and the like, of any size, mode and orientation.

Pillow is imported here alone, so that models of tables are served without it.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from serving.errors import BadRequest

# Larger pictures are refused before they are decoded; some 300 MB would be needed for one.
MOST_PIXELS = 100_000_000
# Larger pictures are made smaller by a whole factor before the graph resizes them.
KEPT_PIXELS = 4_000_000
# In the place of a file's name: the bytes come through a pipe.
STANDARD_INPUT = "-"
OPAQUE = ("L", "RGB", "P", "1", "CMYK", "YCbCr", "LA", "PA", "RGBA")


def read_picture(content: bytes, name: str, entry: Mapping[str, Any]) -> np.ndarray:
    """The pixels of an image file as a model takes them.

    Turned upright as its EXIF says; transparent parts become white; colours become grey, or grey
    becomes colours, as the model needs it. What is larger than 4 million pixels is first reduced
    by a whole factor, so that memory stays bounded; the graph resizes to the model's own size.

    Args:
        content: the file's bytes.
        name: of the file, for messages.
        entry: what the model's metadata say of its input.

    Returns:
        uint8 (1, height, width, channels).

    Raises:
        BadRequest: no image, a broken or truncated one, one of more than 100 million pixels, or of
            a mode that has no 8-bit form.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    # Our own limit below says what was expected; Pillow's would warn at half of it.
    Image.MAX_IMAGE_PIXELS = None
    height, width, channels = entry["shape"]
    try:
        with Image.open(io.BytesIO(content)) as image:
            _check(image, name)
            image.draft("RGB" if channels == 3 else "L", (4 * width, 4 * height))
            picture = ImageOps.exif_transpose(_reduced(image))
            pixels = np.asarray(_plain(picture, channels), dtype=np.uint8)
    except UnidentifiedImageError:
        raise BadRequest(
            f"'{name}' must be an image file such as JPEG or PNG. Received: {len(content)} bytes "
            f"that begin with {content[:8].hex(' ') or 'nothing'}."
        ) from None
    except (OSError, SyntaxError, ValueError) as error:
        raise BadRequest(f"'{name}' must be a sound image file: {str(error)[:200]}.") from None
    return pixels.reshape(1, *pixels.shape[:2], channels)


def read_file(path: Path, entry: Mapping[str, Any]) -> np.ndarray:
    """The pixels of an image file on the disk, with `-` of standard input; see `read_picture`."""
    if str(path) == STANDARD_INPUT:
        return read_picture(sys.stdin.buffer.read(), "standard input", entry)
    try:
        return read_picture(path.read_bytes(), str(path), entry)
    except (FileNotFoundError, IsADirectoryError):
        raise BadRequest(f"There is no file '{path}'.") from None


def _check(image: Any, name: str) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise BadRequest(
            f"'{name}' must have at most {MOST_PIXELS:,} pixels. "
            f"Received: {image.width} x {image.height}."
        )
    if image.mode not in OPAQUE:
        raise BadRequest(
            f"'{name}' must have 8 bits a channel. Received: mode {image.mode}. "
            "Convert it to RGB or greyscale first."
        )


def _reduced(image: Any) -> Any:
    """The picture itself, or the means of squares of its pixels where it is very large."""
    factor = 1
    while image.width * image.height > KEPT_PIXELS * factor * factor:
        factor += 1
    if factor == 1:
        return image
    if image.mode in ("P", "1", "PA"):
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    return image.reduce(factor)


def _plain(picture: Any, channels: int) -> Any:
    """Without transparency, in grey or in colours."""
    from PIL import Image

    if "A" in picture.getbands() or "transparency" in picture.info:
        coloured = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", coloured.size, "white"), coloured)
    return picture.convert("RGB" if channels == 3 else "L")


def picture_input(inputs: Mapping[str, Mapping[str, Any]]) -> tuple[str, Mapping[str, Any]]:
    """The one input of a model that takes pictures alone.

    Raises:
        BadRequest: the model takes something else, or several inputs.
    """
    names = [name for name, entry in inputs.items() if entry["type"] == "image"]
    if len(names) != 1 or len(inputs) != 1:
        raise BadRequest(
            "--image needs a model whose only input is a picture. Received one with "
            f"{', '.join(inputs)}."
        )
    return names[0], inputs[names[0]]
