"""Sound files as one row each: the whole waveform, and its facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.serving.rows.media.sound import sixteen_bits
from throughline.sources.formats import wav
from throughline.sources.formats.arrays import as_frame

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.schema.source import Read

FORMATS = {"sound": {"suffixes": ()}}


def read(content: bytes, name: str, settings: Read) -> tuple[pd.DataFrame, dict[str, Any]]:
    """One row: `waveform`, `samples`, `rate`, `bits` and `seconds`.

    `waveform` holds one channel of 16 bits, uint8 (samples, 2, 1): two bytes a sample, the lower
    one first, so that it is stored and served as a picture is. Of several channels it is the mean;
    other numbers of bits are brought to 16, and floats from -1 to 1 to the same range.

    Raises:
        BadData: not a wav file of 8 to 32 bits or of floats, or truncated.
    """
    values, facts = wav.samples(content, name)
    mono = sixteen_bits(values, facts)
    columns = {
        "waveform": mono.view(np.uint8).reshape(1, len(mono), 2, 1),
        "samples": np.array([len(mono)]),
        "rate": np.array([facts["rate"]]),
        "bits": np.array([facts["bits"]]),
        "seconds": np.array([len(mono) / facts["rate"]]),
    }
    return as_frame(columns), facts
