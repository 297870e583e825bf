"""Features of which nearly all are zero: held without those, and trained on as if they were not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as made

from throughline.errors import BadData
from throughline.pipeline.schema.columns import Column
from throughline.pipeline.schema.training import Training
from throughline.preprocessing import foresight, sparse
from throughline.preprocessing.fit import fit
from throughline.preprocessing.plan import plan
from throughline.preprocessing.sparse import Sparse, compressed, joined
from throughline.samples.rows import mapped as on_disk
from throughline.samples.rows.row_arrays import arrays, read_array, write_array
from throughline.training.engine.engine import fit as trained
from throughline.training.engine.runs import Run

SHAPES = st.tuples(st.integers(1, 9), st.just(5))
CHUNKS = made(np.float32, SHAPES, elements=st.sampled_from([0, 0, 0, 1, 2.5]))
ROWS, WORDS = 96, 400


@pytest.fixture
def texts() -> pd.DataFrame:
    generator = np.random.default_rng(0)
    words = np.array([f"w{number}" for number in range(WORDS)])
    return pd.DataFrame({"text": [" ".join(generator.choice(words, 3)) for _ in range(ROWS)]})


def features(texts: pd.DataFrame) -> Any:
    column = Column.model_validate(
        {"text": {"tokens": "[a-z0-9]+", "vocabulary": WORDS, "encode": "tf-idf"}}
    )
    fitted = fit(texts, plan(texts, {"text": column}, None, []))
    return arrays(fitted, texts)["features"]


class TestRowsWithoutTheirZeros:
    @settings(max_examples=50, deadline=None)
    @given(parts=st.lists(CHUNKS, min_size=1, max_size=4), data=st.data())
    def test_are_the_rows(self, parts: list[np.ndarray], data: Any) -> None:
        whole = np.concatenate(parts)
        held = joined([compressed(part) for part in parts])
        assert held.shape == whole.shape
        rows = data.draw(st.lists(st.integers(0, len(whole) - 1)))
        assert (held[np.array(rows, int)] == whole[np.array(rows, int)]).all()
        assert (held[1:] == whole[1:]).all()
        assert (held[0] == whole[0]).all()

    def test_are_the_same_on_the_disk(self, tmp_path: Path) -> None:
        whole = np.eye(7, dtype=np.float32)
        write_array(compressed(whole), tmp_path, "features")
        found = read_array(tmp_path, "features")
        assert isinstance(found, Sparse)
        assert (found[:] == whole).all()

    @pytest.mark.parametrize("together", [False, True])
    def test_train_as_the_whole_array_does(self, together: bool) -> None:
        import keras

        generator = np.random.default_rng(1)
        whole = generator.normal(size=(60, 11)).astype(np.float32)
        whole[generator.random(whole.shape) < 0.8] = 0
        target = (whole.sum(1, keepdims=True) > 0).astype(np.float32)

        def build(seed: int) -> Any:
            keras.utils.set_random_seed(seed)
            inputs = keras.Input((11,), name="features")
            return keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(inputs))

        def weights(inputs: Any) -> list[np.ndarray]:
            runs = [
                Run({"features": inputs}, target, np.arange(50), np.arange(50, 60), seed)
                for seed in (0, 1)
            ]
            found = trained(
                build, Training(epochs=3, batch_size=16), runs, loss="BinaryCrossentropy",
                together=together,
            )  # fmt: skip
            return [array for one in found for array in (*one.weights, one.validation_predictions)]

        for first, second in zip(weights(whole), weights(compressed(whole)), strict=True):
            np.testing.assert_allclose(first, second, rtol=1e-6, atol=1e-7)


class TestTrainingArrays:
    def test_large_ones_are_held_sparse(
        self, texts: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = features(texts)
        assert isinstance(whole, np.ndarray)
        monkeypatch.setattr(sparse, "LARGE_BYTES", whole.nbytes)
        held = features(texts)
        assert isinstance(held, Sparse)
        assert sum(part.nbytes for part in held.parts) < whole.nbytes / 20
        assert (held[:] == whole).all()

    def test_of_numbers_are_not(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sparse, "LARGE_BYTES", 1)
        rows = pd.DataFrame({"x": np.arange(1.0, 9.0)})
        fitted = fit(rows, plan(rows, {"x": Column()}, None, []))
        assert isinstance(arrays(fitted, rows)["features"], np.ndarray)


class TestFolds:
    def test_large_arrays_lie_on_the_disk(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(on_disk, "LARGE_BYTES", 100)
        whole = np.arange(60, dtype=np.float32).reshape(20, 3)
        disk = on_disk.Mapped(tmp_path)
        found = [disk.mapped({"x": whole * fold})["x"] for fold in (1, 2)]
        assert all(isinstance(array, np.memmap) for array in found)
        # The second fold has not taken the place of the first.
        assert (found[0] == whole).all()
        assert (found[1] == 2 * whole).all()
        del disk
        assert not list(tmp_path.iterdir())

    def test_small_ones_stay_in_memory(self, tmp_path: Path) -> None:
        whole = np.ones((4, 2), np.float32)
        assert on_disk.Mapped(tmp_path).mapped({"x": whole})["x"] is whole
        assert not list(tmp_path.iterdir())


class TestForesight:
    def test_names_the_key_and_the_size(
        self, texts: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(foresight, "free_bytes", lambda: foresight.ROOM_BYTES + 1000)
        with pytest.raises(
            BadData, match=r"96 rows x \d+ features.*vocabulary.*columns\.text\.text"
        ):
            features(texts)

    def test_says_nothing_where_there_is_room(
        self, texts: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(foresight, "free_bytes", lambda: None)
        assert features(texts).shape[0] == ROWS
