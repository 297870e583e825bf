"""Pretrained networks: frozen and stored, gone on with, refused where they do not fit."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from tests.images.conftest import EACH, PIPELINE, SIDE, drawn, encoded, write_folder
from tests.repositories import write_pipeline
from throughline.cli import main
from throughline.errors import BadData, ThroughlineError
from throughline.export.pretrained_graph import frozen_graph
from throughline.paths import Workspace, read_json
from throughline.pipeline.schema.pretrained import Pretrained
from throughline.preprocessing.graph.runtime import session_of
from throughline.serving.predictor import Predictor
from throughline.stages.declared import EVERY_STAGE

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def weights(keras: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network that somebody else might have trained, with names of its own."""
    import keras as library

    layers = library.layers
    library.utils.set_random_seed(3)
    inputs = library.Input((SIDE, SIDE, 3), name="image")
    first = layers.Conv2D(6, 3, activation="relu", name="first")(inputs)
    normed = layers.BatchNormalization(name="normed")(first)
    second = layers.Conv2D(8, 3, activation="relu", name="second")(normed)
    added = layers.Add(name="added")([second, layers.Conv2D(8, 1, name="side")(second)])
    pooled = layers.GlobalAveragePooling2D(name="pooled")(added)
    model = library.Model(inputs, layers.Dense(5, activation="softmax", name="top")(pooled))
    path = tmp_path_factory.mktemp("weights") / "network.keras"
    model.save(path)
    return path


def source(weights: Path, **part: Any) -> dict[str, Any]:
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    return {"file": str(weights), "sha256": digest, **part}


