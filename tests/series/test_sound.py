"""Sound: the waveform of a file, and its spectrogram as a graph."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tasks.config.source import Read
from tasks.preprocessing.runtime import session_of
from tasks.series.spectrogram import frames, spectrogram
from tasks.sources.formats import wav

FILE = Path(os.environ.get("THROUGHLINE_MIRROR", "/nowhere")) / "ztdl_video" / "sms.wav"


@pytest.fixture(scope="module")
def sound() -> tuple[np.ndarray, int]:
    if not FILE.is_file():
        pytest.skip("sms.wav is in the mirror only")
    rows, facts = wav.read(FILE.read_bytes(), FILE.name, Read())
    return rows["amplitude"].to_numpy(dtype=np.float32), facts["rate"]


class TestTheWaveform:
    def test_has_the_texts_rate_length_and_samples(self, sound: tuple[np.ndarray, int]) -> None:
        amplitude, rate = sound
        assert rate == 44100
        assert amplitude.shape == (110250,)
        assert amplitude[:3].tolist() == [70, 14, 27]
        assert amplitude[-3:].tolist() == [58, 68, 59]


class TestTheSpectrogram:
    def test_is_that_of_scipy(self, sound: tuple[np.ndarray, int]) -> None:
        from scipy import signal

        amplitude, rate = sound
        session = session_of(spectrogram(rate, 1024, 1024 - 128))
        (found,) = session.run(None, {"waveform": amplitude[None]})
        frequencies, _, expected = signal.spectrogram(
            amplitude.astype(np.float64), rate, "hann", 1024, 128, detrend=False
        )
        assert found.shape == (1, 513, 122) == (1, 513, frames(110250, 1024, 896))
        assert frequencies[-1] == rate / 2
        assert np.abs(found[0] - expected).max() <= 1e-5 * expected.max()

    def test_of_several_sounds_is_that_of_each(self, sound: tuple[np.ndarray, int]) -> None:
        amplitude, rate = sound
        session = session_of(spectrogram(rate, 256, 128, decibels=True))
        pair = np.stack([amplitude[:4096], amplitude[4096:8192]])
        (both,) = session.run(None, {"waveform": pair})
        alone = [session.run(None, {"waveform": one[None]})[0][0] for one in pair]
        assert np.allclose(both, alone, atol=1e-3)

    def test_of_a_tone_has_its_peak_at_its_pitch(self) -> None:
        tone = np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000).astype(np.float32)
        (found,) = session_of(spectrogram(8000, 400, 200)).run(None, {"waveform": tone[None]})
        assert (found[0].argmax(axis=0) * 8000 / 400 == 1000).all()
