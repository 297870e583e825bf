"""The command that a message prints for a sound of another kind makes a file that is read."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from throughline.serving.rows.media.conversion import COMMANDS, SOUND, command
from throughline.serving.rows.media.sound import stored_sound

RATE, SECONDS, PITCH = 16_000, 1, 440
KINDS = sorted(kind for kind, said in COMMANDS.items() if said == SOUND)
# Neither is written by every ffmpeg.
LACKING = (".amr",)

pytestmark = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")


@pytest.mark.parametrize("kind", KINDS)
def test_a_tone_is_heard_after_the_command(kind: str, tmp_path: Path) -> None:
    name = f"night 1{kind}"
    tone = f"sine=frequency={PITCH}:sample_rate=44100:duration={SECONDS}"
    made = ["ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", tone, name]
    written = subprocess.run(made, cwd=tmp_path, capture_output=True, text=True)
    if written.returncode and kind in LACKING:
        pytest.skip(written.stderr[:80])
    assert written.returncode == 0, written.stderr
    subprocess.run(["sh", "-c", command(name)], cwd=tmp_path, check=True, capture_output=True)
    content = (tmp_path / "night 1.wav").read_bytes()
    sound = stored_sound(content, "night 1.wav", RATE, RATE * SECONDS)[0]
    wave = np.frombuffer(sound.tobytes(), "<i2").astype(float)
    assert len(wave) == RATE * SECONDS
    heard = np.fft.rfftfreq(len(wave), 1 / RATE)[np.abs(np.fft.rfft(wave)).argmax()]
    assert abs(heard - PITCH) < 2
