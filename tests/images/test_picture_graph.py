"""The graph of a column of pictures, run by onnxruntime, against Pillow and plain NumPy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from throughline.errors import BadPipeline
from throughline.pipeline.schema.columns import Column
from throughline.preprocessing.columns.filters import filtered_shape
from throughline.preprocessing.fit import Preprocessing, fit
from throughline.preprocessing.graph.run import run
from throughline.preprocessing.graph.runtime import session_of
from throughline.preprocessing.plan import plan


def fitted(picture: np.ndarray, **image: object) -> Preprocessing:
    rows = pd.DataFrame({"pixels": pd.Series([picture], dtype=object)})
    column = Column.model_validate({"image": image})
    return fit(rows, plan(rows, {"pixels": column}, None, []))


def answered(preprocessing: Preprocessing, pictures: np.ndarray) -> np.ndarray:
    (values,) = session_of(preprocessing.graph).run(None, {"pixels": pictures})
    return np.asarray(values)


def smooth(height: int, width: int, channels: int = 3) -> np.ndarray:
    """A picture without sharp edges, where every way to resize agrees."""
    rows, columns = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    planes = [rows, columns, (rows + columns) / 2][:channels]
    return np.round(np.stack(planes, axis=2) * 255).astype(np.uint8)


class TestResizing:
    @settings(deadline=None, max_examples=25)
    @given(st.integers(1, 70), st.integers(1, 70), st.sampled_from(["stretch", "crop", "pad"]))
    def test_gives_the_wanted_size_for_any_picture(self, height: int, width: int, way: str) -> None:
        graph = GRAPHS[way]
        found = answered(graph, np.full((2, height, width, 3), 200, np.uint8))
        assert found.shape == (2, 16, 24, 3)
        assert found.dtype == np.uint8
        # What is filled up is black; all else keeps its one colour.
        assert set(np.unique(found)) <= ({0, 200} if way == "pad" else {200})

    def test_leaves_a_picture_of_the_wanted_size_as_it_is(self) -> None:
        picture = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)
        for graph in GRAPHS.values():
            np.testing.assert_array_equal(answered(graph, picture[None])[0], picture)


GRAPHS = {
    way: fitted(np.zeros((16, 24, 3), np.uint8), size=[16, 24], fit=way)
    for way in ("stretch", "crop", "pad")
}


class TestColours:
    def test_grey_is_that_of_pillow(self) -> None:
        picture = np.random.default_rng(1).integers(0, 256, (9, 7, 3), dtype=np.uint8)
        found = answered(fitted(picture, channels=1), picture[None])[0, :, :, 0]
        wanted = np.asarray(Pillow.fromarray(picture).convert("L"))
        assert np.abs(found.astype(int) - wanted).max() <= 1

    def test_caffe_turns_the_channels_round(self) -> None:
        picture = smooth(5, 6)
        graph = fitted(picture, scale="caffe")
        np.testing.assert_array_equal(answered(graph, picture[None])[0], picture[:, :, ::-1])
        factor, offset = graph.rescaling["features"]
        assert factor == 1.0
        np.testing.assert_allclose(offset, [-103.939, -116.779, -123.68])

    def test_colours_cannot_be_made_of_grey(self) -> None:
        with pytest.raises(BadPipeline, match="channels"):
            fitted(np.zeros((4, 4, 1), np.uint8), channels=3)

    @pytest.mark.parametrize(
        ("scale", "low", "high"),
        [
            ("tf", -1.0, 1.0),
            ({"divide": 255}, 0.0, 1.0),
            ({"subtract": 127, "divide": 128}, -127 / 128, 1.0),
        ],
    )
    def test_constants_become_the_first_layer(self, scale: object, low: float, high: float) -> None:
        factor, offset = fitted(smooth(4, 4), scale=scale).rescaling["features"]
        np.testing.assert_allclose([offset, 255 * factor + offset], [low, high], atol=1e-9)


class TestFilters:
    def test_ones_give_the_sum_of_the_neighbourhood(self) -> None:
        picture = np.random.default_rng(2).integers(0, 256, (13, 14, 1), dtype=np.uint8)
        graph = fitted(picture, filters=[{"convolve": {"ones": 3}}])
        found = answered(graph, picture[None])[0, :, :, 0]
        windows = np.lib.stride_tricks.sliding_window_view(picture[:, :, 0], (3, 3))
        np.testing.assert_allclose(found, windows.sum(axis=(2, 3)))

    def test_a_diagonal_matches_an_x_at_four_places(self) -> None:
        """Zero to Deep Learning, L19795-19975: four places of the X answer exactly 1."""
        lines = np.eye(7) + np.eye(7)[::-1] > 0
        pattern = np.pad(lines, 2)
        picture = (pattern * 255).astype(np.uint8)[:, :, None]
        kernel = (2 * np.eye(3) - 1).tolist()
        scale = {"subtract": 127.5, "divide": 127.5}
        graph = fitted(picture, scale=scale, filters=[{"convolve": {"kernels": [kernel]}}])
        found = answered(graph, picture[None])[0, :, :, 0] / 9
        assert found.shape == (9, 9)
        assert int(np.isclose(found, 1).sum()) == 4

    @settings(deadline=None, max_examples=20)
    @given(
        st.integers(11, 40), st.integers(11, 40), st.sampled_from(["same", "valid"]),
        st.integers(1, 6), st.integers(1, 6), st.integers(1, 4),
    )  # fmt: skip
    def test_shapes_are_those_of_the_rule(
        self, height: int, width: int, padding: str, rows: int, columns: int, pool: int
    ) -> None:
        picture = np.zeros((height, width, 1), np.uint8)
        stride = [rows, columns]
        steps = [
            {"pool": {"size": pool, "kind": "average"}} if pool > 1 else {"pool": {"size": 1}},
            {"convolve": {"ones": 2, "padding": padding, "stride": stride}},
        ]
        column = Column.model_validate({"image": {"filters": steps}})
        assert column.image is not None
        graph = fitted(picture, filters=steps)
        found = answered(graph, picture[None]).shape[1:]
        assert found == filtered_shape(picture.shape, column.image.filters)


class TestRunning:
    def test_a_chunk_at_a_time_gives_every_row_its_own_picture(self) -> None:
        pictures = np.random.default_rng(3).integers(0, 256, (150, 5, 4, 1), dtype=np.uint8)
        rows = pd.DataFrame({"pixels": pd.Series(list(pictures), dtype=object)})
        column = Column.model_validate({"image": {}})
        graph = fit(rows, plan(rows, {"pixels": column}, None, []))
        arrays = run(graph.graph, rows, graph.inputs, graph.types)
        np.testing.assert_array_equal(arrays["features"], pictures)

    def test_pictures_and_numbers_need_inputs_of_their_own(self) -> None:
        pictures = np.zeros((3, 4, 4, 1), np.uint8)
        rows = pd.DataFrame({"pixels": pd.Series(list(pictures), dtype=object), "age": [1.0, 2, 3]})
        columns = {"pixels": Column.model_validate({"image": {}}), "age": Column()}
        with pytest.raises(BadPipeline, match="input of their own"):
            fit(rows, plan(rows, columns, None, []))
        two = {"picture": ["pixels"], "table": ["age"]}
        graph = fit(rows, plan(rows, columns, two, []))
        arrays = run(graph.graph, rows, graph.inputs, graph.types)
        assert {name: array.shape for name, array in arrays.items()} == {
            "picture": (3, 4, 4, 1),
            "table": (3, 1),
        }
