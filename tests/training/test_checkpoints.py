"""A checkpoint belongs to one training, and a short training writes none."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from throughline.training.checkpoints import Checkpoints
from throughline.training.engine.runs import Run
from throughline.training.engine.state import State

X = np.arange(12.0).reshape(6, 2)
RUN = Run({"features": X}, X[:, 0], np.arange(4), np.arange(4, 6), 3)


def changed(**fields: Any) -> Run:
    return dataclasses.replace(RUN, **fields)


class TestFingerprint:
    def test_same_training_in_another_process(self, tmp_path: Path) -> None:
        again = changed(inputs={"features": X.copy()}, target=X[:, 0].copy())
        assert Checkpoints(tmp_path, "s").path(RUN) == Checkpoints(tmp_path, "s").path(again)

    @pytest.mark.parametrize(
        "other",
        [
            changed(seed=4),
            changed(inputs={"features": X + 1e-9}),
            changed(inputs={"features": X.astype(np.float32)}),
            changed(inputs={"other": X}),
            changed(target=X[:, 1]),
            changed(train_rows=np.arange(3)),
            changed(validation_rows=None),
            changed(sample_weight=np.ones(6)),
        ],
    )
    def test_other_data_rows_or_seed(self, other: Run, tmp_path: Path) -> None:
        assert Checkpoints(tmp_path, "s").path(RUN) != Checkpoints(tmp_path, "s").path(other)

    def test_other_settings(self, tmp_path: Path) -> None:
        assert Checkpoints(tmp_path, "s").path(RUN) != Checkpoints(tmp_path, "t").path(RUN)

    def test_other_weights_to_start_with(self, tmp_path: Path) -> None:
        """Of a pretrained network, of word vectors, or as another warm-up left them."""

        def path(*weights: float) -> Path:
            kept = Checkpoints(tmp_path, "s")
            start = State([np.array(weights)], [], [], (), (), 0, False, -1)
            assert kept.load(RUN, start) == (start, [])
            return kept.path(RUN)

        assert path(1.0, 2.0) == path(1.0, 2.0) != path(1.0, 3.0)


class TestShortTrainings:
    def test_write_nothing(self, tmp_path: Path) -> None:
        kept = Checkpoints(tmp_path / "kept", "s")
        kept.save(RUN, {"weight": np.ones(2)}, [np.ones((1, 1))], done=False)
        kept.save(RUN, {"weight": np.ones(2)}, [np.ones((1, 1))], done=True)
        assert not (tmp_path / "kept").exists()

    def test_are_kept_as_part_of_a_long_stage(self, tmp_path: Path) -> None:
        long_ago = time.monotonic() - 60
        kept = Checkpoints(tmp_path / "kept", "s", began=long_ago)
        kept.save(RUN, {"weight": np.ones(2)}, [np.ones((1, 1))], done=False)
        assert not (tmp_path / "kept").exists()
        kept.save(RUN, {"weight": np.ones(2)}, [np.ones((1, 1))], done=True)
        assert kept.path(RUN).stat().st_mode & 0o777 == 0o600
        assert kept.folder.stat().st_mode & 0o777 == 0o700
