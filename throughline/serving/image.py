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

from throughline.serving.errors import BadRequest

# Larger pictures are refused before they are decoded; some 300 MB would be needed for one.
MOST_PIXELS = 100_000_000
# Larger pictures are made smaller by a whole factor, unless so many pixels are wanted.
KEPT_PIXELS = 4_000_000
# In the place of a file's name: the bytes come through a pipe.
STANDARD_INPUT = "-"
OPAQUE = ("L", "RGB", "P", "1", "CMYK", "YCbCr", "LA", "PA", "RGBA")
# The tag of EXIF that says how a camera was held, and what turns its pictures upright; from 5 on
# height and width change places.
ORIENTATION = 0x0112
UPRIGHT = {
    2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE", 6: "ROTATE_270", 7: "TRANSVERSE", 8: "ROTATE_90",
}  # fmt: skip
# What is read; Pillow knows many more, some of which start other programs.
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP")
# What Pillow raises for files that are not sound.
UNSOUND = (OSError, SyntaxError, ValueError)


def read_picture(content: bytes, name: str, entry: Mapping[str, Any]) -> np.ndarray:
    """The pixels of an image file as a model takes them.

    They are those of `plain_picture`, as in training; the graph resizes to the model's own size.

    Args:
        content: the file's bytes.
        name: of the file, for messages.
        entry: what the model's metadata say of its input.

    Returns:
        uint8 (1, height, width, channels).

    Raises:
        BadRequest: no image, a broken or truncated one, one of more than 100 million pixels, of
            a mode that has no 8-bit form, or of another size than a model without resizing takes.
    """
    from PIL import Image, UnidentifiedImageError

    # Our own limit below says what was expected; Pillow's would warn at half of it.
    Image.MAX_IMAGE_PIXELS = None
    height, width, channels = entry["shape"]
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            _check(image, name, entry)
            pixels = np.asarray(plain_picture(image, (height, width), channels), dtype=np.uint8)
    except BadRequest:
        # A ValueError too, which says already what is wrong.
        raise
    except UnidentifiedImageError:
        raise BadRequest(
            f"'{name}' must be an image file, JPEG, PNG, GIF, BMP or WebP. "
            f"Received: {len(content)} bytes that begin with {content[:8].hex(' ') or 'nothing'}."
        ) from None
    except UNSOUND as error:
        raise BadRequest(f"'{name}' must be a sound image file: {str(error)[:200]}.") from None
    return pixels.reshape(1, *pixels.shape[:2], channels)


def plain_picture(image: Any, wanted: tuple[int, int], channels: int) -> Any:
    """What an opened image file shows, decoded no larger than is of use.

    Turned upright as its EXIF says; transparent parts become white; colours become grey, or grey
    becomes colours. A JPEG of at least twice the wanted size is decoded at a half, a quarter or an
    eighth, which leaves it at least as large as wanted; other formats are reduced by a whole
    factor where they have more than 4 million pixels, so that memory stays bounded.

    Args:
        image: as Pillow opened it, not yet decoded.
        wanted: height and width that the picture will be resized to.
        channels: 1 or 3.

    Returns:
        a Pillow image of mode L or RGB.
    """
    from PIL import Image

    mode = "RGB" if channels == 3 else "L"
    # A JPEG without these two has no EXIF; looking for it anyway takes longer than for these.
    silent = image.format == "JPEG" and not image.info.keys() & {"exif", "xmp"}
    held = 1 if silent else image.getexif().get(ORIENTATION, 1)
    height, width = wanted[::-1] if held in (5, 6, 7, 8) else wanted
    image.draft(mode, (width, height))
    image = _reduced(image, max(KEPT_PIXELS, 4 * height * width))
    if held in UPRIGHT:
        image = image.transpose(Image.Transpose[UPRIGHT[held]])
    if "A" in image.getbands() or "transparency" in image.info:
        coloured = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", coloured.size, "white"), coloured)
    # A conversion to the mode that it has would copy it.
    return image if image.mode == mode else image.convert(mode)


def read_file(path: Path, entry: Mapping[str, Any]) -> np.ndarray:
    """The pixels of an image file on the disk, with `-` of standard input; see `read_picture`."""
    if str(path) == STANDARD_INPUT:
        return read_picture(sys.stdin.buffer.read(), "standard input", entry)
    try:
        return read_picture(path.read_bytes(), str(path), entry)
    except (FileNotFoundError, IsADirectoryError):
        raise BadRequest(f"There is no file '{path}'.") from None


def _check(image: Any, name: str, entry: Mapping[str, Any]) -> None:
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
    height, width = entry["shape"][:2]
    if entry.get("fixed_size") and {image.width, image.height} != {width, height}:
        raise BadRequest(
            f"'{name}' must be {height} pixels high and {width} wide. "
            f"Received: {image.height} x {image.width}."
        )


def _reduced(image: Any, kept: int) -> Any:
    """The picture itself, or the means of squares of its pixels where it has more than `kept`."""
    factor = 1
    while image.width * image.height > kept * factor * factor:
        factor += 1
    if factor == 1:
        return image
    if image.mode in ("P", "1", "PA"):
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    return image.reduce(factor)


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
