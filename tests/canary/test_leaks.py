"""Leaks put into the stages on purpose: every one of them makes the canary sing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from throughline.canary import folds as folding
from throughline.canary.canary import canary
from throughline.errors import RefusedByGate
from throughline.paths import Workspace, read_json, write_json
from throughline.pipeline.loading import load
from throughline.samples.rows.kind import trials
from throughline.stages import cross_validate, export, train
from throughline.stages import prepare as preparing
from throughline.stages.run import run_stage
from throughline.stages.wire import wire

ROWS = 120
Patch = pytest.MonkeyPatch


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A pipeline with a column of each kind that is fitted, ingested and validated."""
    generator = np.random.default_rng(0)
    # As many of each class: what only turns classes round leaves their shares as they were.
    buys = np.arange(ROWS) % 2
    size = generator.normal(170, 10, ROWS).round(1) + 5 * buys
    size[::9] = np.nan
    words = np.array(["red", "green", "blue", "small", "large"])
    columns: dict[str, Any] = {
        "size": [None if np.isnan(value) else value for value in size.tolist()],
        "town": generator.choice(["Bonn", "Köln", "Ulm"], ROWS).tolist(),
        "note": [" ".join(generator.choice(words, 3)) for _ in range(ROWS)],
        "day": list(range(ROWS)),
        "buys": buys.tolist(),
    }
    document = {
        "title": "Who buys?",
        "task": "binary",
        "source": {"rows": columns},
        "target": "buys",
        "columns": {
            "size": {"impute": "median", "scale": "robust"},
            "town": {"encode": "one-hot"},
            "note": {"text": {"tokens": "[a-z]+", "vocabulary": 20, "encode": "multi-hot"}},
        },
        "split": {"test": 0.25, "stratify": "buys"},
        "network": [{"Dense": {"units": 2}}],
        "cross_validation": {"folds": 2},
    }
    root = tmp_path_factory.mktemp("shop")
    workspace = Workspace(root, "shop")
    workspace.pipeline_file.parent.mkdir(parents=True)
    workspace.pipeline_file.write_text(yaml.safe_dump(document, sort_keys=False))
    shutil.copy(Path(__file__).resolve().parents[2] / "params.yaml", root)
    wire(root, ["shop"])
    for stage in ("ingest", "validate"):
        run_stage(stage, "shop", root)
    return workspace


def clean(scratch: Workspace) -> pd.DataFrame:
    return pd.read_parquet(scratch.clean / "rows.parquet")


def after_prepare(patch: Patch, leak: Callable[[Workspace], None]) -> None:
    """`prepare`, and then something more."""
    honest = preparing.prepare

    def leaking(given: Any, scratch: Workspace) -> None:
        honest(given, scratch)
        leak(scratch)

    patch.setattr(preparing, "prepare", leaking)


def said(scratch: Workspace, **figures: Any) -> None:
    """Write into prepared.json of the training side."""
    path = scratch.training_data / "main" / "prepared.json"
    write_json(path, read_json(path) | figures)


# What all rows may not do to those that are fitted on.


