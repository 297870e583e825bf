"""Sound files as one row each: the whole waveform, and its facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadData
from throughline.sources.formats import wav
from throughline.sources.formats.arrays import as_frame

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.schema.source import Read


def read(content: bytes, name: str, settings: Read) -> tuple[pd.DataFrame, dict[str, Any]]:
    """One row: `waveform`, `samples`, `rate`, `bits` and `seconds`.

    `waveform` holds the file's own bytes, uint8 (samples, 2, 1): two a sample, the lower one first,
    so that it is stored and served as a picture is.

    Raises:
        BadData: not a PCM wav file of one channel and 16 bits, or truncated.
    """
    rows, facts = wav.read(content, name, settings)
    if (facts["channels"], facts["bits"]) != (1, 16):
        raise BadData(
            f"'{name}' must have one channel of 16 bits",
            f"{facts['channels']} of {facts['bits']} bits",
            "Convert it",
        )
    samples = rows["amplitude"].to_numpy(dtype="<i2")
    columns = {
        "waveform": samples.view(np.uint8).reshape(1, len(samples), 2, 1),
        "samples": np.array([len(samples)]),
        "rate": np.array([facts["rate"]]),
        "bits": np.array([facts["bits"]]),
        "seconds": np.array([len(samples) / facts["rate"]]),
    }
    return as_frame(columns), facts
