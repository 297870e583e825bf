"""A PNG of a coloured grid, small enough to stand inside the page."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np

# A stored block of deflate holds at most so many bytes.
BLOCK = 65535


def data_address(colours: np.ndarray) -> str:
    """A picture as a `data:` address.

    The pixels are stored without compression, because the bytes of a compressor differ from one
    version to the next.

    Args:
        colours: uint8 (rows, columns, 3), the upper row first.
    """
    height, width, _ = colours.shape
    lines = b"".join(b"\x00" + line.tobytes() for line in np.ascontiguousarray(colours))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header)
    png += _chunk(b"IDAT", _stored(lines)) + _chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _stored(content: bytes) -> bytes:
    """The zlib format with stored blocks alone (RFC 1950, RFC 1951 section 3.2.4)."""
    starts = range(0, len(content), BLOCK)
    blocks = []
    for start in starts:
        part = content[start : start + BLOCK]
        last = start + BLOCK >= len(content)
        blocks.append(struct.pack("<BHH", last, len(part), len(part) ^ 0xFFFF) + part)
    return b"\x78\x01" + b"".join(blocks) + struct.pack(">I", zlib.adler32(content))


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)
