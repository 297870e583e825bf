"""Sound files: RIFF WAVE of whole numbers or floats, with any number of channels."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadData

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.schema.source import Read

# The codes of formats in the chunk `fmt `; the last one says the real one further on.
INTEGERS, FLOATS, EXTENSIBLE = 1, 3, 0xFFFE
KINDS = {
    (INTEGERS, 8): "u1", (INTEGERS, 16): "<i2", (INTEGERS, 24): "u1", (INTEGERS, 32): "<i4",
    (FLOATS, 32): "<f4", (FLOATS, 64): "<f8",
}  # fmt: skip


def read(content: bytes, name: str, settings: Read) -> tuple[pd.DataFrame, dict[str, Any]]:
    """One row a sample: `time` in seconds and `amplitude`, or `amplitude_1`, `amplitude_2`, ...

    Amplitudes are the numbers of the file; those of 8 bits lie around 0, as all others do.

    Raises:
        BadData: not a wav file of 8 to 32 bits or of floats, or truncated.
    """
    import pandas as pd

    values, facts = samples(content, name)
    columns = {"time": np.arange(len(values)) / facts["rate"]}
    for channel in range(facts["channels"]):
        key = "amplitude" if facts["channels"] == 1 else f"amplitude_{channel + 1}"
        columns[key] = values[:, channel]
    return pd.DataFrame(columns), facts


def samples(content: bytes, name: str) -> tuple[np.ndarray, dict[str, Any]]:
    """The samples of a sound, and its `rate`, `channels`, `bits` and whether they are `floats`.

    Args:
        content: of the file.
        name: of the file, for messages.

    Returns:
        int64 or float64 of shape (frames, channels).

    Raises:
        BadData: as `read`.
    """
    parts = _chunks(content, name)
    code, channels, rate, _, block, bits = struct.unpack("<HHIIHH", parts["fmt "][:16])
    if code == EXTENSIBLE and len(parts["fmt "]) >= 26:
        code = struct.unpack("<H", parts["fmt "][24:26])[0]
    kind = KINDS.get((code, bits))
    if kind is None or channels == 0 or block != channels * bits // 8:
        raise BadData(
            f"'{name}' must have samples of 8, 16, 24 or 32 bits, or floats",
            f"format {code} of {bits} bits",
            "Convert it to PCM",
        )
    data = parts["data"]
    numbers = np.frombuffer(data[: len(data) // block * block], kind)
    if bits == 24:
        wide = numbers.reshape(-1, 3).astype(np.int64) @ np.array([1, 1 << 8, 1 << 16])
        numbers = np.where(wide >= 1 << 23, wide - (1 << 24), wide)
    elif bits == 8:
        numbers = numbers.astype(np.int64) - 128
    floats = code == FLOATS
    values = numbers.astype(np.float64 if floats else np.int64).reshape(-1, channels)
    if not np.isfinite(values).all():
        raise BadData(f"'{name}' must hold finite samples", "NaN or infinity")
    return values, {"rate": rate, "channels": channels, "bits": bits, "floats": floats}


def _chunks(content: bytes, name: str) -> dict[str, bytes]:
    """The chunks `fmt ` and `data` of a RIFF file."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise BadData(
            f"'{name}' must be a PCM wav file",
            f"begins with {content[:12].hex(' ')}",
            "Convert it",
        )
    found: dict[str, bytes] = {}
    place = 12
    while place + 8 <= len(content) and "data" not in found:
        kind, size = struct.unpack("<4sI", content[place : place + 8])
        part = content[place + 8 : place + 8 + size]
        if len(part) < size:
            raise BadData(
                f"'{name}' must hold {size} bytes of '{kind.decode('latin-1').strip()}'",
                len(part),
                "Fetch it again",
            )
        found[kind.decode("latin-1")] = part
        # Chunks begin at even places.
        place += 8 + size + size % 2
    if len(found.get("fmt ", b"")) < 16 or "data" not in found:
        raise BadData(
            f"'{name}' must be a PCM wav file with 'fmt' and 'data'", sorted(found), "Convert it"
        )
    return found
