"""Files and streams of rows, texts, pictures and sounds that would never end, or are none."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.security import models
from tests.security.projects import Refused
from throughline.serving.errors import BadRequest
from throughline.serving.rows import packed
from throughline.serving.rows.delimited import LONGEST_LINE, MOST_LINES, bounded_lines, streamed
from throughline.serving.rows.media.media_files import read_file
from throughline.serving.rows.media.sound import samples
from throughline.serving.rows.packed import content_of

ENTRIES: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "image": {"type": "image", "shape": [8, 8, 3]},
    "sound": {"type": "image", "shape": [800, 2, 1], "rate": 8000},
}
STRANGE = {
    "/dev/zero": "a device",
    "pipe": "a pipe. Give it as -, by < pipe",
    "folder": "a folder",
    "circle": "can be read",
    "/proc/self/mem": "can be read",
    "nobody": "There is no file",
}


@pytest.fixture
def strange(project: Path) -> Path:
    os.mkfifo(project / "pipe")
    (project / "folder").mkdir()
    (project / "circle").symlink_to("circle")
    (project / "m.onnx").write_bytes(models.described())
    return project


class TestFiles:
    @pytest.mark.parametrize("name", STRANGE)
    def test_of_rows(self, strange: Path, refused: Refused, name: str) -> None:
        refused("predict", "m.onnx", name, says=STRANGE[name])

    @pytest.mark.parametrize("kind", ENTRIES)
    @pytest.mark.parametrize("name", STRANGE)
    def test_of_media(self, strange: Path, name: str, kind: str) -> None:
        with pytest.raises(BadRequest, match=STRANGE[name]):
            read_file(Path(name), ENTRIES[kind])

    def test_a_pipe_that_a_shell_opened_is_read(self) -> None:
        reading, writing = os.pipe()
        with os.fdopen(writing, "wb") as stream:
            stream.write(b"x\n1\n")
        assert content_of(Path(f"/dev/fd/{reading}")) == b"x\n1\n"
        os.close(reading)

    def test_a_file_that_grows_is_read_in_bounds(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = tmp_path / "rows.csv"
        file.write_bytes(b"x" * 1000)
        monkeypatch.setattr(packed, "MOST_BYTES", 999)
        with pytest.raises(BadRequest, match="at most 999 bytes"):
            content_of(file)
        reading, writing = os.pipe()
        # Nobody says how much a pipe will give.
        os.write(writing, b"x" * 5000)
        os.close(writing)
        with pytest.raises(BadRequest, match="at most 999 bytes"):
            content_of(Path(f"/dev/fd/{reading}"))
        os.close(reading)

    def test_floats_that_no_sum_holds_are_cut_without_a_word(self) -> None:
        loud = np.array([1e308, 1e308, -1e308, 0.5], "<f8").tobytes()
        head = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x03\0\x02\0\x40\x1f\0\0\0\xf4\x01\0\x10\0\x40\0"
        content = head + b"data" + len(loud).to_bytes(4, "little") + loud
        values, facts = samples(content, "loud.wav")
        assert facts["channels"] == 2 and np.isfinite(values.sum(axis=1)).all()


class TestStreams:
    @pytest.mark.parametrize("name", ["/proc/self/mem", "folder", "circle", "nobody"])
    def test_that_cannot_be_read(self, strange: Path, name: str) -> None:
        from throughline.serving import commands, stream

        class Fed(stream.Stream):
            def __init__(self, predictor: Any) -> None:
                self.predictor = predictor

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(stream, "Stream", Fed)
            with pytest.raises(BadRequest, match=STRANGE[name].replace("a folder", "folder")):
                commands.stream(Path("m.onnx"), name)

    def test_a_line_that_never_ends(self) -> None:
        lines = bounded_lines(io.StringIO("x\n1\n" + "\0" * (2 * LONGEST_LINE)))
        assert [next(lines), next(lines)] == ["x\n", "1\n"]
        with pytest.raises(BadRequest, match="less than"):
            next(lines)

    def test_an_open_quote_costs_its_own_row(self) -> None:
        after = [f"{n},{n}" for n in range(2, 5 * MOST_LINES)]
        lines = ["t,y", "0,1", '1,"2', *after, '9,"a', 'b"']
        _, found = streamed(iter(f"{line}\n" for line in lines), {}, ["t", "y"])
        wanted = [["0", "1"], ['1,"2'], *(line.split(",") for line in after), ["9", "a\nb"]]
        assert list(found) == wanted

    def test_rows_come_as_soon_as_their_lines_do(self) -> None:
        taken = []

        def lines() -> Any:
            for line in ("t,y\n", "0,1\n", '1,"a\n', 'b"\n', "2,3\n"):
                taken.append(line)
                yield line

        _, found = streamed(lines(), {}, ["t", "y"])
        assert (next(found), len(taken)) == (["0", "1"], 2)
        assert (next(found), len(taken)) == (["1", "a\nb"], 4)