@pytest.fixture(scope="session")
def tuned(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The first layer frozen and stored, the second trained on after a warm-up."""
    root = tmp_path_factory.mktemp("tuned")
    write_folder(root / "bars")
    image = {"size": [SIDE, SIDE], "fit": "crop", "scale": "tf"}
    upper = source(weights, after="normed", until="added", pool="max", freeze="none")
    pipeline = {
        **PIPELINE,
        "columns": {"pixels": {"image": {**image, "pretrained": source(weights, until="normed")}}},
        "network": [{"Pretrained": upper}],
        "training": {
            "optimizer": {"Adam": {"learning_rate": 0.01}},
            "epochs": 8,
            "batch_size": 16,
            "warm_up": {"epochs": 2},
        },
        "compare": ["majority"],
        "variants": {
            "kept": {
                "network": [{"Pretrained": {**upper, "freeze": "all"}}],
                "training": {"warm_up": None},
            }
        },
    }
    workspace = write_pipeline(root, "bars", pipeline)
    # Each stage in a process of its own, as DVC runs it.
    for stage in EVERY_STAGE:
        subprocess.run(
            [sys.executable, "-m", "throughline", stage, "bars"],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            check=True,
        )
    return workspace


class TestAFrozenNetwork:
    @pytest.mark.parametrize("until", [None, "pooled", "added", "second", "normed"])
    def test_up_to_a_layer_answers_as_in_keras(self, weights: Path, until: str | None) -> None:
        import keras as library

        model = library.models.load_model(weights)
        part = library.Model(model.inputs, model.get_layer(until or "top").output)
        pixels = np.random.default_rng(0).normal(size=(3, SIDE, SIDE, 3)).astype(np.float32)
        graph = frozen_graph(weights, Pretrained(**source(weights, until=until)))
        (found,) = session_of(graph).run(None, {graph.graph.input[0].name: pixels})
        np.testing.assert_allclose(found, part.predict(pixels, verbose=0), atol=1e-5)

    def test_without_the_layer_names_the_nearest(self, weights: Path) -> None:
        with pytest.raises(BadData, match="Did you mean 'second'"):
            frozen_graph(weights, Pretrained(**source(weights, until="secnod")))

    def test_that_is_no_keras_file_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "network.keras"
        path.write_bytes(b"something else")
        with pytest.raises(BadData, match="sound"):
            frozen_graph(path, Pretrained(file="x", sha256="0" * 64))

    def test_of_another_checksum_is_refused(self, weights: Path, tmp_path: Path) -> None:
        from throughline.sources.fetching.pretrained_files import fetched
        from throughline.sources.gate import copied
        from throughline.sources.registry import Surroundings

        wanted = Pretrained(file=str(weights), sha256="0" * 64)
        found = fetched(wanted, Surroundings(Path("/"), tmp_path))
        # Demanded of the copy that is loaded, not of a file that may change in between.
        with pytest.raises(ThroughlineError, match="sha256"):
            copied(found, tmp_path / "network.keras", wanted.sha256)


class TestWhatIsStored:
    def test_features_are_what_the_graph_gives(self, tuned: Workspace) -> None:
        training = tuned.training_data / "main"
        graph = onnx.load(training / "preprocess.onnx")
        pixels = np.load(training / "rows.images" / "pixels.npy")
        (found,) = session_of(graph).run(None, {"pixels": pixels})
        stored = np.load(training / "features.npy")
        assert stored.shape == (2 * EACH, SIDE - 2, SIDE - 2, 6)
        np.testing.assert_allclose(found, stored, atol=1e-5)

    def test_test_pictures_leave_no_features_with_the_training_side(self, tuned: Workspace) -> None:
        assert not (tuned.test_data / "main" / "rows.bottleneck").exists()
        rows = np.load(tuned.training_data / "main" / "rows.bottleneck" / "pixels.npy")
        assert len(rows) == 2 * EACH

    def test_the_stage_hangs_on_what_names_networks_alone(self, tuned: Workspace) -> None:
        import yaml

        stage = yaml.safe_load(tuned.stages_file.read_text())["stages"]["bottleneck"]
        sections = {
            path.rpartition("/")[2]: names
            for each in stage["params"]
            for path, names in each.items()
        }
        assert sections["pipeline.yaml"] == ["columns", "network", "variants.kept.network"]


class TestFineTuning:
    def test_takes_the_pixels_of_a_file_to_an_answer(self, tuned: Workspace) -> None:
        pictures = np.stack([drawn("upright", 70), drawn("lying", 71)])
        answer = Predictor(tuned.model).predict({"pixels": pictures})
        assert set(answer["label"]) <= {"upright", "lying"}
        assert read_json(tuned.parity)["main"]["largest_error"] <= 1e-5

    def test_counts_the_epochs_of_both_phases(self, tuned: Workspace) -> None:
        assert read_json(tuned.networks / "main" / "training.json")["epochs"] == 10
        assert len((tuned.networks / "main" / "history.csv").read_text().splitlines()) == 11

    def test_moves_what_is_not_frozen_and_nothing_else(
        self, tuned: Workspace, weights: Path
    ) -> None:
        import keras as library

        from throughline.training.save import load

        given = library.models.load_model(weights).get_layer("second").get_weights()[0]

        def second(branch: str) -> np.ndarray:
            network = load(tuned.networks / branch)
            part = next(each for each in network.layers if isinstance(each, library.Model))
            return np.asarray(part.get_layer("second").get_weights()[0])

        np.testing.assert_array_equal(second("kept"), given)
        assert np.abs(second("main") - given).max() > 1e-4

    def test_refuses_a_layer_that_the_network_does_not_have(self, weights: Path) -> None:
        from throughline.training.network.checks import check

        entry = {**source(weights), "util": "added"}
        assert "util" in " ".join(check([{"Pretrained": entry}]))


class TestNearest:
    def test_finds_a_training_picture_itself_first(
        self, tuned: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder = tuned.model.parent / "nearest"
        picture = tuned.root / "bars" / "train" / "lying" / "005.png"
        assert main(["nearest", str(folder), "--image", str(picture), "--count", "3"]) == 0
        header, first, *_ = capsys.readouterr().out.splitlines()
        assert header == "file,class,distance"
        assert first.startswith("train/lying/005.png,lying,")
        (tmp_path / "new.png").write_bytes(encoded(drawn("upright", 500), "PNG"))
        assert main(["nearest", str(folder), "--image", str(tmp_path / "new.png")]) == 0

    def test_says_what_is_missing(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["nearest", str(tmp_path), "--image", "a.png"]) == 2
        assert "features.onnx" in capsys.readouterr().err


class TestAFileOfCode:
    def test_runs_nothing(self, weights: Path, tmp_path: Path) -> None:
        """A Lambda layer carries Python; it has no converter and is never deserialised."""
        path = tmp_path / "evil.keras"
        with zipfile.ZipFile(weights) as old, zipfile.ZipFile(path, "w") as new:
            content = json.loads(old.read("config.json"))
            for layer in content["config"]["layers"]:
                if layer["config"]["name"] == "pooled":
                    layer |= {"class_name": "Lambda", "module": "keras.layers"}
            new.writestr("config.json", json.dumps(content))
            new.writestr("model.weights.h5", old.read("model.weights.h5"))
        with pytest.raises(ThroughlineError):
            frozen_graph(path, Pretrained(**source(weights)))
