"""Sound files as waveforms: wav of any usual kind, to one channel of 16 bits at one rate.

The one reader: what `ingest` stores of a file is what a served model gets of it.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from throughline.serving.errors import BadRequest
from throughline.serving.rows.media.conversion import remedy

# The codes of formats in the chunk `fmt `; the last one says the real one further on.
INTEGERS, FLOATS, EXTENSIBLE = 1, 3, 0xFFFE
KINDS = {
    (INTEGERS, 8): "u1", (INTEGERS, 16): "<i2", (INTEGERS, 24): "u1", (INTEGERS, 32): "<i4",
    (FLOATS, 32): "<f4", (FLOATS, 64): "<f8",
}  # fmt: skip
# A sample of floats that is cut in any sum with others.
FAR = 1e9
# Zero crossings of the sinc on each side that a resampled sample is made of; samples at a time.
CROSSINGS, BLOCK = 16, 4096


def samples(content: bytes, name: str) -> tuple[np.ndarray, dict[str, Any]]:
    """The samples of a sound, and its `rate`, `channels`, `bits` and whether they are `floats`.

    Args:
        content: of the file.
        name: of the file, for messages.

    Returns:
        int64 or float64 of shape (frames, channels).

    Raises:
        BadRequest: not a wav file of 8 to 32 bits or of floats, or truncated.
    """
    parts = _chunks(content, name)
    code, channels, rate, _, block, bits = struct.unpack("<HHIIHH", parts["fmt "][:16])
    if code == EXTENSIBLE and len(parts["fmt "]) >= 26:
        code = struct.unpack("<H", parts["fmt "][24:26])[0]
    kind = KINDS.get((code, bits))
    if kind is None or channels == 0 or rate == 0 or block != channels * bits // 8:
        raise BadRequest(
            f"'{name}' must have samples of 8, 16, 24 or 32 bits, or floats. "
            f"Received: format {code} of {bits} bits. "
            "Convert it: ffmpeg -i FILE.wav -c:a pcm_s16le PCM.wav"
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
        raise BadRequest(f"'{name}' must hold finite samples. Received: NaN or infinity.")
    if floats:
        # They are cut at 1 in the end; sums of such as 1e308 would be infinite.
        values = values.clip(-FAR, FAR)
    return values, {"rate": rate, "channels": channels, "bits": bits, "floats": floats}


def _chunks(content: bytes, name: str) -> dict[str, bytes]:
    """The chunks `fmt ` and `data` of a RIFF file."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise BadRequest(
            f"'{name}' must be a PCM wav file. "
            f"Received: begins with {content[:12].hex(' ')}. "
            + remedy(name, "Convert it: ffmpeg -i FILE FILE.wav")
        )
    found: dict[str, bytes] = {}
    place = 12
    while place + 8 <= len(content) and "data" not in found:
        kind, size = struct.unpack("<4sI", content[place : place + 8])
        part = content[place + 8 : place + 8 + size]
        if len(part) < size:
            raise BadRequest(
                f"'{name}' must hold {size} bytes of '{kind.decode('latin-1').strip()}'. "
                f"Received: {len(part)}. Fetch it again."
            )
        found[kind.decode("latin-1")] = part
        # Chunks begin at even places.
        place += 8 + size + size % 2
    if len(found.get("fmt ", b"")) < 16 or "data" not in found:
        raise BadRequest(
            f"'{name}' must be a PCM wav file with 'fmt' and 'data'. "
            f"Received: {sorted(found)}. Convert it."
        )
    return found


def sixteen_bits(values: np.ndarray, facts: Mapping[str, Any]) -> np.ndarray:
    """One channel of 16 bits, little-endian, of the samples that `samples` gives."""
    return _rounded(_mono(values, facts))


def _mono(values: np.ndarray, facts: Mapping[str, Any]) -> np.ndarray:
    """The mean of all channels, in units of 16 bits."""
    level = float(1 << 15) if facts["floats"] else 2.0 ** (16 - facts["bits"])
    return np.asarray(values.mean(axis=1) * level)


def _rounded(mono: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip(np.round(mono), -(1 << 15), (1 << 15) - 1), dtype="<i2")


def stored_sound(
    content: bytes, name: str, rate: int, length: int
) -> tuple[np.ndarray, dict[str, Any]]:
    """A sound file as `ingest` stores it and as a served model takes it.

    Args:
        content: of the file.
        name: of the file, for messages.
        rate: samples a second of the result.
        length: samples of the result; a longer sound is cut at its end, a shorter one goes on in
            silence.

    Returns:
        uint8 (length, 2, 1), two bytes a sample, the lower one first; and the facts of the file.

    Raises:
        BadRequest: as `samples`, or a file without samples.
    """
    values, facts = samples(content, name)
    if not len(values):
        raise BadRequest(f"'{name}' must hold samples. Received: none.")
    # What is cut away later need not be resampled.
    wanted = -(-length * facts["rate"] // rate) + CROSSINGS * max(1, facts["rate"] // rate + 1)
    mono = resampled(_mono(values[:wanted], facts), facts["rate"], rate)[:length]
    waveform = np.zeros(length, dtype="<i2")
    waveform[: len(mono)] = _rounded(mono)
    seconds = len(values) / facts["rate"]
    return waveform.view(np.uint8).reshape(length, 2, 1), {**facts, "seconds": seconds}


def resampled(mono: np.ndarray, given: int, wanted: int) -> np.ndarray:
    """A sound at another rate, by a windowed sinc that lets nothing above half of it through.

    J. O. Smith, Digital Audio Resampling, 1984.

    Args:
        mono: one channel, (samples,).
        given: its rate.
        wanted: the rate of the result.
    """
    if given == wanted:
        return mono
    width = min(1.0, wanted / given)
    reach = int(np.ceil(CROSSINGS / width))
    padded = np.pad(mono, (reach, reach + 1))
    count = max(1, len(mono) * wanted // given)
    result = np.empty(count)
    around = np.arange(-reach + 1, reach + 1)
    for first in range(0, count, BLOCK):
        # Whole steps and the rest apart, so that no place loses digits.
        steps = np.arange(first, min(first + BLOCK, count)) * given
        whole, rest = steps // wanted, (steps % wanted) / wanted
        apart = rest[:, None] - around
        window = np.where(np.abs(apart) < reach, 0.5 + 0.5 * np.cos(np.pi * apart / reach), 0.0)
        weights = width * np.sinc(width * apart) * window
        near = padded[whole[:, None] + around + reach]
        result[first : first + len(steps)] = (near * weights).sum(axis=1)
    return result


def sound_input(inputs: Mapping[str, Mapping[str, Any]]) -> tuple[str, Mapping[str, Any]]:
    """The one input of a model that takes sounds alone.

    Raises:
        BadRequest: the model takes something else, or several inputs.
    """
    names = [name for name, entry in inputs.items() if entry.get("rate")]
    if len(names) != 1 or len(inputs) != 1:
        raise BadRequest(
            "--sound needs a model whose only input is a sound. Received one with "
            f"{', '.join(inputs)}."
        )
    return names[0], inputs[names[0]]
