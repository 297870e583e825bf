"""Image files of every kind: training and serving decode them by the same code."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.images.conftest import encoded
from throughline.pipeline.schema.columns import Column
from throughline.pipeline.schema.pictures.image import Images
from throughline.pipeline.schema.source import Source
from throughline.preprocessing.fit import fit
from throughline.preprocessing.graph.runtime import session_of
from throughline.preprocessing.plan import plan
from throughline.serving.errors import BadRequest
from throughline.serving.rows.media.image_files import plain_picture, read_picture
from throughline.sources.pictures.decoding import decoded
from throughline.sources.pictures.images import as_images
from throughline.sources.tree import files_below

SIZE = (48, 64)
ENTRY = {"shape": [*SIZE, 3], "type": "image"}
ORIENTATION = 0x0112


def photograph(height: int, width: int) -> np.ndarray:
    """Waves and noise, as photographs have structure of every size."""
    generator = np.random.default_rng(height)
    rows, columns = np.mgrid[0:height, 0:width]
    waves = np.sin(rows / 9) + np.cos(columns / 13) + np.sin((rows + columns) / 4)
    noise = generator.normal(0, 8, (height, width, 3))
    pixels: np.ndarray = np.clip(128 + 35 * waves[:, :, None] + noise, 0, 255)
    return pixels.astype(np.uint8)


def jpeg(pixels: np.ndarray, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=85, **options)
    return stream.getvalue()


def held(turned: int, kind: str) -> bytes:
    """A photograph that says how its camera was held."""
    image = Image.fromarray(photograph(200, 280))
    exif = image.getexif()
    exif[ORIENTATION] = turned
    stream = io.BytesIO()
    image.save(stream, kind, exif=exif)
    return stream.getvalue()


def learned(content: bytes, fit: str = "stretch") -> np.ndarray:
    found = decoded("a.jpg", content, Images.model_validate({"size": SIZE, "fit": fit}))
    assert found.pixels is not None
    return found.pixels


class TestServingAndTraining:
    @pytest.mark.parametrize("way", ["stretch", "crop"])
    @pytest.mark.parametrize("factor", [1.2, 2.4, 5.5, 9])
    def test_see_the_same_pixels(self, factor: float, way: str) -> None:
        content = jpeg(photograph(round(SIZE[0] * factor), round(SIZE[1] * factor)))
        rows = pd.DataFrame({"pixels": pd.Series([learned(content, way)], dtype=object)})
        column = Column.model_validate({"image": {"size": list(SIZE), "fit": way}})
        prepared = fit(rows, plan(rows, {"pixels": column}, None, []))
        served = read_picture(content, "a.jpg", ENTRY)[0]
        (answer,) = session_of(prepared.graph).run(None, {"pixels": served[None]})
        difference = answer[0].astype(int) - learned(content, way)
        if way == "stretch":
            # Pillow and the graph round in different places.
            assert np.abs(difference).max() <= 2
        # The graph cuts at whole pixels.
        assert np.abs(difference).mean() < 2

    @pytest.mark.parametrize("turned", range(1, 9))
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
    def test_turn_pictures_upright(self, kind: str, turned: int) -> None:
        from PIL import ImageOps

        content = held(turned, kind)
        upright = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")
        wanted = upright.resize(SIZE[::-1], Image.Resampling.BILINEAR)
        suffix = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "TIFF": "tif"}[kind]
        images = Images.model_validate({"size": SIZE, "fit": "stretch"})
        found = decoded(f"a.{suffix}", content, images)
        assert found.pixels is not None
        assert found.problem == ""
        assert np.abs(found.pixels.astype(int) - np.asarray(wanted)).mean() < 3


class TestAJpegThatIsLarger:
    @pytest.mark.parametrize("size", [(96, 128), (180, 240), (333, 777), (1000, 1500)])
    def test_stays_closer_to_the_whole_than_unfiltered_pixels_do(
        self, size: tuple[int, int]
    ) -> None:
        """What `tf.image.resize` does by default is the measure."""
        content, (height, width) = jpeg(photograph(*size)), SIZE
        whole = Image.open(io.BytesIO(content))
        wanted = np.asarray(whole.resize((width, height), Image.Resampling.BILINEAR), int)
        steps = (whole.width / width, 0, 0, 0, whole.height / height, 0)
        picked = whole.transform(
            (width, height), Image.Transform.AFFINE, steps, Image.Resampling.BILINEAR
        )
        ours = np.abs(learned(content) - wanted).mean()
        assert ours < np.abs(np.asarray(picked) - wanted).mean()

    @pytest.mark.parametrize("turned", [1, 6])
    @pytest.mark.parametrize("wanted", [(20, 90), (90, 20), (48, 64)])
    def test_is_never_decoded_smaller_than_wanted(
        self, turned: int, wanted: tuple[int, int]
    ) -> None:
        with Image.open(io.BytesIO(held(turned, "JPEG"))) as image:
            width, height = plain_picture(image, wanted, 3).size
        assert (height >= wanted[0], width >= wanted[1]) == (True, True)
        assert height * width < 200 * 280 or min(200, 280) < 2 * max(wanted)


class TestFilesOfOtherKinds:
    def test_a_picture_of_several_parts_is_a_jpeg(self) -> None:
        stream = io.BytesIO()
        first, second = (Image.fromarray(photograph(60, n)) for n in (80, 81))
        first.save(stream, "MPO", save_all=True, append_images=[second])
        assert decoded("a.jpg", stream.getvalue(), Images(size=SIZE)).problem == ""
        assert read_picture(stream.getvalue(), "a.jpg", ENTRY).shape == (1, 60, 80, 3)

    def test_of_an_animation_the_first_picture_counts(self) -> None:
        stream = io.BytesIO()
        black, white = Image.new("P", (9, 7), 0), Image.new("P", (9, 7), 255)
        black.save(stream, "GIF", save_all=True, append_images=[white])
        found = read_picture(stream.getvalue(), "a.gif", ENTRY)
        np.testing.assert_array_equal(found, np.zeros((1, 7, 9, 3), np.uint8))

    def test_cmyk_becomes_colours(self) -> None:
        red = np.zeros((20, 30, 3), np.uint8)
        red[..., 0] = 255
        found = read_picture(encoded(red, "JPEG", "CMYK"), "a.jpg", ENTRY)
        assert np.abs(found.astype(int) - [255, 0, 0]).max() <= 6

    def test_transparent_colours_of_a_palette_become_white(self) -> None:
        image = Image.new("P", (6, 5), 3)
        image.putpalette([0, 0, 0] * 256)
        stream = io.BytesIO()
        image.save(stream, "PNG", transparency=3)
        assert (read_picture(stream.getvalue(), "a.png", ENTRY) == 255).all()

    @pytest.mark.parametrize("kind", ["PCX", "EPS", "ICO"])
    def test_what_is_not_in_the_list_is_not_opened(self, kind: str) -> None:
        """Pillow hands some kinds of files to other programs."""
        content = encoded(photograph(40, 40), kind)
        with pytest.raises(BadRequest, match="JPEG, PNG, GIF, BMP, WebP, AVIF or TIFF"):
            read_picture(content, "a.jpg", ENTRY)
        assert decoded("a.jpg", content, Images(size=SIZE)).problem == "broken"

    def test_sixteen_bits_are_named(self) -> None:
        stream = io.BytesIO()
        Image.fromarray(np.full((70, 70), 40_000, np.uint16)).save(stream, "PNG")
        assert decoded("a.png", stream.getvalue(), Images(size=SIZE)).problem == "mode"

    def test_a_model_of_one_size_refuses_another_before_decoding(self) -> None:
        """A file cut after its head, so that decoding it would say something else."""
        entry = {**ENTRY, "fixed_size": True}
        content = jpeg(photograph(300, 400))
        with pytest.raises(
            BadRequest, match=r"^'a\.jpg' must be 48 pixels high and 64 wide.*300 x 400"
        ):
            read_picture(content[:700], "a.jpg", entry)
        exact = jpeg(photograph(*SIZE))
        assert read_picture(exact, "a.jpg", entry).shape == (1, *SIZE, 3)


SAMPLES = [
    jpeg(photograph(30, 40)),
    jpeg(photograph(30, 40), progressive=True),
    held(6, "JPEG")[:4000],
    *(encoded(photograph(12, 9), kind) for kind in ("PNG", "GIF", "BMP", "WEBP")),
    encoded(photograph(12, 9), "PNG", "P"),
    encoded(photograph(12, 9), "PNG", "LA"),
]


class TestBrokenFiles:
    @pytest.mark.filterwarnings("ignore:.*:UserWarning")
    @settings(deadline=None, max_examples=300)
    @given(st.data())
    def test_are_refused_or_answered_and_never_a_traceback(self, data: st.DataObject) -> None:
        content = bytearray(data.draw(st.sampled_from(SAMPLES)))
        for _ in range(data.draw(st.integers(1, 3))):
            place = data.draw(st.integers(0, len(content) - 1))
            content[place] = data.draw(st.integers(0, 255))
        content = content[: data.draw(st.integers(1, len(content)))]
        decoded("a.jpg", bytes(content), Images(size=(8, 8)))
        try:
            found = read_picture(bytes(content), "a.jpg", ENTRY)
        except BadRequest:
            return
        assert found.dtype == np.uint8


class TestTheOrderOfAFolder:
    def test_is_that_of_its_names(self, tmp_path: Path) -> None:
        for number in (3, 1, 2, 0):
            (tmp_path / "bars" / f"class{number % 2}").mkdir(parents=True, exist_ok=True)
            place = tmp_path / "bars" / f"class{number % 2}" / f"{number}.png"
            place.write_bytes(encoded(photograph(50, 50 + number), "PNG"))
        given = Source.model_validate({"folder": "bars", "images": {"size": SIZE}})
        fetched = as_images(files_below(tmp_path / "bars"), given, {}, tmp_path / "cache")
        assert fetched.frame["file"].tolist() == [
            "class0/0.png", "class0/2.png", "class1/1.png", "class1/3.png",
        ]  # fmt: skip
        assert fetched.frame["pixels"].tolist() == [0, 1, 2, 3]
