"""Image files as pixels: JPEG, PNG and the like, of any size, mode and orientation.

Pillow is imported here alone, so that models of tables are served without it.
"""

from __future__ import annotations

import io
import math
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np

from throughline.serving.errors import BadRequest
from throughline.serving.rows.media.conversion import remedy
from throughline.serving.silence import silent

# Larger pictures are refused before they are decoded; some 300 MB would be needed for one.
MOST_PIXELS = 100_000_000
# Larger pictures are made smaller by a whole factor, unless so many pixels are wanted.
KEPT_PIXELS = 4_000_000
EIGHT_BITS = ("L", "RGB", "P", "1", "CMYK", "YCbCr", "LA", "PA", "RGBA")
SIXTEEN_BITS = ("I;16", "I;16B", "I;16L", "I;16N")
KNOWN_MODES = (*EIGHT_BITS, *SIXTEEN_BITS)
# The tag of EXIF that says how a camera was held, and what turns its pictures upright; from 5 on
# height and width change places.
ORIENTATION = 0x0112
UPRIGHT = {
    2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE", 6: "ROTATE_270", 7: "TRANSVERSE", 8: "ROTATE_90",
}  # fmt: skip
# What is read; Pillow knows many more, some of which start other programs.
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "AVIF", "TIFF")
# Of a JPEG file, as libtiff has it; a progressive one has ten or so.
MOST_SCANS = 100
START_OF_SCAN, END_OF_IMAGE = b"\xff\xda", b"\xff\xd9"
# What is no mark: a byte of 255 within a scan, a place to begin again, filling.
MARK = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
# What Pillow raises for files that are not sound, and besides for those made to do harm.
UNSOUND = (
    OSError, SyntaxError, ValueError,
    ArithmeticError, LookupError, AttributeError, TypeError, struct.error, zlib.error,
)  # fmt: skip


@contextmanager
def opened_picture(content: bytes) -> Iterator[Any]:
    """An image file as Pillow opens it, not yet decoded; what its decoders print goes nowhere.

    Raises:
        PIL.UnidentifiedImageError: it is of none of the kinds that are read.
    """
    from PIL import Image

    # Our own limits say what was expected, before anything is decoded; Pillow's would warn at half.
    Image.MAX_IMAGE_PIXELS = None
    with silent(), Image.open(io.BytesIO(content), formats=FORMATS) as image:
        if image.format in ("JPEG", "MPO") and scans(content) > MOST_SCANS:
            raise ValueError(f"more than {MOST_SCANS} scans")
        yield image


def scans(content: bytes) -> int:
    """How often a JPEG file goes over its picture: each time costs as much, for a few bytes.

    Returns:
        the number, or 0 where so few marks of a scan stand in the file that none need be counted.
    """
    found, place = 0, 2
    if content.count(START_OF_SCAN) <= MOST_SCANS:
        return found
    # What lies behind the end, as the film of a moving picture, is none of it.
    while (mark := MARK.search(content, place)) and mark[0] != END_OF_IMAGE:
        found += mark[0] == START_OF_SCAN
        # A segment says its own length; what a scan holds has no marks.
        place = mark.end() + int.from_bytes(content[mark.end() : mark.end() + 2], "big")
    return found


