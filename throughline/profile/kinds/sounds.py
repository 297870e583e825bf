"""Folders and archives of wav files as a draft of a classifier of spectrograms."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

COLUMN = "waveform"
# Speech needs no more; sounds of other rates are brought to the rate that most files have.
MOST_RATE, MOST_SECONDS = 16_000, 10.0
# Nine of ten files are heard to their end.
SHARE = 0.9
# A frame of a spectrogram takes so many seconds, about as long as a vowel stays the same.
FRAME = 0.032
FEWEST_SAMPLES = 16


def storing(path: Path) -> dict[str, Any] | None:
    """Section `source.images` of a draft: at which rate and how long wav files are stored.

    Returns:
        None where there are none.
    """
    from throughline.serving.errors import BadRequest
    from throughline.serving.rows.media.sound import samples
    from throughline.sources.tree import SOUNDS, files_below

    rates, seconds = [], []
    for name, content in files_below(path):
        if not name.lower().endswith(SOUNDS):
            continue
        try:
            values, facts = samples(content, name)
        except BadRequest:
            continue
        rates.append(facts["rate"])
        seconds.append(len(values) / facts["rate"])
    if not rates:
        return None
    known, counts = np.unique(rates, return_counts=True)
    longest = min(MOST_SECONDS, float(np.quantile(seconds, SHARE)))
    sound = {
        "rate": min(MOST_RATE, int(known[counts.argmax()])),
        "seconds": max(0.01, math.ceil(100 * longest) / 100),
    }
    return {"column": COLUMN, "sound": sound}


def column(sound: Mapping[str, Any]) -> dict[str, Any]:
    """How a waveform becomes a picture of frequencies and frames.

    Args:
        sound: section `source.images.sound`.
    """
    length = max(FEWEST_SAMPLES, round(sound["rate"] * sound["seconds"]))
    frame = 2 ** round(math.log2(max(FEWEST_SAMPLES, sound["rate"] * FRAME)))
    frame = min(frame, 2 ** int(math.log2(length)))
    spectrogram = {"rate": sound["rate"], "frame": frame, "hop": frame // 2, "decibels": True}
    return {"image": {"filters": [{"spectrogram": spectrogram}]}}


def network() -> list[Any]:
    """Convolutions over decibels, whose middle and spread the first layer learns."""
    # A draft takes some hundred steps; the usual momentum would still remember where it began.
    layers: list[Any] = [{"BatchNormalization": {"momentum": 0.9}}]
    for filters in (16, 32):
        conv = {"filters": filters, "kernel_size": 3, "padding": "same", "activation": "relu"}
        layers += [{"Conv2D": conv}, {"MaxPooling2D": {"pool_size": 2, "padding": "same"}}]
    return [
        *layers,
        # The mean over time, of each frequency: a pitch is where it lies.
        {"Permute": {"dims": [2, 1, 3]}},
        {"TimeDistributed": {"layer": {"Flatten": {}}}},
        {"GlobalAveragePooling1D": {}},
        {"Dense": {"units": 32, "activation": "relu"}},
    ]
