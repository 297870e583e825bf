"""Files, folders, archives and pictures that cost too much or lead elsewhere."""

from __future__ import annotations

import os
import sys
import zlib
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.security import hostile
from tests.security.hostile import BOMB
from tests.security.projects import LIMITS, Refused
from throughline.cli import main
from throughline.limits import Limits, OverLimit, applied, in_time


class TestFiles:
    @pytest.mark.parametrize("name", hostile.FILES)
    def test_attack(self, project: Path, refused: Refused, name: str) -> None:
        file, make, says = hostile.FILES[name]
        (project / file).write_bytes(make())
        refused("profile", file, "--as", "x", says=says)
        assert not (project / "pipelines" / "x" / "pipeline.yaml").exists()

    def test_an_encoding_that_nobody_named(self, project: Path, unfetched: Refused) -> None:
        """A profile guesses one and says so; a pipeline reads what its file says."""
        (project / "a.csv").write_bytes(hostile.ROWS + b"1,\xff\xfe\n")
        unfetched("must be text in utf-8", file="a.csv")

    def test_a_device_that_never_ends(self, project: Path, refused: Refused) -> None:
        (project / "a.csv").symlink_to("/dev/zero")
        refused("profile", "a.csv", "--as", "x", says="must be a file")

    def test_a_pipe_that_nobody_fills(self, project: Path, refused: Refused) -> None:
        os.mkfifo(project / "a.csv")
        refused("profile", "a.csv", "--as", "x", says="must be a file")

    @pytest.mark.parametrize("target", ["/etc/passwd", "../outside.txt"])
    def test_a_link_out_of_a_folder(self, project: Path, refused: Refused, target: str) -> None:
        (project.parent / "outside.txt").write_text("secret")
        (project / "texts" / "a").mkdir(parents=True)
        (project / "texts" / "a" / "1.txt").symlink_to(
            target if target[0] == "/" else project.parent / "outside.txt"
        )
        refused("profile", "texts", "--as", "x", says="Links in")

    def test_a_folder_that_is_a_link_to_itself(self, project: Path, refused: Refused) -> None:
        (project / "texts").mkdir()
        (project / "texts" / "again").symlink_to(project / "texts")
        refused("profile", "texts", "--as", "x", says="Links in")

    def test_folders_that_link_to_one_another(self, project: Path, refused: Refused) -> None:
        """Fourteen of them, each with links to those behind it, are 2^14 folders on the way."""
        for number in range(14):
            (project / "texts" / f"{number:02}").mkdir(parents=True)
            for other in range(number + 1, 14):
                link = project / "texts" / f"{number:02}" / f"{other:02}"
                link.symlink_to(project / "texts" / f"{other:02}")
        refused("profile", "texts", "--as", "x", says="at most 1,000 files")

    @pytest.mark.parametrize("name", [".hidden.txt", "a.txt", "deep/a.txt"])
    def test_a_link_is_not_copied(self, project: Path, refused: Refused, name: str) -> None:
        """What `add` takes into the project, DVC keeps and sends to its remote."""
        secret = project.parent / "secret.txt"
        secret.write_text("secret")
        texts = project.parent / "texts"
        for folder, content in (("good", "fine"), ("bad", "poor")):
            (texts / folder / "deep").mkdir(parents=True)
            (texts / folder / "1.txt").write_text(content)
        (texts / "bad" / name).symlink_to(secret)
        (project / "dvc.yaml").write_text("stages: {}\n")
        refused("add", str(texts), "--as", "x", says="Links in")
        assert not (project / "data").exists()

    def test_folders_that_link_to_one_another_are_not_copied(
        self, project: Path, refused: Refused
    ) -> None:
        texts = project.parent / "texts"
        for folder, other in (("a", "b"), ("b", "a")):
            (texts / folder).mkdir(parents=True)
            (texts / folder / "more").symlink_to(texts / other)
        (project / "dvc.yaml").write_text("stages: {}\n")
        refused("add", str(texts), "--as", "x", says="a link to a folder")
        assert not (project / "data" / "sources" / "texts").exists()

    def test_a_name_that_is_not_utf_8(self, project: Path, refused: Refused) -> None:
        (project / "texts" / "a").mkdir(parents=True)
        Path(os.fsdecode(bytes(project / "texts" / "a") + b"/\xff.txt")).write_text("x")
        refused("profile", "texts", "--as", "x", says="must be UTF-8")

    @pytest.mark.parametrize(
        ("file", "content"),
        [
            ("huge.png", hostile.png(60_000, 60_000, b"")),
            ("bomb.png", hostile.png(8000, 8000)),
            ("cut.png", hostile.png(20, 20)[:-30]),
            ("none.jpg", b"\xff\xd8\xff" + bytes(40)),
            ("none.gif", b"GIF89a" + b"\xff" * 40),
            ("profile.png", hostile.png_with(b"iCCP", b"k\0\0" + zlib.compress(bytes(BOMB)))),
            ("text.png", hostile.png_with(b"zTXt", b"k\0\0" + zlib.compress(bytes(BOMB)))),
            ("frame.gif", hostile.gif(60_000, 60_000)),
            ("scans.jpg", hostile.jpeg_of_scans(200)),
            ("none.webp", b"RIFF\xff\xff\xff\xffWEBPVP8 " + b"\xff" * 40),
        ],
    )
    def test_a_hostile_picture_is_set_aside(self, file: str, content: bytes) -> None:
        from throughline.pipeline.schema.pictures.image import Images
        from throughline.sources.pictures.decoding import decoded

        with applied(Limits.of(LIMITS)):
            found = decoded(file, content, Images(size=[8, 8]))
        assert found.pixels is None and found.problem

    def test_a_film_behind_a_picture_is_no_part_of_it(self) -> None:
        """Its bytes may look like marks of scans."""
        from throughline.pipeline.schema.pictures.image import Images
        from throughline.sources.pictures.decoding import decoded

        film = hostile.jpeg_of_scans(0) + b"\xff\xda" * 200
        assert decoded("a.jpg", film, Images(size=[8, 8])).problem == ""
        # Nor is a picture within another, as a thumbnail in its own segment.
        inside = (b"\xff\xda" * 200).join([b"\xff\xe4" + (402).to_bytes(2, "big"), b""])
        thumbed = film[:2] + inside + film[2:]
        assert decoded("a.jpg", thumbed, Images(size=[8, 8])).problem == ""

    @pytest.mark.parametrize("reader", ["ingest", "predict", "profile", "validate"])
    def test_what_a_decoder_says_of_a_picture(
        self, reader: str, project: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """libtiff prints by itself what a terminal may act on."""
        from throughline.pipeline.schema.pictures.image import Images
        from throughline.profile.kinds.pictures import storing
        from throughline.serving.rows.media.image_files import opened_picture, read_picture
        from throughline.sources.pictures.decoding import decoded
        from throughline.validation.profile_frame import _image

        content = hostile.broken_tiff()
        entry = {"shape": [8, 8, 3], "fit": "stretch"}
        (project / "pictures").mkdir()
        (project / "pictures/a.tif").write_bytes(content)
        with suppress(ValueError):
            {
                "ingest": lambda: decoded("a.tif", content, Images(size=[8, 8])),
                "predict": lambda: read_picture(content, "a.tif", entry),
                "profile": lambda: storing(project / "pictures"),
                "validate": lambda: _image(content),
            }[reader]()
        assert capfd.readouterr().err == ""
        with suppress(OSError), opened_picture(content) as image:
            image.load()
            print("nothing", file=sys.stderr)
        print("after", file=sys.stderr)
        assert capfd.readouterr().err == "after\n"

    def test_the_screen_is_back_whichever_thread_is_last(
        self, capfd: pytest.CaptureFixture[str]
    ) -> None:
        from throughline.serving.silence import silent

        first, second = silent(), silent()
        with ExitStack() as stack:
            stack.enter_context(first)
            second.__enter__()
        os.write(2, b"silent ")
        second.__exit__(None, None, None)
        os.write(2, b"heard")
        assert capfd.readouterr().err == "heard"

    def test_a_reader_that_catches_every_error_ends_in_time(self) -> None:
        caught = 0
        with applied(Limits(seconds=1)), in_time("a.csv"):
            while caught < 2:
                try:
                    while True:
                        pass
                except OverLimit as error:
                    caught += "'a.csv' must be read within 1 seconds" in str(error)

    def test_files_of_an_archive_stay_in_it(self, project: Path, refused: Refused) -> None:
        content = hostile.tarred({"../../out.txt": b"x", "/abs/b.txt": b"y"})
        (project / "a.tar").write_bytes(content)
        assert main(["profile", "a.tar", "--as", "x"]) == 2
        assert not (project.parents[1] / "out.txt").exists() and not Path("/abs").exists()

    def test_a_file_that_is_exchanged_after_it_was_hashed(
        self, project: Path, unfetched: Refused, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import hashlib

        from throughline.sources.kinds import file

        (project / "a.csv").write_bytes(hostile.ROWS)
        sha256 = hashlib.sha256(hostile.ROWS).hexdigest()
        at_hand = file.file_at_hand

        def exchanged(*given: Any) -> Path:
            path = at_hand(*given)
            path.write_bytes(hostile.ROWS.replace(b"1", b"2"))
            return path

        monkeypatch.setattr(file, "file_at_hand", exchanged)
        unfetched("must have sha256", file="a.csv", sha256=sha256)
