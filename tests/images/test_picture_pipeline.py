"""A pipeline of pictures from files to a model that takes uint8 pixels."""

from __future__ import annotations

import numpy as np
import onnx
import pandas as pd
import pytest

from tests.images.conftest import EACH, SIDE, drawn
from throughline.evaluation.show.saliency import Looked
from throughline.paths import Workspace, read_json
from throughline.serving.errors import BadRequest
from throughline.serving.predictor import Predictor


class TestTheModel:
    def test_takes_uint8_pixels_of_any_size_and_says_the_folder(self, built: Workspace) -> None:
        value = onnx.load(built.model).graph.input[0]
        assert value.name == "pixels"
        assert value.type.tensor_type.elem_type == onnx.TensorProto.UINT8
        pictures = np.stack([drawn("upright", 77), drawn("lying", 78)])
        answer = Predictor(built.model).predict({"pixels": pictures})
        assert set(answer["label"]) <= {"upright", "lying"}

    def test_learned_what_the_pictures_show(self, built: Workspace) -> None:
        assert read_json(built.metrics)["accuracy"] >= 0.9

    def test_scales_and_leaves_augmentation_out(self, built: Workspace) -> None:
        pixels = np.full((1, SIDE, SIDE, 3), 255, np.uint8)
        predictor = Predictor(built.model)
        first, second = (predictor.predict({"pixels": pixels})["probability"] for _ in range(2))
        assert first == second
        kinds = {node.op_type for node in onnx.load(built.model).graph.node}
        assert not kinds & {"RandomUniform", "RandomNormal"}

    def test_equals_its_network(self, built: Workspace) -> None:
        for branch in read_json(built.parity).values():
            assert branch["exporter"] == "throughline"
            assert branch["largest_error"] <= 1e-5

    def test_refuses_what_is_no_picture(self, built: Workspace) -> None:
        predictor = Predictor(built.model)
        with pytest.raises(BadRequest, match="uint8"):
            predictor.predict({"pixels": np.zeros((1, SIDE, SIDE, 3), np.float32)})
        with pytest.raises(BadRequest, match="3 channels"):
            predictor.predict({"pixels": np.zeros((1, SIDE, SIDE, 1), np.uint8)})
        with pytest.raises(BadRequest, match="one size"):
            predictor.predict({"pixels": [np.zeros((2, 3, 3)), np.zeros((4, 3, 3))]})


class TestWhatIsStored:
    def test_pixels_stand_once_beside_the_rows(self, built: Workspace) -> None:
        training = built.training_data / "main"
        pixels = np.load(training / "rows.images" / "pixels.npy", mmap_mode="r")
        rows = pd.read_parquet(training / "rows.parquet")
        assert pixels.dtype == np.uint8
        assert rows["pixels"].tolist() == list(range(2 * EACH)) == list(range(len(pixels)))
        # The network's input is the same file under a second name.
        one, other = training / "features.npy", training / "rows.images" / "pixels.npy"
        assert one.stat().st_ino == other.stat().st_ino

    def test_training_pictures_are_those_of_training_files(self, built: Workspace) -> None:
        raw = pd.read_parquet(built.raw / "rows.parquet").set_index("file")
        source = np.load(built.raw / "rows.images" / "pixels.npy", mmap_mode="r")
        for part, folder in (("train", built.training_data), ("test", built.test_data)):
            rows = pd.read_parquet(folder / "main" / "rows.parquet")
            pixels = np.load(folder / "main" / "rows.images" / "pixels.npy", mmap_mode="r")
            assert set(rows["part"]) == {part}
            numbers = raw.loc[rows["file"], "pixels"].to_numpy()
            np.testing.assert_array_equal(pixels[rows["pixels"]], source[numbers])

    def test_faulty_files_are_named_in_the_provenance(self, built: Workspace) -> None:
        aside = read_json(built.raw / "provenance.json")["set_aside"]
        assert {each["problem"] for each in aside} >= {"broken", "truncated", "duplicate"}

    def test_a_variant_in_grey_has_one_channel(self, built: Workspace) -> None:
        features = np.load(built.training_data / "grey" / "features.npy", mmap_mode="r")
        assert features.shape[1:] == (SIDE, SIDE, 1)


class TestTheReport:
    def test_shows_pictures_and_what_was_learned(self, built: Workspace) -> None:
        page = (built.evaluation / "report.html").read_text()
        assert "What augmentation makes of a picture" in page
        assert "Filters of the first convolution" in page
        assert page.count("data:image/png;base64,") > 20

    def test_samples_of_the_augmentation_begin_with_the_picture_itself(
        self, built: Workspace
    ) -> None:
        training = built.training_data / "main"
        samples = np.load(built.networks / "main" / "augmented.npy")
        pixels = np.load(training / "features.npy", mmap_mode="r")
        np.testing.assert_array_equal(samples[:, 0], pixels[: len(samples)])
        assert not np.array_equal(samples[:, 1], samples[:, 2])


class TestSaliency:
    def test_finds_the_bar_that_the_answer_hangs_on(self, built: Workspace) -> None:
        looked = Looked(built.model)
        pictures = np.zeros((1, SIDE, SIDE, 3), np.uint8)
        pictures[0, :, 4:6] = 230
        (heat,) = looked.maps(pictures, np.array([1]))
        assert heat.max() in (0.0, 1.0)
        if heat.max():
            columns = heat.sum(axis=0)
            assert abs(int(columns.argmax()) - 4) <= 2

    def test_weights_are_the_gradients_of_a_linear_tail(self, built: Workspace) -> None:
        """Behind the last convolution only a maximum, a product and a sigmoid follow."""
        looked = Looked(built.model)
        kernels = looked.filters()
        assert kernels is not None
        assert kernels.shape == (4, 3, 3, 3)
        answers = looked.activations(np.zeros((SIDE, SIDE, 3), np.uint8))
        assert answers is not None
        assert answers.shape == (4, SIDE - 2, SIDE - 2)


@pytest.mark.slow
class TestTheCanary:
    def test_test_pictures_reach_nothing_of_the_training_side(self, built: Workspace) -> None:
        from throughline.canary.canary import canary

        proof = canary("bars", built)
        assert proof.moved == ()
        assert proof.corrupted_rows == 2 * EACH