def read_picture(content: bytes, name: str, entry: Mapping[str, Any]) -> np.ndarray:
    """The pixels of an image file as a model takes them: those that training stored of it.

    A model whose metadata name no `fit` was trained on arrays, or is older; it gets the picture as
    it is and resizes it itself where it can.

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
    from PIL import UnidentifiedImageError

    height, width, channels = entry["shape"]
    try:
        with opened_picture(content) as image:
            _check(image, name, entry)
            if "fit" in entry:
                pixels = stored_picture(image, (height, width), channels, entry["fit"])
            else:
                plain = plain_picture(image, (height, width), channels)
                pixels = np.asarray(plain, dtype=np.uint8)
    except BadRequest:
        # A ValueError too, which says already what is wrong.
        raise
    except UnidentifiedImageError:
        raise BadRequest(
            f"'{name}' must be an image file, JPEG, PNG, GIF, BMP, WebP, AVIF or TIFF. "
            f"Received: {len(content)} bytes that begin with {content[:8].hex(' ') or 'nothing'}. "
            + remedy(name, "Name a file that an image viewer opens")
        ) from None
    except UNSOUND as error:
        raise BadRequest(f"'{name}' must be a sound image file: {str(error)[:200]}.") from None
    return pixels.reshape(1, *pixels.shape[:2], channels)


def stored_picture(
    image: Any, size: tuple[int, int], channels: int, fit: Literal["crop", "pad", "stretch"]
) -> np.ndarray:
    """An opened image file as `ingest` stores it and as a served model takes it.

    Args:
        image: as Pillow opened it, not yet decoded.
        size: height and width of the result.
        channels: 1 or 3.
        fit: see `geometry`.

    Returns:
        uint8 (height, width, channels).
    """
    from PIL import Image

    plain = plain_picture(image, size, channels)
    (left, top, right, bottom), (height, width), (above, before) = geometry(
        (plain.height, plain.width), size, fit
    )
    linear = Image.Resampling.BILINEAR
    # One axis after the other: which one Pillow would take first differs between its versions.
    plain = plain.resize((width, plain.height), linear, box=(left, 0, right, plain.height))
    plain = plain.resize((width, height), linear, box=(0, top, width, bottom))
    pixels = np.zeros((*size, channels), np.uint8)
    inner = np.asarray(plain, dtype=np.uint8).reshape(height, width, channels)
    pixels[above : above + height, before : before + width] = inner
    return pixels


def geometry(
    given: tuple[int, int], wanted: tuple[int, int], fit: str
) -> tuple[tuple[float, float, float, float], tuple[int, int], tuple[int, int]]:
    """Which part of a picture is shown where in a frame; the graph of a model computes the same.

    crop: the largest part from the middle that has the frame's proportion, to fractions of a
    pixel. pad: the whole picture, in its proportion to whole pixels, in the middle of black.
    stretch: the whole picture in the whole frame.

    Args:
        given: height and width of the picture.
        wanted: height and width of the frame.
        fit: crop, pad or stretch.

    Returns:
        left, top, right and bottom of the part; height and width that it is shown in; rows above
        and columns before it.
    """
    (height, width), (rows, columns) = given, wanted
    whole = (0.0, 0.0, float(width), float(height))
    if fit == "crop":
        ratio = min(height / rows, width / columns)
        shown = (rows * ratio, columns * ratio)
        top, left = max((height - shown[0]) / 2, 0.0), max((width - shown[1]) / 2, 0.0)
        box = (left, top, min(left + shown[1], whole[2]), min(top + shown[0], whole[3]))
        return box, wanted, (0, 0)
    if fit == "pad":
        ratio = min(rows / height, columns / width)
        inner = tuple(max(1, math.floor(side * ratio + 0.5)) for side in given)
        return whole, (inner[0], inner[1]), ((rows - inner[0]) // 2, (columns - inner[1]) // 2)
    return whole, wanted, (0, 0)


def plain_picture(image: Any, wanted: tuple[int, int], channels: int) -> Any:
    """What an opened image file shows, decoded no larger than is of use.

    Turned upright as its EXIF says; transparent parts become white; colours become grey, or grey
    becomes colours; of 16 bits the upper eight stay. A JPEG of at least twice the wanted size is
    decoded at a half, a quarter or an eighth, which leaves it at least as large as wanted; other
    formats are reduced by a whole factor where they have more than 4 million pixels, so that memory
    stays bounded.

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
    # Pillow turns a TIFF upright itself.
    silent = silent or image.format == "TIFF"
    held = 1 if silent else image.getexif().get(ORIENTATION, 1)
    height, width = wanted[::-1] if held in (5, 6, 7, 8) else wanted
    image.draft(mode, (width, height))
    if image.mode in SIXTEEN_BITS:
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    image = _reduced(image, max(KEPT_PIXELS, 4 * height * width))
    if held in UPRIGHT:
        image = image.transpose(Image.Transpose[UPRIGHT[held]])
    if "A" in image.getbands() or "transparency" in image.info:
        coloured = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", coloured.size, "white"), coloured)
    # A conversion to the mode that it has would copy it.
    return image if image.mode == mode else image.convert(mode)


def _check(image: Any, name: str, entry: Mapping[str, Any]) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise BadRequest(
            f"'{name}' must have at most {MOST_PIXELS:,} pixels. "
            f"Received: {image.width} x {image.height}."
        )
    if image.mode not in KNOWN_MODES:
        raise BadRequest(
            f"'{name}' must have 8 or 16 bits a channel. Received: mode {image.mode}. "
            "Convert it to RGB or greyscale first."
        )
    height, width = entry["shape"][:2]
    fixed = entry.get("fixed_size") and "fit" not in entry
    if fixed and {image.width, image.height} != {width, height}:
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
