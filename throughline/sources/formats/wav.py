"""Sound files: RIFF WAVE of whole numbers or floats, with any number of channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import BadData
from throughline.serving.errors import BadRequest
from throughline.serving.rows.media import sound

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.schema.source import Read

FORMATS = {"wav": {"suffixes": (".wav",)}}


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
    """The samples of a sound and its facts, see `serving.rows.sound.samples`.

    Raises:
        BadData: as `read`.
    """
    try:
        return sound.samples(content, name)
    except BadRequest as error:
        raise BadData(str(error)) from None
