"""Files that a user gives: known by their endings, texts in any usual encoding."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from throughline.serving.errors import BadRequest
from throughline.serving.rows.media.conversion import command
from throughline.serving.rows.media.media_files import kind_of, one_input, read_file

TEXT = {"type": "string"}


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        (["a.jpg", "b/C.PNG", "d.tiff"], "image"),
        (["a.wav", "b.WAV"], "sound"),
        (["a.jpg", "b.wav"], None),
        (["a.heic", "b.avif"], "image"),
        (["a.ogg", "b.m4a"], "sound"),
        (["rows.csv"], None),
        (["a.txt"], None),
        ([], None),
    ],
)
def test_endings_say_what_files_are(files: list[str], kind: str | None) -> None:
    assert kind_of([Path(file) for file in files]) == kind


@pytest.mark.parametrize(
    ("name", "entry", "said"),
    [
        (
            "a b.heic",
            {"type": "image", "shape": [8, 8, 3]},
            "Convert it: magick '{0}.heic' '{0}'.jpg",
        ),
        (
            "a b.flac",
            {"type": "image", "shape": [8, 2, 1], "rate": 8000},
            "Convert it: ffmpeg -i '{0}.flac' '{0}'.wav",
        ),
        (
            "mp3.wav",
            {"type": "image", "shape": [8, 2, 1], "rate": 8000},
            "Convert it: ffmpeg -i FILE FILE.wav",
        ),
    ],
)
def test_of_kinds_that_nothing_reads_are_refused_with_what_converts_them(
    name: str, entry: dict[str, object], said: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(b"of another kind")
    with pytest.raises(BadRequest) as refused:
        read_file(path, entry)
    assert str(refused.value).endswith(said.format(tmp_path / "a b"))


def test_commands_that_convert_quote_the_file() -> None:
    assert shlex.split(command("it's 1.MP3")) == ["ffmpeg", "-i", "it's 1.MP3", "it's 1.wav"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_texts_are_read_in_their_encoding(encoding: str, tmp_path: Path) -> None:
    mark = b"\xff\xfe" if encoding == "utf-16-le" else b""
    (tmp_path / "a.txt").write_bytes(mark + "déjà vu\r\n".encode(encoding))
    assert read_file(tmp_path / "a.txt", TEXT, "cp1252").tolist() == ["déjà vu\r\n"]


def test_texts_that_cannot_be_read_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("déjà".encode("cp1252"))
    with pytest.raises(BadRequest, match=r"a\.txt' must be text in utf-8"):
        read_file(tmp_path / "a.txt", TEXT)
    with pytest.raises(BadRequest, match=r"There is no file .*b\.txt"):
        read_file(tmp_path / "b.txt", TEXT)


def test_a_model_of_several_columns_takes_no_texts_alone() -> None:
    assert one_input("text", {"review": TEXT}) == ("review", TEXT)
    with pytest.raises(BadRequest, match=r"only input is a text.*review, price"):
        one_input("text", {"review": TEXT, "price": {"type": "number"}})
