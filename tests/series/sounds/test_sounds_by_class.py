"""Sounds by class folder: from wav files of every kind to the answer of `predict` on wav files."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.repositories import PARAMETERS
from tests.series.sounds.test_sound import KINDS, riff
from throughline.cli import main
from throughline.figures.rounding import PROBABILITY_DIGITS, to_digits
from throughline.paths import Workspace
from throughline.pipeline.loading import load
from throughline.profile.profile import profile
from throughline.serving.errors import BadRequest
from throughline.serving.rows.media.sound import resampled, stored_sound
from throughline.stages.declared import stages_of
from throughline.stages.run import run_stage

EACH = 40
PITCHES = {"low": 500.0, "high": 1500.0}


def tone(pitch: float, rate: int, seconds: float, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    times = np.arange(round(rate * seconds)) / rate
    wave = np.sin(2 * np.pi * (pitch * generator.uniform(0.8, 1.2)) * times)
    return np.asarray(0.4 * wave + generator.normal(0, 0.02, len(times)))


def recorded(number: int, pitch: float) -> bytes:
    """A tone in one of the ways in which recordings come."""
    kind = list(KINDS)[number % len(KINDS)]
    rate = (8000, 8000, 11025, 44100)[number % 4]
    sound = tone(pitch, rate, 0.3 + 0.02 * (number % 10), number)
    return riff(sound, kind, 1 + number % 2, rate)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The draft of a folder of recordings after all stages."""
    root = tmp_path_factory.mktemp("sounds")
    for name, pitch in PITCHES.items():
        folder = root / "recordings" / name
        folder.mkdir(parents=True)
        for number in range(EACH):
            (folder / f"{number:02}.wav").write_bytes(recorded(number, pitch))
    (root / "recordings" / "low" / "broken.wav").write_bytes(b"RIFF and no more")
    workspace = Workspace(root, "pitch")
    workspace.parameters_file.write_text(PARAMETERS)
    profile(root / "recordings", "pitch", None, workspace)
    for stage in [each.name for each in stages_of({})]:
        run_stage(stage, "pitch", root)
    return workspace


class TestAFolderOfSounds:
    def test_is_drafted_by_spectrogram(self, built: Workspace) -> None:
        main = load(built).main
        assert main.task == "binary"
        assert main.source.images is not None and main.source.images.sound is not None
        assert main.source.images.sound.rate == 8000
        (column,) = main.columns.values()
        assert column.image is not None and column.image.filters[0].spectrogram is not None

    def test_is_answered_from_its_files_as_the_report_says(self, built: Workspace) -> None:
        said = pd.read_csv(built.evaluation / "predictions.csv")
        rows = pd.read_parquet(built.test_data / "main" / "rows.parquet")
        files = [str(built.root / "recordings" / file) for file in rows["file"]]
        output = built.root / "answers.csv"
        given = ["predict", str(built.model), "--sound", *files, "--output", str(output)]
        assert main(given) == 0
        answers = pd.read_csv(output).set_index("file").loc[files]
        assert answers["label"].tolist() == said["predicted"].tolist()
        found = to_digits(answers["probability[low]"].to_numpy(), PROBABILITY_DIGITS)
        # One file at a time or many: of a sure answer's rest, the last bits of 1 are left.
        np.testing.assert_allclose(found, said["probability"], rtol=0, atol=2**-22)
        assert (said["actual"] == said["predicted"]).mean() > 0.9

    def test_refuses_what_is_no_sound(
        self, built: Workspace, capsys: pytest.CaptureFixture[str]
    ) -> None:
        broken = built.root / "recordings" / "low" / "broken.wav"
        assert main(["predict", str(built.model), "--sound", str(broken)]) == 2
        assert "must be a PCM wav file" in capsys.readouterr().err


class TestOneReader:
    @settings(max_examples=40, deadline=None)
    @given(
        st.sampled_from(list(KINDS)),
        st.sampled_from([4000, 8000, 11025, 22050, 48000]),
        st.integers(1, 2),
        st.integers(1, 3000),
    )
    def test_gives_any_sound_one_rate_and_length(
        self, kind: str, rate: int, channels: int, length: int
    ) -> None:
        sound = tone(500, rate, 0.25, 0)
        waveform, facts = stored_sound(riff(sound, kind, channels, rate), "a.wav", 8000, length)
        assert (waveform.shape, waveform.dtype) == ((length, 2, 1), np.uint8)
        assert facts["seconds"] == len(sound) / rate
        heard = waveform.reshape(-1, 2).view("<i2")[:, 0] / 2**15
        # Silence after the end, and the tone before it, whatever wrote it down.
        assert (heard[2000:] == 0).all()
        expected = resampled(sound, rate, 8000)[:length]
        assert np.abs(heard[: len(expected)] - expected[:length]).max() < 0.02

    @pytest.mark.parametrize("wanted", [8000, 16000, 44100])
    def test_hears_a_tone_at_every_rate(self, wanted: int) -> None:
        given, pitch = 22050, 1500
        found = resampled(np.sin(2 * np.pi * pitch * np.arange(given) / given), given, wanted)
        expected = np.sin(2 * np.pi * pitch * np.arange(len(found)) / wanted)
        assert np.abs(found - expected)[200:-200].max() < 1e-3

    def test_lets_nothing_through_that_a_lower_rate_cannot_hold(self) -> None:
        high = np.sin(2 * np.pi * 6000 * np.arange(22050) / 22050)
        assert np.abs(resampled(high, 22050, 8000))[200:-200].max() < 1e-3

    def test_refuses_a_file_without_samples(self) -> None:
        with pytest.raises(BadRequest, match="must hold samples"):
            stored_sound(riff(np.zeros(0), "16", 1, 8000), "a.wav", 8000, 10)