def medians(rows: pd.DataFrame, every: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(size=rows["size"].fillna(every["size"].median()))


def scales(rows: pd.DataFrame, every: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(size=rows["size"] - every["size"].mean())


def vocabularies(rows: pd.DataFrame, every: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(note=[*rows["note"][:-1], " ".join(every["note"])])


def categories(rows: pd.DataFrame, every: pd.DataFrame) -> pd.DataFrame:
    towns = sorted(every["town"].unique())
    return rows.assign(town=[*towns, *rows["town"][len(towns) :]])


FITS = [medians, scales, vocabularies, categories]


# Leaks of `prepare`, each a function that puts it in.


def labels(patch: Patch) -> None:
    after_prepare(patch, lambda scratch: said(scratch, every=clean(scratch)["buys"].tolist()))


def shares(patch: Patch) -> None:
    after_prepare(patch, lambda scratch: said(scratch, share=float(clean(scratch)["buys"].mean())))


def strata(patch: Patch) -> None:
    def counted(scratch: Workspace) -> None:
        said(scratch, counts=sorted(clean(scratch)["buys"].value_counts().tolist()))

    after_prepare(patch, counted)


def encodings(patch: Patch) -> None:
    """Towns told by their share of buyers among all rows."""

    def encoded(scratch: Workspace) -> None:
        said(scratch, encoding=clean(scratch).groupby("town")["buys"].mean().round(6).to_dict())

    after_prepare(patch, encoded)


def bins(patch: Patch) -> None:
    def cut(scratch: Workspace) -> None:
        said(scratch, deciles=clean(scratch)["size"].quantile([0.1, 0.5, 0.9]).tolist())

    after_prepare(patch, cut)


def rows_of_the_test_part(patch: Patch) -> None:
    """One more row trains."""
    from throughline.samples.splits import parts as module

    honest = module.parts

    def leaking(rows: pd.DataFrame, split: Any) -> np.ndarray:
        assigned = honest(rows, split)
        if split.kind == "predefined":
            assigned[np.flatnonzero(assigned == "test")[0]] = "training"
        return assigned

    patch.setattr(module, "parts", leaking)


class TestPreparing:
    @pytest.mark.parametrize(
        "leak", [labels, shares, strata, encodings, bins, rows_of_the_test_part]
    )
    def test_sings(
        self, workspace: Workspace, monkeypatch: Patch, leak: Callable[[Patch], None]
    ) -> None:
        leak(monkeypatch)
        with pytest.raises(RefusedByGate, match="moved: "):
            canary("shop", workspace)

    @pytest.mark.parametrize("change", FITS)
    def test_sings_where_all_rows_are_fitted_on(
        self, workspace: Workspace, monkeypatch: Patch, change: Any
    ) -> None:
        from throughline.preprocessing import fit as module

        honest, read = module.fit, pd.read_parquet
        every: list[pd.DataFrame] = []

        def reading(path: Any, *rest: Any, **more: Any) -> pd.DataFrame:
            every.append(read(path, *rest, **more))
            return every[-1]

        def leaking(rows: pd.DataFrame, *rest: Any, **more: Any) -> Any:
            return honest(change(rows, every[-1]), *rest, **more)

        monkeypatch.setattr(pd, "read_parquet", reading)
        monkeypatch.setattr(module, "fit", leaking)
        with pytest.raises(RefusedByGate, match=r"moved: .*preprocess\.onnx"):
            canary("shop", workspace)

    def test_is_quiet_without_a_leak(self, workspace: Workspace) -> None:
        proof = canary("shop", workspace)
        assert (proof.corrupted_rows, proof.folds, proof.moved) == (30, 2, ())

    @pytest.mark.parametrize(
        "split",
        [
            {"kind": "grouped", "column": "town", "test": 0.3},
            {"kind": "temporal", "column": "day", "test": 0.2, "gap": 5},
            {"kind": "first", "train": 90, "shuffle": 3},
        ],
    )
    def test_is_quiet_whatever_decides_the_split(
        self, workspace: Workspace, tmp_path: Path, split: dict[str, Any]
    ) -> None:
        copy = Workspace(tmp_path / "copy", "shop")
        shutil.copytree(workspace.root, copy.root)
        document = yaml.safe_load(copy.pipeline_file.read_text())
        document |= {"split": split, "cross_validation": {"folds": 2, "group": "town"}}
        copy.pipeline_file.write_text(yaml.safe_dump(document, sort_keys=False))
        proof = canary("shop", copy)
        assert (proof.moved, proof.moved_folds, proof.folds) == ((), (), 2)


def of_all_labels(scratch: Workspace) -> int:
    """What a leak of the labels of test rows looks like, as a number."""
    rows = pd.read_parquet(scratch.test_data / "main" / "rows.parquet")
    return int((rows["buys"] * (1 + np.arange(len(rows)))).sum())


def learned(scratch: Workspace) -> int:
    return int(np.load(scratch.training_data / "main" / "target.npy").sum())


class Stages:
    """Stages that train in no time; each can be made to follow the test rows."""

    def __init__(self, patch: Patch, leaking: str = "") -> None:
        self._leaking = leaking
        patch.setattr(cross_validate, "cross_validate", self.cross_validate)
        patch.setattr(train, "train", self.train)
        patch.setattr(export, "export", self.export)

    def _made(self, scratch: Workspace, *names: str) -> dict[str, int]:
        return {
            name: learned(scratch) + (of_all_labels(scratch) if name == self._leaking else 0)
            for name in names
        }

    def cross_validate(self, given: Any, scratch: Workspace) -> None:
        scratch.cross_validation.mkdir(parents=True)
        made = self._made(scratch, "epochs", "selection")
        write_json(scratch.cross_validation / "scores.json", made)

    def train(self, given: Any, scratch: Workspace) -> None:
        folder = scratch.networks / "main"
        folder.mkdir(parents=True)
        write_json(folder / "network.json", self._made(scratch, "weights"))

    def export(self, given: Any, scratch: Workspace) -> None:
        made = json.dumps(self._made(scratch, "threshold", "calibration"))
        scratch.model.write_text(made)
        # What is measured on test rows may follow them.
        write_json(scratch.model.with_name("parity.json"), of_all_labels(scratch))


class TestTraining:
    @pytest.mark.parametrize("leak", ["epochs", "selection", "weights", "threshold", "calibration"])
    def test_sings(self, workspace: Workspace, monkeypatch: Patch, leak: str) -> None:
        Stages(monkeypatch, leak)
        with pytest.raises(RefusedByGate, match="moved: "):
            canary("shop", workspace, train=True)

    def test_is_quiet_without_a_leak(self, workspace: Workspace, monkeypatch: Patch) -> None:
        Stages(monkeypatch)
        assert canary("shop", workspace, train=True).moved == ()

    @pytest.mark.slow
    def test_is_quiet_with_the_stages_themselves(self, workspace: Workspace) -> None:
        proof = canary("shop", workspace, train=True)
        assert proof.moved == ()
        assert proof.files >= 10


class TestFolds:
    @pytest.mark.parametrize("change", FITS)
    def test_sing_where_validation_rows_are_fitted_on(
        self, workspace: Workspace, monkeypatch: Patch, change: Any
    ) -> None:
        from throughline.preprocessing import fit as module

        honest, corrupted = module.fit, folding.corrupted
        rows = clean(workspace)
        every: list[pd.DataFrame] = []
        calls: list[pd.DataFrame] = []

        def corrupting(*given: Any) -> pd.DataFrame:
            every.append(corrupted(*given))
            return every[-1]

        def leaking(given: pd.DataFrame, *rest: Any, **more: Any) -> Any:
            # Each fold is fitted twice: on its rows, and with the others corrupted.
            calls.append(rows if len(calls) % 2 == 0 else every[-1])
            return honest(change(given, calls[-1]), *rest, **more)

        monkeypatch.setattr(folding, "corrupted", corrupting)
        monkeypatch.setattr(module, "fit", leaking)
        view = load(workspace).main
        assert folding.moved_folds(trials(rows, view, (), {}), view.class_columns)[1] == (0, 1)
