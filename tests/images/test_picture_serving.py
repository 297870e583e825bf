"""Image files through `throughline predict --image`: an answer or a clear error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.images.conftest import drawn, encoded
from throughline.cli import main
from throughline.paths import Workspace
from throughline.serving.errors import BadRequest
from throughline.serving.predictor import Predictor
from throughline.serving.rows.media.image_files import read_picture

ENTRY = {"shape": [12, 12, 3], "type": "image"}


class TestOneFile:
    def test_a_jpeg_is_its_pixels(self) -> None:
        pixels = np.full((40, 50, 3), 100, np.uint8)
        found = read_picture(encoded(pixels, "JPEG"), "a.jpg", ENTRY)
        assert found.shape[0] == 1
        assert np.abs(found.astype(int) - 100).max() <= 2

    def test_transparent_parts_are_white(self) -> None:
        clear = np.zeros((5, 6, 4), np.uint8)
        found = read_picture(encoded(clear, "PNG"), "a.png", ENTRY)
        assert found.shape == (1, 5, 6, 3)
        assert (found == 255).all()

    def test_grey_becomes_colours_and_colours_grey(self) -> None:
        grey = np.full((3, 4), 90, np.uint8)
        assert (read_picture(encoded(grey, "PNG"), "a.png", ENTRY) == 90).all()
        colours = np.full((3, 4, 3), 90, np.uint8)
        entry = {**ENTRY, "shape": [12, 12, 1]}
        found = read_picture(encoded(colours, "PNG"), "a.png", entry)
        assert found.shape == (1, 3, 4, 1)
        assert (found == 90).all()

    @pytest.mark.parametrize("kind", ["PNG", "JPEG"])
    def test_large_ones_are_reduced(self, kind: str) -> None:
        pixels = np.zeros((3000, 2000, 3), np.uint8)
        pixels[:1500] = 200
        found = read_picture(encoded(pixels, kind), "a", ENTRY)[0]
        assert found.shape[0] * found.shape[1] <= 4_000_000
        half = found.shape[0] // 2
        assert abs(int(found[half // 2, 0, 0]) - 200) <= 2
        assert found[half + half // 2, 0, 0] <= 2

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "must be an image file"),
            (b"GIF89a", "image"),
            (b"hello there", "must be an image file"),
            (encoded(drawn("lying", 0), "PNG")[:300], "sound image file"),
        ],
    )
    def test_that_is_none_is_refused(self, content: bytes, message: str) -> None:
        with pytest.raises(BadRequest, match=message):
            read_picture(content, "a.png", ENTRY)

    def test_of_too_many_pixels_is_refused_before_it_is_decoded(self) -> None:
        import struct
        import zlib

        def chunk(kind: bytes, content: bytes) -> bytes:
            check = zlib.crc32(kind + content)
            return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

        header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
        bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0"))
        with pytest.raises(BadRequest, match="100,000,000 pixels"):
            read_picture(bomb, "bomb.png", ENTRY)


class TestTheCommand:
    def test_answers_files_of_any_size(
        self, built: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        files = {
            "a.jpg": encoded(drawn("upright", 5), "JPEG"),
            "alpha.png": encoded(drawn("lying", 6), "PNG", "RGBA"),
            "grey.png": encoded(drawn("lying", 7), "PNG", "L"),
            "one.png": encoded(np.zeros((1, 1, 3), np.uint8), "PNG"),
        }
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
        given = [str(tmp_path / name) for name in files]
        assert main(["predict", str(built.model), "--image", *given]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].startswith("file,")
        assert len(lines) == 5

    def test_answers_the_good_ones_and_lists_the_others_at_the_end(
        self, built: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "good.jpg").write_bytes(encoded(drawn("upright", 5), "JPEG"))
        (tmp_path / "text.jpg").write_text("no image")
        given = [str(tmp_path / name) for name in ("text.jpg", "good.jpg", "gone.jpg")]
        assert main(["predict", str(built.model), "--image", *given]) == 1
        told = capsys.readouterr()
        assert [line.partition(",")[0] for line in told.out.splitlines()] == ["file", given[1]]
        first, *reasons = told.err.splitlines()
        assert first == "2 of 3 files were not answered:"
        assert [given[place] in reasons[i] for i, place in enumerate((0, 2))] == [True, True]

    def test_answers_like_the_pixels_of_training(self, built: Workspace, tmp_path: Path) -> None:
        """A file served raw against the same file as `ingest` stored it."""
        import pandas as pd

        rows = pd.read_parquet(built.test_data / "main" / "rows.parquet")
        stored = np.load(built.test_data / "main" / "rows.images" / "pixels.npy")
        predictor = Predictor(built.model)
        for place in (0, 7, 30):
            content = (built.root / "bars" / rows["file"][place]).read_bytes()
            served = read_picture(content, "a.png", predictor.inputs["pixels"])
            np.testing.assert_array_equal(served[0], stored[place])
            one = predictor.predict({"pixels": served})["probability"]
            other = predictor.predict({"pixels": stored[place : place + 1]})["probability"]
            assert one == other

    def test_says_what_is_wrong_and_ends_with_2(
        self, built: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "text.jpg").write_text("no image")
        assert main(["predict", str(built.model), "--image", str(tmp_path / "text.jpg")]) == 2
        assert "must be an image file" in capsys.readouterr().err
        assert main(["predict", str(built.model)]) == 2
        assert "--image" in capsys.readouterr().err

    def test_answers_bytes_from_a_pipe(self, built: Workspace, tmp_path: Path) -> None:
        content = encoded(drawn("upright", 5), "JPEG")
        (tmp_path / "a.jpg").write_bytes(content)
        command = [sys.executable, "-m", "throughline", "predict", str(built.model), "--image"]
        root = Path(__file__).parents[2]
        piped = subprocess.run(
            [*command, "-"], input=content, cwd=root, capture_output=True, check=True
        ).stdout.splitlines()
        named = subprocess.run(
            [*command, str(tmp_path / "a.jpg")], cwd=root, capture_output=True, check=True
        ).stdout.splitlines()
        assert piped[0] == named[0]
        assert piped[1].partition(b",")[2] == named[1].partition(b",")[2]
        broken = subprocess.run(
            [*command, "-"], input=content[:200], cwd=root, capture_output=True, check=False
        )
        assert broken.returncode == 2
        assert b"'standard input' must be a sound image file" in broken.stderr

    @pytest.mark.parametrize(
        ("name", "mode"),
        [("large.png", "RGB"), ("large.jpg", "RGB"), ("alpha.png", "RGBA"), ("few.png", "P")],
    )
    def test_forty_million_pixels_need_little_memory(
        self, built: Workspace, tmp_path: Path, name: str, mode: str
    ) -> None:
        large = Image.new(mode, (8000, 5000))
        large.save(tmp_path / name, **({"compress_level": 1} if name.endswith("png") else {}))
        # The peak of this process alone: `getrusage` also counts that of the one it came from.
        code = (
            "import sys; from pathlib import Path; from throughline.cli import main; "
            "done = main(sys.argv[1:]); status = Path('/proc/self/status').read_text(); "
            "print(status.partition('VmHWM:')[2].split()[0], file=sys.stderr); sys.exit(done)"
        )
        command = [sys.executable, "-c", code, "predict", str(built.model), "--image"]
        done = subprocess.run(
            [*command, str(tmp_path / name)], capture_output=True, text=True, check=True
        )
        # 160 MB of decoded pixels (Pillow keeps four bytes each), the file, the libraries.
        assert int(done.stderr.split()[-1]) < 400 * 1024
