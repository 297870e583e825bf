"""A release is a record in git, a champion for servers, and a tag that DVC finds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.flows import shop
from throughline.cli import main
from throughline.errors import BadPipeline, MissingFile, RefusedByGate
from throughline.paths import Workspace, read_json, write_json
from throughline.releasing import promotion, recording, releases
from throughline.releasing.lineage import bill, lineage
from throughline.releasing.outputs import sha256
from throughline.releasing.promotion import champion_file, created
from throughline.releasing.release import compared, listed, shown
from throughline.releasing.stages.moving import rolled_back

# The first test builds the shop, and may wait for another process that builds it.
pytestmark = pytest.mark.timeout(900)
Run = Callable[..., str]


@pytest.fixture
def released(built: Path) -> Path:
    """The shop with its first release."""
    assert created(built, shop.NAME) == "shop@v1"
    return built


def another_model(root: Path, run: Run) -> None:
    """Build and commit another model."""
    shop.another_model(root)
    run(root, "dvc", "repro", "-q", "pipelines/shop/dvc.yaml:evaluate")
    shop.commit(root, "Another model")


class TestCreate:
    def test_the_record_the_champion_the_commit_and_the_tags(self, released: Path) -> None:
        record = releases.read(released, shop.NAME, "v1")
        model = Workspace(released, shop.NAME).model
        assert record["model"]["sha256"] == sha256(model) == sha256(champion_file(released, "shop"))
        assert record["commit"] == shop.git(released, "rev-parse", "HEAD~1")
        small = Workspace(released, shop.NAME).precisions / "float16.onnx"
        assert record["precisions"]["float16"]["sha256"] == sha256(small)
        assert record["metrics"]["accuracy"]["low"] < record["metrics"]["accuracy"]["value"]
        assert record["environment"]["locks"].keys() == {"cpu.txt", "gpu.txt"}
        assert record["model"]["loads"]["opsets"]["ai.onnx"] > 0
        assert shop.git(released, "status", "--short") == ""
        assert shop.git(released, "tag").split() == [
            "pipelines/shop=model#production#1",
            "pipelines/shop=model@v1.0.0",
            "shop@v1",
        ]

    def test_only_what_is_up_to_date_and_committed(self, released: Path) -> None:
        model = Workspace(released, shop.NAME).model
        model.write_bytes(model.read_bytes() + b" ")
        with pytest.raises(BadPipeline, match="up to date before a release"):
            created(released, shop.NAME)
        assert releases.versions(released, shop.NAME) == ["v1"]

    def test_uncommitted_code_is_refused(self, built: Path) -> None:
        shop.git(built, "rm", "--cached", "-q", "code.json")
        with pytest.raises(BadPipeline, match=r"code\.json"):
            created(built, shop.NAME)

    def test_the_same_model_is_not_released_twice(self, released: Path) -> None:
        with pytest.raises(BadPipeline, match="rollback shop@v1"):
            created(released, shop.NAME)

    def test_a_smaller_file_beyond_its_tolerance_is_refused(self, built: Path) -> None:
        workspace = Workspace(built, shop.NAME)
        path = workspace.evaluation / "report.json"
        report = read_json(path)
        report["branches"]["main"]["precisions"][1]["released"] = False
        path.chmod(0o644)
        write_json(path, report)
        entry = recording.record(built, shop.NAME)["precisions"]["float16"]
        assert "sha256" not in entry and "tolerance" in entry["refused"]

    def test_a_broken_gate_is_named(self) -> None:
        report = {"gates": [{"gate": "beat majority", "holds": False}]}
        with pytest.raises(RefusedByGate, match="beat majority"):
            recording.require(report, {})

    def test_a_model_that_a_fresh_process_cannot_load_is_refused(
        self, built: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(promotion, "FRESH", "import sys; sys.exit('no such operator')")
        with pytest.raises(RefusedByGate, match="no such operator"):
            created(built, shop.NAME)
        assert releases.champion(built, shop.NAME) is None


class TestLooking:
    def test_list_show_diff_and_rollback(self, released: Path, run: Run, capsys: Any) -> None:
        first = sha256(champion_file(released, shop.NAME))
        another_model(released, run)
        assert created(released, shop.NAME) == "shop@v2"
        assert [line[0] for line in listed(released, None).splitlines()] == [" ", "*"]
        assert "title: Is it bought?" in shown(released, "shop@v2")
        assert "title: Does it sell? → Is it bought?" in compared(released, "shop@v1", "shop@v2")

        assert sha256(champion_file(released, shop.NAME)) != first
        assert rolled_back(released, "shop@v1") == "shop: production v2 → v1, the champion"
        assert sha256(champion_file(released, shop.NAME)) == first
        assert shop.git(released, "status", "--short") == ""
        assert main(["release", "show", "shop@v3"]) == 2
        assert "Valid names: v1, v2" in capsys.readouterr().err

    def test_an_unknown_release_is_answered_with_the_nearest(self, released: Path) -> None:
        with pytest.raises(MissingFile, match="Did you mean 'shop'"):
            releases.read(released, "shopp", "v1")
        with pytest.raises(BadPipeline, match="NAME@VERSION"):
            releases.parsed("shop")


class TestStopped:
    def test_before_its_tag_a_release_leaves_the_old_champion_and_the_next_makes_it(
        self, released: Path, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        another_model(released, run)
        before = (shop.git(released, "rev-parse", "HEAD"), sha256(champion_file(released, "shop")))

        def stop(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr("throughline.releasing.promotion.settle", lambda *_: None)
            patch.setattr("throughline.releasing.promotion._tag", stop)
            with pytest.raises(KeyboardInterrupt):
                created(released, shop.NAME)
        after = (shop.git(released, "rev-parse", "HEAD"), sha256(champion_file(released, "shop")))
        assert after == before
        assert created(released, shop.NAME) == "shop@v2"
        assert releases.versions(released, shop.NAME) == ["v1", "v2"]
        assert shop.git(released, "status", "--short") == ""


class TestLineage:
    def test_every_step_from_the_source_to_the_file_has_a_hash(self, released: Path) -> None:
        record = releases.read(released, shop.NAME, "v1")
        told = "\n".join(lineage(record, released))
        for word in ("feed/shop.csv", record["data"]["sha256"], record["model"]["sha256"]):
            assert word in told
        for file in ("rows.parquet", "preprocess.onnx", "network.weights.h5", "model.onnx"):
            assert file in told

    def test_the_bill_of_materials_is_cyclonedx(self) -> None:
        content = bill()
        assert (content["bomFormat"], content["specVersion"]) == ("CycloneDX", "1.6")
        names = [entry["name"] for entry in content["components"]]
        assert names == sorted(set(names))
        assert {"dvc", "prefect", "onnxruntime"} <= set(names)
        assert all(entry["purl"].startswith("pkg:pypi/") for entry in content["components"])
