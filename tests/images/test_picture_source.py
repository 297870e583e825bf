"""Decoding: one array for all pictures, and every file that cannot be one is named."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.images.conftest import EACH, SIDE, drawn, encoded, write_folder
from throughline.errors import BadData
from throughline.pipeline.schema.pictures.image import Images
from throughline.pipeline.schema.source import Source
from throughline.sources.pictures.decoding import decoded
from throughline.sources.pictures.images import as_images, from_arrays, from_encoded
from throughline.sources.registry import Fetched
from throughline.sources.tree import files_below

FAULTS = {
    "broken.jpg": "broken",
    "cmyk.jpg": "mode",
    "mislabelled.jpg": "mislabelled",
    "transparent.png": "mode",
    "truncated.jpg": "truncated",
    "twice.png": "duplicate",
}


def settings(**images: object) -> Source:
    given = {"size": [SIDE, SIDE], "limit": 0.1, **images}
    return Source.model_validate({"folder": "bars", "images": given})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "bars"
    write_folder(path)
    return path


class TestAFolder:
    def test_names_every_file_that_is_set_aside_with_its_fault(
        self, folder: Path, tmp_path: Path
    ) -> None:
        fetched = as_images(files_below(folder), settings(), {}, tmp_path)
        found = {Path(e["file"]).name: e["problem"] for e in fetched.origin["set_aside"]}
        assert found == FAULTS
        assert len(fetched.frame) == 4 * EACH

    def test_rows_point_at_the_pixels_of_their_own_file(self, folder: Path, tmp_path: Path) -> None:
        fetched = as_images(files_below(folder), settings(fit="stretch"), {}, tmp_path)
        array = np.load(fetched.images["pixels"])
        assert array.dtype == np.uint8
        for row in fetched.frame.itertuples():
            with Image.open(folder / row.file) as image:
                size = (SIDE, SIDE)
                wanted = np.asarray(image.resize(size, Image.Resampling.BILINEAR))
            np.testing.assert_array_equal(array[row.pixels], wanted)
            assert (row.part, row._3) == tuple(Path(row.file).parts[:2])
            assert (row.height, row.width) == (16, 20)

    def test_and_an_archive_of_it_give_the_same(self, folder: Path, tmp_path: Path) -> None:
        archive = tmp_path / "bars.tar.xz"
        with tarfile.open(archive, "w:xz") as tar:
            # Another order than that of the names.
            for path in sorted(folder.rglob("*"), reverse=True):
                tar.add(path, path.relative_to(folder), recursive=False)
        one = as_images(files_below(folder), settings(), {}, tmp_path)
        other = as_images(files_below(archive), settings(), {}, tmp_path)
        columns = [name for name in one.frame if name != "pixels"]
        pd.testing.assert_frame_equal(one.frame[columns], other.frame[columns])
        pixels = [np.load(each.images["pixels"])[each.frame["pixels"]] for each in (one, other)]
        np.testing.assert_array_equal(*pixels)

    def test_of_too_many_broken_files_is_refused(self, folder: Path, tmp_path: Path) -> None:
        with pytest.raises(BadData, match=r"0\.1% .*broken\.jpg"):
            as_images(files_below(folder), settings(limit=0.001), {}, tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_keeps_what_the_file_says_is_no_fault(self, folder: Path, tmp_path: Path) -> None:
        fetched = as_images(files_below(folder), settings(set_aside=[]), {}, tmp_path)
        aside = [Path(each["file"]).name for each in fetched.origin["set_aside"]]
        assert aside == ["broken.jpg", "truncated.jpg"]

    def test_needs_a_size(self, folder: Path, tmp_path: Path) -> None:
        with pytest.raises(BadData, match="size"):
            as_images(files_below(folder), settings(size=None), {}, tmp_path)


class TestAFile:
    def test_is_turned_upright_as_its_exif_says(self) -> None:
        import io

        image = Image.fromarray(drawn("upright", 0))
        exif = image.getexif()
        exif[0x0112] = 6  # rotated by a quarter
        stream = io.BytesIO()
        image.save(stream, "PNG", exif=exif)
        found = decoded("a.png", stream.getvalue(), Images(size=(20, 16)))
        assert found.pixels is not None
        np.testing.assert_array_equal(found.pixels, np.rot90(drawn("upright", 0), -1))

    @pytest.mark.parametrize(("fit", "corner"), [("crop", False), ("pad", True)])
    def test_is_cut_or_filled_up_with_black(self, fit: str, corner: bool) -> None:
        white = np.full((10, 30, 3), 255, np.uint8)
        images = Images.model_validate({"size": [12, 12], "fit": fit})
        found = decoded("a.png", encoded(white, "PNG"), images)
        assert found.pixels is not None
        assert (found.pixels[0, 0, 0] == 0) == corner

    def test_that_claims_to_be_enormous_is_not_decoded(self) -> None:
        import struct
        import zlib

        def chunk(kind: bytes, content: bytes) -> bytes:
            check = zlib.crc32(kind + content)
            return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

        header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
        bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0"))
        found = decoded("bomb.png", bomb, Images(size=(8, 8)))
        assert found.pixels is None
        assert found.problem == "broken"


class TestArrays:
    def frame(self, values: np.ndarray) -> pd.DataFrame:
        from throughline.sources.formats.arrays import as_frame

        return as_frame({"x": values, "y": np.arange(len(values))})

    def test_become_pictures_of_one_channel(self) -> None:
        values = np.random.default_rng(0).integers(0, 256, (5, 4, 6), dtype=np.uint8)
        rows, pixels = from_arrays(self.frame(values), Images(array="x"))
        np.testing.assert_array_equal(pixels[..., 0], values)
        assert rows["pixels"].tolist() == [0, 1, 2, 3, 4]

    def test_of_other_numbers_are_refused(self) -> None:
        with pytest.raises(BadData, match="0 to 255"):
            from_arrays(self.frame(np.full((2, 3, 3), 0.5)), Images(array="x"))


class TestRowsWithFiles:
    def test_keep_their_own_columns_and_lose_the_broken(self, tmp_path: Path) -> None:
        """What a list of addresses gives: files in rows, with what the list says of each."""
        contents = [encoded(drawn("lying", n), "PNG") for n in (1, 2, 2)] + [b"none"]
        frame = pd.DataFrame(
            {"url": list("abcd"), "class": ["x", "y", "y", "x"], "file": ["1.png"] * 4}
        ).assign(image=contents)
        given = settings(limit=0.5, fit="stretch", size=[16, 20])
        fetched = from_encoded(Fetched(frame, {"source": "list"}), given, tmp_path)
        assert fetched.frame["url"].tolist() == ["a", "b"]
        assert fetched.frame["class"].tolist() == ["x", "y"]
        pixels = np.load(fetched.images["pixels"])[fetched.frame["pixels"]]
        np.testing.assert_array_equal(pixels[1], drawn("lying", 2))
        assert [e["problem"] for e in fetched.origin["set_aside"]] == ["duplicate", "broken"]
