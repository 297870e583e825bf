"""Event files hold the curves of `history.csv`."""

from __future__ import annotations

from pathlib import Path

import pytest

from throughline.errors import MissingFile
from throughline.paths import Workspace
from throughline.training.tensorboard import write_events


class TestEvents:
    def test_curves_come_back(self, tmp_path: Path) -> None:
        import tensorflow as tf

        workspace = Workspace(tmp_path, "shop")
        branch = workspace.networks / "main"
        branch.mkdir(parents=True)
        (branch / "history.csv").write_text("epoch,loss,val_loss\n1,0.5,0.75\n2,0.25,0.5\n")
        for _ in range(2):  # The second call replaces what the first wrote.
            folders = write_events(workspace)
        assert [folder.name for folder in folders] == ["train", "validation"]
        found = {}
        for folder in folders:
            (file,) = folder.iterdir()
            for event in tf.compat.v1.train.summary_iterator(str(file)):
                for value in event.summary.value:
                    assert value.metadata.plugin_data.plugin_name == "scalars"
                    key = (folder.name, value.tag, event.step)
                    found[key] = float(tf.make_ndarray(value.tensor))
        assert found == {
            ("train", "epoch_loss", 1): 0.5,
            ("train", "epoch_loss", 2): 0.25,
            ("validation", "epoch_loss", 1): 0.75,
            ("validation", "epoch_loss", 2): 0.5,
        }

    def test_nothing_trained(self, tmp_path: Path) -> None:
        with pytest.raises(MissingFile, match="train"):
            write_events(Workspace(tmp_path, "shop"))
