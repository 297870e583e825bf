"""A picture that is served is the one that was learned: pixel by pixel, whatever the file."""

from __future__ import annotations

import io
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from throughline.errors import BadPipeline
from throughline.pipeline.loading import checked
from throughline.pipeline.schema.columns import Column
from throughline.pipeline.schema.pictures.image import Fit, Images
from throughline.pipeline.yaml_file import YamlFile
from throughline.preprocessing.contract import contract
from throughline.preprocessing.fit import fit
from throughline.preprocessing.graph.runtime import session_of
from throughline.preprocessing.plan import plan
from throughline.serving.rows.media.image_files import SIXTEEN_BITS, plain_picture, read_picture
from throughline.sources.pictures.decoding import decoded

SIZES = ((16, 24), (24, 16), (1, 9), (20, 20))
FITS = get_args(Fit)
# What each format can hold.
MODES = {
    "PNG": ("RGB", "RGBA", "L", "LA", "P", "1", "I;16"),
    "JPEG": ("RGB", "L", "CMYK"),
    "GIF": ("P", "L"),
    "BMP": ("RGB", "L", "1"),
    "WEBP": ("RGB", "RGBA"),
    "AVIF": ("RGB", "RGBA"),
    "TIFF": ("RGB", "RGBA", "L", "LA", "P", "1", "I;16", "CMYK"),
}
ENDINGS = {
    "PNG": ".png", "JPEG": ".jpg", "GIF": ".gif", "BMP": ".bmp", "WEBP": ".webp", "TIFF": ".tif",
    "AVIF": ".avif",
}  # fmt: skip
# What can say how its camera was held.
TURNED = ("PNG", "JPEG", "WEBP", "AVIF", "TIFF")


def noise(height: int, width: int, seed: int, mode: str) -> Pillow.Image:
    """A picture in which every pixel differs from its neighbours."""
    generator = np.random.default_rng(seed)
    if mode in SIXTEEN_BITS:
        return Pillow.fromarray(generator.integers(0, 65536, (height, width), dtype=np.uint16))
    pixels = generator.integers(0, 256, (height, width, 4), dtype=np.uint8)
    return Pillow.fromarray(pixels).convert(mode)


def as_file(image: Pillow.Image, kind: str, orientation: int) -> bytes:
    stream = io.BytesIO()
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    image.save(stream, kind, **({"exif": exif} if kind in TURNED else {}))
    return stream.getvalue()


def model_of(stored: tuple[int, int], size: tuple[int, int], channels: int, way: str) -> tuple:
    """The graph and the entry of the contract of a column of pictures."""
    picture = np.zeros((*stored, channels), np.uint8)
    rows = pd.DataFrame({"pixels": pd.Series([picture], dtype=object)})
    column = Column.model_validate({"image": {"size": size, "fit": way}})
    planned = plan(rows, {"pixels": column}, None, [])
    return session_of(fit(rows, planned).graph), contract(rows, planned)[0]


MODELS = {
    (size, channels, way): model_of(size, size, channels, way)
    for size in SIZES
    for channels in (1, 3)
    for way in FITS
}


