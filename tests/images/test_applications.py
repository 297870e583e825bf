"""Networks of `keras.applications` with weights from a file, through all stages."""

from __future__ import annotations

import hashlib
import urllib.error
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from tests.images.conftest import PIPELINE, write_folder
from tests.repositories import write_pipeline
from throughline.cli import main
from throughline.errors import BadData, ThroughlineError, Unreachable
from throughline.export.pretrained_graph import frozen_graph
from throughline.paths import Workspace
from throughline.pipeline.schema.pretrained import Pretrained
from throughline.preprocessing.graph.runtime import session_of
from throughline.serving.predictor import Predictor
from throughline.sources.fetching import pretrained_files as module
from throughline.sources.fetching.pretrained_files import fetched
from throughline.sources.registry import Surroundings
from throughline.stages.declared import EVERY_STAGE
from throughline.stages.run import run_stage

SIDE = 32
ARGUMENTS: dict[str, Any] = {"alpha": 0.35, "input_shape": [SIDE, SIDE, 3], "include_top": False}


@pytest.fixture(scope="session")
def network(keras: None) -> Any:
    """MobileNetV2 with weights that somebody might have trained."""
    import keras as library

    library.utils.set_random_seed(5)
    arguments = {**ARGUMENTS, "input_shape": (SIDE, SIDE, 3)}
    model = library.applications.MobileNetV2(weights=None, **arguments)
    generator = np.random.default_rng(5)
    for weight in model.weights:
        if "moving" in weight.name:
            weight.assign(generator.uniform(0.5, 1.5, weight.shape))
    return model


