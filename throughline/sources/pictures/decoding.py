"""Image files, decoded side by side to pictures of one size.

Processes do it: threads wait for Python's lock between the short steps of Pillow, and two of them
need as long as one.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from throughline.errors import ThroughlineError
from throughline.limits import current
from throughline.processes import begin
from throughline.sources.tree import IMAGES, SOUNDS

if TYPE_CHECKING:
    from throughline.pipeline.schema.pictures.image import Images

# What is decoded at a time: so many files, or a few of together so many bytes.
BLOCK_FILES, BLOCK_BYTES = 32, 8 << 20
# Each holds blocks in memory.
MOST_PROCESSES = 8
FORMATS = {
    ".jpg": ("JPEG", "MPO"), ".jpeg": ("JPEG", "MPO"), ".jfif": ("JPEG",), ".png": ("PNG",),
    ".gif": ("GIF",), ".bmp": ("BMP",), ".webp": ("WEBP",), ".avif": ("AVIF",),
    ".tif": ("TIFF",), ".tiff": ("TIFF",),
}  # fmt: skip
# Darkest, brightest and mean value of a picture, over which rules can be stated.
PROFILE = ("min", "max", "mean")
# Modes of files that lose nothing, for each number of channels.
OPAQUE = {1: ("L", "1"), 3: ("RGB", "L", "P", "1")}


class Decoded(NamedTuple):
    """One file: its facts, what is wrong with it, and its pixels where it has any.

    Its own bytes stand beside them where `all_decoded` gives it.
    """

    file: str
    facts: dict[str, Any]
    problem: str
    detail: str
    pixels: np.ndarray | None
    content: bytes = b""


class DeadDecoder(ThroughlineError, ChildProcessError):
    """A process that decoded pictures ended before its time."""


def all_decoded(files: Iterator[tuple[str, bytes]], images: Images) -> Iterator[Decoded]:
    """Every image file in the order given; while processes decode, the next files are read.

    Raises:
        DeadDecoder: a process was killed.
    """
    blocks = _blocks(files, IMAGES if images.sound is None else SOUNDS)
    first = list(islice(blocks, 2))
    if len(first) < 2:
        # A process would take longer to begin.
        for block in first:
            yield from _with_contents(_block_decoded(block, images), block)
        return
    count = min(os.cpu_count() or 1, MOST_PROCESSES)
    running: deque[tuple[Future[list[Decoded]], list[tuple[str, bytes]]]] = deque()

    def ended() -> Iterator[Decoded]:
        future, block = running.popleft()
        return _with_contents(future.result(), block)

    with _pool(count) as pool:
        try:
            for block in chain(first, blocks):
                running.append((pool.submit(_block_decoded, block, images), block))
                if len(running) > 2 * count:
                    yield from ended()
            while running:
                yield from ended()
        except BrokenProcessPool:
            raise DeadDecoder(
                "Every process should decode its share of the files to the end",
                f"one of {count} was killed",
                "It may lack memory; nothing was written, run the stage again",
            ) from None


def _pool(count: int) -> Executor:
    """Processes that begin at once; elsewhere than on Linux a fork is not safe."""
    if sys.platform != "linux":
        return ThreadPoolExecutor(count)
    return ProcessPoolExecutor(count, get_context("fork"), initializer=begin)


def _block_decoded(block: list[tuple[str, bytes]], images: Images) -> list[Decoded]:
    read = decoded if images.sound is None else heard
    return [read(file, content, images) for file, content in block]


def _with_contents(found: list[Decoded], block: list[tuple[str, bytes]]) -> Iterator[Decoded]:
    """What was decoded, with the bytes of each file, which no process need send back."""
    for each, (_, content) in zip(found, block, strict=True):
        yield each._replace(content=content)


def _blocks(
    files: Iterator[tuple[str, bytes]], endings: tuple[str, ...]
) -> Iterator[list[tuple[str, bytes]]]:
    block: list[tuple[str, bytes]] = []
    size = 0
    for file, content in files:
        if not file.lower().endswith(endings):
            continue
        block.append((file, content))
        size += len(content)
        if len(block) == BLOCK_FILES or size >= BLOCK_BYTES:
            yield block
            block, size = [], 0
    if block:
        yield block


def decoded(file: str, content: bytes, images: Images) -> Decoded:
    """One image file, in the size and the channels that all are stored in."""
    from PIL import UnidentifiedImageError

    from throughline.serving.rows.media.image_files import (
        KNOWN_MODES,
        UNSOUND,
        opened_picture,
        stored_picture,
    )

    assert images.size is not None
    most = current().pixels
    try:
        with opened_picture(content) as image:
            if image.width * image.height > most:
                detail = f"{image.width} x {image.height}, more than limits.pixels: {most}"
                return Decoded(file, {}, "broken", detail, None)
            if image.mode not in KNOWN_MODES:
                detail = f"mode {image.mode} has neither 8 nor 16 bits a channel"
                return Decoded(file, {}, "broken", detail, None)
            facts = {
                "height": image.height,
                "width": image.width,
                "mode": image.mode,
                "format": image.format,
            }
            transparent = "A" in image.getbands() or "transparency" in image.info
            # The code of serving, so that a file served is the picture that was learned.
            pixels = stored_picture(image, images.size, images.channels, images.fit)
    except UnidentifiedImageError:
        return Decoded(file, {}, "broken", f"begins with {content[:8].hex(' ')}", None)
    except UNSOUND as error:
        problem = "truncated" if "truncated" in str(error).lower() else "broken"
        return Decoded(file, {}, problem, str(error)[:200], None)
    mean = pixels.sum(dtype=np.uint64) / pixels.size
    facts |= zip(
        PROFILE, (int(pixels.min()), int(pixels.max()), float(np.round(mean, 3))), strict=True
    )
    facts["sha256"] = hashlib.sha256(pixels.data).hexdigest()
    if facts["format"] not in FORMATS["." + file.lower().rpartition(".")[2]]:
        return Decoded(file, facts, "mislabelled", f"it is {facts['format']}", pixels)
    if transparent or facts["mode"] not in OPAQUE[images.channels]:
        return Decoded(file, facts, "mode", str(facts["mode"]), pixels)
    return Decoded(file, facts, "", "", pixels)


def heard(file: str, content: bytes, images: Images) -> Decoded:
    """One wav file, at the rate and of the length that all are stored in."""
    from throughline.serving.errors import BadRequest
    from throughline.serving.rows.media.sound import stored_sound

    assert images.sound is not None
    try:
        waveform, facts = stored_sound(content, file, images.sound.rate, images.sound.shape[0])
    except BadRequest as error:
        return Decoded(file, {}, "broken", str(error)[:200], None)
    levels = np.abs(waveform.reshape(-1, 2).view("<i2").astype(np.int64))
    facts["peak"] = round(float(levels.max()) / (1 << 15), 4)
    facts["sha256"] = hashlib.sha256(waveform.data).hexdigest()
    return Decoded(file, facts, "", "", waveform)