class TestStoredAndServed:
    @settings(deadline=None, max_examples=150)
    @given(
        st.integers(1, 90), st.integers(1, 90), st.integers(0, 1000),
        st.sampled_from([(kind, mode) for kind, modes in MODES.items() for mode in modes]),
        st.integers(1, 8), st.sampled_from(sorted(MODELS)),
    )  # fmt: skip
    def test_are_the_same_pixels(
        self, height: int, width: int, seed: int, kind: tuple[str, str], held: int, model: tuple
    ) -> None:
        size, channels, way = model
        session, entry = MODELS[model]
        content = as_file(noise(height, width, seed, kind[1]), kind[0], held)
        name = f"a{ENDINGS[kind[0]]}"
        images = Images(size=size, channels=channels, fit=way)
        stored = decoded(name, content, images).pixels
        assert stored is not None
        served = read_picture(content, name, entry)
        np.testing.assert_array_equal(served[0], stored)
        (seen,) = session.run(None, {"pixels": served})
        np.testing.assert_array_equal(seen[0], stored)

    @settings(deadline=None, max_examples=150)
    @given(
        st.integers(1, 90), st.integers(1, 90), st.integers(0, 1000),
        st.sampled_from(MODES["PNG"]), st.sampled_from(sorted(MODELS)),
    )  # fmt: skip
    def test_are_the_same_where_a_client_sends_the_whole_array(
        self, height: int, width: int, seed: int, mode: str, model: tuple
    ) -> None:
        size, channels, way = model
        content = as_file(noise(height, width, seed, mode), "PNG", 1)
        images = Images(size=size, channels=channels, fit=way)
        with Pillow.open(io.BytesIO(content)) as image:
            whole = np.asarray(plain_picture(image, size, channels), dtype=np.uint8)
        array = whole.reshape(1, height, width, channels)
        (seen,) = MODELS[model][0].run(None, {"pixels": array})
        np.testing.assert_array_equal(seen[0], decoded("a.png", content, images).pixels)

    @pytest.mark.parametrize("way", FITS)
    def test_take_the_same_way_where_the_network_sees_another_size(self, way: str) -> None:
        """A lying picture stored upright and seen square is cut twice, in training as served."""
        session, entry = model_of((24, 16), (10, 10), 3, way)
        content = as_file(noise(31, 77, 0, "RGB"), "PNG", 1)
        images = Images.model_validate({"size": (24, 16), "fit": way})
        stored = decoded("a.png", content, images).pixels
        assert stored is not None
        served = read_picture(content, "a.png", entry)
        whole = np.asarray(noise(31, 77, 0, "RGB"))[None]
        learned, answered, sent = (
            session.run(None, {"pixels": pixels})[0] for pixels in (stored[None], served, whole)
        )
        np.testing.assert_array_equal(answered, learned)
        np.testing.assert_array_equal(sent, learned)

    def test_of_sixteen_bits_are_the_upper_eight(self) -> None:
        image = Pillow.fromarray(np.array([[0, 255, 256, 40_000, 65_535]], np.uint16))
        found = read_picture(as_file(image, "PNG", 1), "a.png", {"shape": [1, 5, 1]})
        assert found.ravel().tolist() == [0, 0, 1, 156, 255]


PIPELINE = {
    "title": "Which?",
    "task": "binary",
    "target": "class",
    "source": {"folder": "bars", "images": {"size": [8, 8], "fit": "pad"}},
    "columns": {"pixels": {"image": {"size": [8, 8]}}},
}


class TestTheFit:
    def test_is_said_once(self, tmp_path) -> None:
        (tmp_path / "pipeline.yaml").write_text("title: Which?\n")
        file = YamlFile(tmp_path / "pipeline.yaml")
        image = checked(PIPELINE, file).columns["pixels"].image
        assert image is not None
        assert image.framing == "pad"
        other = {**PIPELINE, "columns": {"pixels": {"image": {"size": [8, 8], "fit": "crop"}}}}
        with pytest.raises(BadPipeline, match=r"columns\.pixels\.image\.fit.*source\.images\.fit"):
            checked(other, file)

    def test_of_arrays_is_their_own(self, tmp_path) -> None:
        (tmp_path / "pipeline.yaml").write_text("title: Which?\n")
        source = {"file": "x.npz", "images": {"array": "x"}}
        given = {**PIPELINE, "source": source}
        image = checked(given, YamlFile(tmp_path / "pipeline.yaml")).columns["pixels"].image
        assert image is not None
        assert image.framing == "crop"


class TestTheRate:
    def test_of_a_sound_is_said_once(self, tmp_path) -> None:
        """Else files would be served at the spectrogram's rate and learned at the source's."""
        (tmp_path / "pipeline.yaml").write_text("title: Which?\n")
        images = {"column": "waveform", "sound": {"rate": 8000, "seconds": 1}}
        filters = [{"spectrogram": {"rate": 16000, "frame": 256, "hop": 128}}]
        given = {
            **PIPELINE,
            "source": {"folder": "tones", "images": images},
            "columns": {"waveform": {"image": {"filters": filters}}},
        }
        with pytest.raises(BadPipeline, match=r"columns\.waveform\.image\.filters.*16000.*8000"):
            checked(given, YamlFile(tmp_path / "pipeline.yaml"))
        filters[0]["spectrogram"]["rate"] = 8000
        assert checked(given, YamlFile(tmp_path / "pipeline.yaml")).columns["waveform"].image
