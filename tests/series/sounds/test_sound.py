"""Sound: the waveform of a file, and its spectrogram as a graph."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from throughline.errors import BadData, BadPipeline
from throughline.paths import Workspace, read_json
from throughline.pipeline.loading import load
from throughline.pipeline.schema.columns import Column
from throughline.pipeline.schema.source import Read
from throughline.preprocessing.columns.spectrogram import frames, spectrogram
from throughline.preprocessing.fit import Preprocessing, fit
from throughline.preprocessing.graph.runtime import session_of
from throughline.preprocessing.plan import plan
from throughline.sources.formats import sound as whole
from throughline.sources.formats import wav
from throughline.stages.declared import stages_of
from throughline.stages.run import run_stage
from throughline.stages.wire import wire

ROOT = Path(__file__).parents[3]
FILE = Path(os.environ.get("THROUGHLINE_MIRROR", "/nowhere")) / "ztdl_video" / "sms.wav"


@pytest.fixture(scope="module")
def sound() -> tuple[np.ndarray, int]:
    if not FILE.is_file():
        pytest.skip("sms.wav is in the mirror only")
    rows, facts = wav.read(FILE.read_bytes(), FILE.name, Read())
    return rows["amplitude"].to_numpy(dtype=np.float32), facts["rate"]


# Code of the format, bits, and what one of amplitude 1 is.
KINDS = {
    "8": (1, 8), "16": (1, 16), "24": (1, 24), "32": (1, 32), "float": (3, 32), "double": (3, 64),
    "extensible": (0xFFFE, 24),
}  # fmt: skip


def riff(tone: np.ndarray, kind: str, channels: int, rate: int = 8000) -> bytes:
    """A wav file with the tone in each channel, and a chunk of another kind before the samples."""
    code, bits = KINDS[kind]
    both = np.repeat(tone[:, None], channels, axis=1).ravel()
    if code == 3:
        data = both.astype(f"<f{bits // 8}").tobytes()
    else:
        numbers = np.round(both * (2 ** (bits - 1) - 1)).astype(np.int64)
        wide = (numbers + 128 if bits == 8 else numbers).astype("<i8").view(np.uint8)
        data = wide.reshape(-1, 8)[:, : bits // 8].tobytes()
    block = channels * bits // 8
    head = struct.pack("<HHIIHH", code, channels, rate, rate * block, block, bits)
    if code == 0xFFFE:
        head += struct.pack("<HHIH", 22, bits, 0, 1) + bytes(14)
    chunks = [(b"fmt ", head), (b"LIST", b"abc"), (b"data", data)]
    body = b"".join(k + struct.pack("<I", len(c)) + c + b"\0" * (len(c) % 2) for k, c in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


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


def fitted(waveform: np.ndarray, **step: Any) -> Preprocessing:
    rows = pd.DataFrame({"waveform": pd.Series([waveform], dtype=object)})
    column = Column.model_validate({"image": {"filters": [{"spectrogram": step}]}})
    return fit(rows, plan(rows, {"waveform": column}, None, []))


def as_bytes(amplitude: np.ndarray) -> np.ndarray:
    return amplitude.astype("<i2").view(np.uint8).reshape(-1, 2, 1)


class TestASoundAsOneRow:
    def test_has_its_bytes_and_its_facts(self, sound: tuple[np.ndarray, int]) -> None:
        rows, _ = whole.read(FILE.read_bytes(), FILE.name, Read())
        (row,) = rows.to_dict("records")
        amplitude, _ = sound
        np.testing.assert_array_equal(row.pop("waveform").reshape(-1, 2, 1), as_bytes(amplitude))
        assert row == {"samples": 110250, "rate": 44100, "bits": 16, "seconds": 2.5}
        assert rows.attrs["shapes"] == {"waveform": [110250, 2, 1]}

    @pytest.mark.parametrize("kind", list(KINDS))
    @pytest.mark.parametrize("channels", [1, 2])
    def test_of_any_kind_is_the_same_sound(self, kind: str, channels: int) -> None:
        """A tone with silence before it, in every usual way to write it down."""
        tone = np.concatenate([np.zeros(50), 0.5 * np.sin(np.arange(200) / 5)])
        content = riff(tone, kind, channels)
        rows, facts = wav.read(content, "tone.wav", Read())
        assert facts["channels"] == channels
        first = rows["amplitude" if channels == 1 else "amplitude_1"].to_numpy()
        assert (first[:50] == 0).all()
        full = 1.0 if facts["floats"] else 2.0 ** (facts["bits"] - 1)
        assert np.abs(first / full - tone).max() <= (1e-7 if facts["floats"] else 1 / (full - 1))
        row = whole.read(content, "tone.wav", Read())[0].iloc[0]
        heard = np.asarray(row["waveform"], dtype=np.uint8).view("<i2") / 2**15
        assert np.abs(heard - tone).max() <= (0.01 if facts["bits"] == 8 else 1e-4)

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"ID3 and so on", "must be a PCM wav file"),
            (b"RIFF\0\0\0\0WAVEdata\0\0\0\0", "'fmt' and 'data'"),
            (b"RIFF\0\0\0\0WAVEfmt " + struct.pack("<IHHIIHH", 16, 6, 1, 8000, 8000, 1, 8)
             + b"data\0\0\0\0", "format 6 of 8 bits"),
        ],
    )  # fmt: skip
    def test_of_another_kind_is_refused(self, content: bytes, said: str) -> None:
        with pytest.raises(BadData, match=said):
            wav.read(content, "other.wav", Read())


class TestTheSpectrogramAsAFilter:
    def test_of_bytes_is_that_of_the_numbers(self) -> None:
        """All 16 bits count, and the sign."""
        amplitude = np.random.default_rng(0).integers(-(2**15), 2**15, (3, 700))
        amplitude[:, :4] = [-(2**15), -1, 255, 2**15 - 1]
        step = {"rate": 8000, "frame": 64, "hop": 48}
        pixels = np.stack([as_bytes(each) for each in amplitude])
        (found,) = session_of(fitted(pixels[0], **step).graph).run(None, {"waveform": pixels})
        waveform = amplitude.astype(np.float32)
        (power,) = session_of(spectrogram(8000, 64, 48)).run(None, {"waveform": waveform})
        assert found.shape == (3, 33, frames(700, 64, 48), 1)
        np.testing.assert_allclose(found[..., 0], power, rtol=1e-5, atol=1e-5 * power.max())

    def test_is_refused_of_a_picture_and_of_a_sound_shorter_than_a_frame(self) -> None:
        step = {"rate": 8000, "frame": 64, "hop": 48}
        for shape in ((100, 100, 1), (63, 2, 1)):
            with pytest.raises(BadPipeline, match="sound of 16 bits"):
                fitted(np.zeros(shape, np.uint8), **step)

    @pytest.mark.parametrize(
        "image",
        [
            {"filters": [{"pool": {"size": 2}}, {"spectrogram": {}}]},
            {"filters": [{"spectrogram": {}}], "scale": {"divide": 255}},
            {"filters": [{"spectrogram": {}, "pool": {"size": 2}}]},
        ],
    )
    def test_stands_first_and_alone(self, image: dict[str, Any]) -> None:
        for step in image["filters"]:
            if "spectrogram" in step:
                step["spectrogram"] = {"rate": 8000, "frame": 64, "hop": 48}
        with pytest.raises(ValidationError, match=r"first|no meaning|one of"):
            Column.model_validate({"image": image})


class TestThePipeline:
    def test_goes_from_the_file_to_a_report_with_its_facts_checked(
        self, sound: tuple[np.ndarray, int], tmp_path: Path
    ) -> None:
        own = Workspace(tmp_path, "sound")
        own.pipeline_file.parent.mkdir(parents=True)
        for name in ("pipelines/sound/pipeline.yaml", "params.yaml"):
            (tmp_path / name).write_bytes((ROOT / "textbooks" / name).read_bytes())
        wire(tmp_path, ["sound"])
        for stage in [each.name for each in stages_of({})]:
            run_stage(stage, "sound", tmp_path)
        claims = read_json(own.evaluation / "report.json")["claims"]
        assert len(claims) == len(load(own).main.claims) == 2
        assert {claim["verdict"] for claim in claims} == {"shown equal"}
        assert model_input(own).shape == ["N", 110250, 2, 1]


def model_input(workspace: Workspace) -> Any:
    import onnxruntime

    (waveform,) = onnxruntime.InferenceSession(workspace.model).get_inputs()
    return waveform
