"""A `.keras` file that is broken, or brings code, is refused in one line."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from throughline.errors import BadData, ThroughlineError
from throughline.export.pretrained_graph import frozen_graph
from throughline.pipeline.schema.pretrained import Pretrained
from throughline.training.network.pretrained_layers import layer

SIDE = 8


@pytest.fixture(scope="module")
def weights(keras: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound file."""
    import keras as library

    layers = [library.Input((SIDE, SIDE, 3)), library.layers.Conv2D(6, 3)]
    layers += [library.layers.GlobalAveragePooling2D(), library.layers.Dense(5)]
    path = tmp_path_factory.mktemp("weights") / "network.keras"
    library.Sequential(layers).save(path)
    return path


def source(path: Path) -> dict[str, str]:
    return {"file": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def read(path: Path) -> None:
    """Read a file as stages that train do: from the folder of stage `bottleneck`."""
    given = source(path)
    kept = path.with_name(f"{given['sha256']}.keras")
    kept.write_bytes(path.read_bytes())
    layer({**given, "folder": str(kept.parent)}, "part", "network[0]")


def remade(weights: Path, path: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """A `.keras` file whose members are changed, or left out."""
    with zipfile.ZipFile(weights) as whole, zipfile.ZipFile(path, "w") as other:
        for name in whole.namelist():
            content = change(name, whole.read(name))
            if content is not None:
                other.writestr(name, content)
    return path


def with_a_lambda(path: Path) -> Path:
    import keras as library

    doubled = library.layers.Lambda(lambda x: 2 * x)
    library.Sequential([library.Input((SIDE, SIDE, 3)), doubled]).save(path)
    return path


def no_zip(weights: Path, path: Path) -> Path:
    path.write_bytes(b"something else")
    return path


def without(member: str) -> Callable[[Path, Path], Path]:
    return lambda weights, path: remade(weights, path, lambda n, c: None if n == member else c)


def replaced_in(member: str, old: bytes, new: bytes) -> Callable[[Path, Path], Path]:
    def change(name: str, content: bytes) -> bytes:
        assert name != member or old in content
        return content.replace(old, new) if name == member else content

    return lambda weights, path: remade(weights, path, change)


def halved(member: str) -> Callable[[Path, Path], Path]:
    return lambda weights, path: remade(
        weights, path, lambda n, c: c[: len(c) // 2] if n == member else c
    )


CONFIGURATION, WEIGHTS = "config.json", "model.weights.h5"
BROKEN: dict[str, tuple[Callable[[Path, Path], Path], list[str]]] = {
    "no zip": (no_zip, ["a .keras file", "not a zip file"]),
    "no configuration": (without(CONFIGURATION), ["a zip of config.json", "'config.json'"]),
    "no weights": (without(WEIGHTS), ["a zip of config.json", "'model.weights.h5'"]),
    "half a configuration": (halved(CONFIGURATION), ["a zip of config.json"]),
    "code": (lambda weights, path: with_a_lambda(path), ["config.json of", "no code", "Lambda"]),
    "an unknown class": (
        replaced_in(CONFIGURATION, b'"Conv2D"', b'"Conv9D"'),
        ["config.json of", "Conv9D"],
    ),
    "half the weights": (halved(WEIGHTS), ["model.weights.h5 of", "truncated"]),
    "weights of another size": (
        replaced_in(CONFIGURATION, b'"units": 5', b'"units": 4'),
        ["model.weights.h5 of"],
    ),
}


class TestAFileThatIsNotSound:
    def test_a_sound_one_is_read(self, weights: Path) -> None:
        read(weights)
        frozen_graph(weights, Pretrained.model_validate(source(weights)))

    @pytest.mark.parametrize("kind", BROKEN)
    def test_is_refused_in_one_line(self, weights: Path, tmp_path: Path, kind: str) -> None:
        make, words = BROKEN[kind]
        path = make(weights, tmp_path / "broken.keras")
        with pytest.raises(BadData) as caught:
            read(path)
        message = str(caught.value)
        assert "\n" not in message and len(message) < 500
        for word in [*words, "network[0]", str(path), "Received", "Save the network again"]:
            assert word in message

    # The graph takes its sizes from the weights.
    @pytest.mark.parametrize("kind", [k for k in BROKEN if k != "weights of another size"])
    def test_is_no_traceback_where_the_network_is_frozen(
        self, weights: Path, tmp_path: Path, kind: str
    ) -> None:
        path = BROKEN[kind][0](weights, tmp_path / "broken.keras")
        with pytest.raises(ThroughlineError):
            frozen_graph(path, Pretrained.model_validate(source(path)))
