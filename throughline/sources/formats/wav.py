"""Sound files."""

from __future__ import annotations

import io
import wave
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadData

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.schema.source import Read


def read(content: bytes, name: str, settings: Read) -> tuple[pd.DataFrame, dict[str, Any]]:
    """One row a sample: `time` in seconds and `amplitude`, or `amplitude_1`, `amplitude_2`, ...

    Amplitudes are the integers of the file, of 8, 16 or 32 bits.

    Raises:
        BadData: not a PCM wav file, or truncated.
    """
    import pandas as pd

    try:
        with wave.open(io.BytesIO(content)) as sound:
            width, channels = sound.getsampwidth(), sound.getnchannels()
            rate, frames = sound.getframerate(), sound.getnframes()
            samples = sound.readframes(frames)
    except (wave.Error, EOFError) as error:
        raise BadData(f"'{name}' must be a PCM wav file", str(error), "Convert it") from None
    if len(samples) != frames * channels * width:
        raise BadData(
            f"'{name}' must hold {frames} samples",
            len(samples) // (channels * width),
            "Fetch it again",
        )
    if width not in (1, 2, 4):
        raise BadData(f"'{name}' must have samples of 8, 16 or 32 bits", f"{8 * width} bits")
    kind = {1: "u1", 2: "<i2", 4: "<i4"}[width]
    values = np.frombuffer(samples, kind).reshape(frames, channels).astype(np.int64)
    columns = {"time": np.arange(frames) / rate}
    for channel in range(channels):
        key = "amplitude" if channels == 1 else f"amplitude_{channel + 1}"
        columns[key] = values[:, channel]
    return pd.DataFrame(columns), {"rate": rate, "channels": channels, "bits": 8 * width}