@pytest.fixture(scope="session")
def weights(network: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("weights") / "mine.weights.h5"
    network.save_weights(path)
    return path


def source(weights: Path, **part: Any) -> dict[str, Any]:
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    place = {"file": str(weights), "sha256": digest}
    return {"application": "MobileNetV2", "arguments": ARGUMENTS, **place, **part}


class TestWeightsInAFile:
    @pytest.mark.parametrize("old", [False, True])
    def test_make_the_network_answer_as_in_keras(
        self, network: Any, weights: Path, tmp_path: Path, old: bool
    ) -> None:
        if old:
            # As `keras.applications` publishes them: the format before Keras 3.
            from keras.src.legacy.saving import legacy_h5_format

            weights = tmp_path / "mobilenet_v2_no_top.h5"
            _write_old(network, weights, legacy_h5_format)
        pretrained = Pretrained(**source(weights, until="block_3_project_BN"))
        found = fetched(pretrained, Surroundings(Path("/"), tmp_path / "cache"))
        graph = frozen_graph(found, pretrained)
        pixels = np.random.default_rng(0).normal(size=(2, SIDE, SIDE, 3)).astype(np.float32)
        (answer,) = session_of(graph).run(None, {graph.graph.input[0].name: pixels})
        import keras as library

        part = library.Model(network.inputs, network.get_layer("block_3_project_BN").output)
        np.testing.assert_allclose(answer, part.predict(pixels, verbose=0), atol=1e-5)

    def test_give_the_same_bytes_each_time(self, weights: Path, tmp_path: Path) -> None:
        pretrained = Pretrained(**source(weights))
        one, other = (
            fetched(pretrained, Surroundings(Path("/"), tmp_path / each)).read_bytes()
            for each in ("one", "other")
        )
        assert one == other

    @pytest.mark.parametrize(
        ("part", "message"),
        [
            ({"arguments": {**ARGUMENTS, "alpha": 0.5}}, "must hold the weights of"),
            ({"arguments": {**ARGUMENTS, "alfa": 0.5}}, "must take these arguments"),
            ({"application": "MobileNetV22"}, "Did you mean 'MobileNetV2'"),
            ({"sha256": "0" * 64}, "must have sha256"),
            ({"file": "nowhere.weights.h5"}, "must exist: .*nowhere.weights.h5"),
        ],
    )
    def test_that_do_not_fit_are_refused_in_one_line(
        self, weights: Path, tmp_path: Path, part: dict[str, Any], message: str
    ) -> None:
        pretrained = Pretrained(**source(weights, **part))
        with pytest.raises(ThroughlineError, match=message) as caught:
            fetched(pretrained, Surroundings(Path("/"), tmp_path / "cache"))
        assert "\n" not in str(caught.value)

    def test_that_are_no_weights_are_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "text.weights.h5"
        path.write_text("no weights")
        with pytest.raises(BadData, match="must hold the weights of"):
            fetched(Pretrained(**source(path)), Surroundings(Path("/"), tmp_path / "cache"))

    def test_that_are_exchanged_once_they_were_found_are_refused(
        self, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pretrained = Pretrained(**source(weights))
        exchanged = tmp_path / weights.name
        exchanged.write_bytes(weights.read_bytes() + b"0")
        found = module._file
        monkeypatch.setattr(module, "_file", lambda *given: (found(*given), exchanged)[1])
        with pytest.raises(BadData, match="must have sha256"):
            fetched(pretrained, Surroundings(Path("/"), tmp_path / "cache"))
        assert not list((tmp_path / "cache").glob("*.keras"))


def _write_old(network: Any, path: Path, legacy: Any) -> None:
    import h5py

    with h5py.File(path, "w") as stored:
        legacy.save_weights_to_hdf5_group(stored, network)


class TestKerasAddress:
    def test_that_does_not_answer_is_one_line_and_tried_again(
        self, keras: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from keras.src.utils import file_utils

        def fails(*_: object) -> None:
            raise urllib.error.URLError("no way there")

        monkeypatch.setattr(file_utils, "urlretrieve", fails)
        monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
        pretrained = Pretrained(application="MobileNetV2", arguments=ARGUMENTS | {"alpha": 0.5})
        with pytest.raises(Unreachable, match=r"deliver its weights.*no way there.*mirror"):
            fetched(pretrained, Surroundings(Path("/"), tmp_path / "cache"))


class TestAPipelineFile:
    def test_names_application_and_file_and_answers_from_pixels(
        self, network: Any, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pretrained = source(weights, until="block_1_project_BN", pool="average")
        workspace = written(tmp_path, pretrained)
        for stage in EVERY_STAGE:
            run_stage(stage, "bars", tmp_path)
        pixels = np.load(workspace.test_data / "main" / "rows.images" / "pixels.npy")
        assert len(Predictor(workspace.model).predict({"pixels": pixels})["label"]) == len(pixels)
        graph = onnx.load(workspace.training_data / "main" / "preprocess.onnx")
        (found,) = session_of(graph).run(None, {"pixels": pixels[:4]})
        import keras as library

        part = library.Model(network.inputs, network.get_layer("block_1_project_BN").output)
        scaled = (pixels[:4].astype(np.float32) - 127.5) / 127.5
        wanted = part.predict(scaled, verbose=0).mean(axis=(1, 2))
        np.testing.assert_allclose(found, wanted, atol=1e-4)

    @pytest.mark.parametrize(
        ("part", "message"),
        [
            ({"file": "nowhere.weights.h5"}, "nowhere.weights.h5"),
            ({"sha256": None}, "needs 'sha256'"),
            ({"arguments": {"weights": "imagenet"}}, "must not name weights"),
        ],
    )
    def test_that_is_wrong_ends_with_2(
        self,
        weights: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        part: dict[str, Any],
        message: str,
    ) -> None:
        monkeypatch.chdir(tmp_path)
        workspace = written(tmp_path, source(weights, **part))
        if part.get("sha256", "") is not None and "arguments" not in part:
            run_stage("ingest", "bars", tmp_path)
        assert main(["bottleneck", "bars"]) == 2
        said = capsys.readouterr().err
        assert message in said
        assert "Traceback" not in said
        assert not workspace.bottleneck.exists()


def written(root: Path, pretrained: dict[str, Any]) -> Workspace:
    write_folder(root / "bars")
    pipeline: dict[str, Any] = PIPELINE
    images = {**pipeline["source"]["images"], "size": [SIDE, SIDE]}
    return write_pipeline(
        root,
        "bars",
        {
            **pipeline,
            "source": {**pipeline["source"], "images": images},
            "columns": {"pixels": {"image": {"scale": "tf", "pretrained": pretrained}}},
            "network": [{"Dense": {"units": 4, "activation": "relu"}}],
            "training": {**pipeline["training"], "epochs": 2},
            "compare": ["majority"],
            "variants": {},
        },
    )
