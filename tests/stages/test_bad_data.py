"""Broken data: one line that says how to mend it, exit code 2, nothing half-written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from throughline.cli import main
from throughline.stages.wire import wire

HEADER = "age,town,bought\n"
RIGHT = HEADER + "".join(f"{20 + i},{'ab'[i % 2]},{['no', 'yes'][i % 3 == 0]}\n" for i in range(30))

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Writes a data file and a pipeline file, runs the stages up to `prepare`."""

    def run(content: str | bytes, **sections: object) -> tuple[int, str]:
        data = tmp_path / "rows.csv"
        data.write_bytes(content if isinstance(content, bytes) else content.encode())
        pipeline = {
            "title": "Does it sell?",
            "task": "binary",
            "source": {"file": str(data)},
            "target": "bought",
            "columns": {"age": {"scale": "standard"}, "town": {"encode": "one-hot"}},
            "split": {"test": 0.3, "seed": 0},
            **sections,
        }
        file = tmp_path / "pipelines" / "shop" / "pipeline.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(yaml.safe_dump(pipeline, sort_keys=False))
        (tmp_path / "params.yaml").write_text("seed: 0\n")
        monkeypatch.chdir(tmp_path)
        wire(Path(), ["shop"])
        for stage in ("ingest", "validate", "prepare"):
            code = main([stage, "shop"])
            if code:
                break
        return code, capsys.readouterr().err

    return run


def outputs(root: Path) -> list[str]:
    """Every file below data/, and every draft that a stage left."""
    return sorted(str(path.relative_to(root)) for path in root.glob("data/**/*") if path.is_file())


class TestRightData:
    def test_go_through(self, run: Run, tmp_path: Path) -> None:
        code, message = run(RIGHT)
        assert (code, message) == (0, "")
        assert "data/prepared/shop/training/main/features.npy" in outputs(tmp_path)


class TestBrokenData:
    @pytest.mark.parametrize(
        ("content", "sections", "words"),
        [
            pytest.param("", {}, ["rows.csv", "0 bytes"], id="empty file"),
            pytest.param(HEADER, {}, ["rows.csv", "row"], id="header only"),
            pytest.param(
                "age,town,town,bought\n1,a,b,no\n",
                {},
                ["more than once: town"],
                id="duplicate header",
            ),
            pytest.param(
                RIGHT.replace("25,", "old,"), {}, ["'age'", "numbers"], id="text in numbers"
            ),
            pytest.param(
                RIGHT.replace(",a,", ",,"), {}, ["'town' is missing", "impute"], id="missing text"
            ),
            pytest.param(
                RIGHT.replace("26,", ","), {}, ["'age'", "missing", "impute"], id="missing number"
            ),
            pytest.param(
                RIGHT.replace("b,yes", "b,"),
                {},
                ["Target 'bought'", "missing"],
                id="missing target",
            ),
            pytest.param(
                RIGHT.replace("yes", "no"), {}, ["'bought'", "two classes"], id="one class only"
            ),
            pytest.param(
                RIGHT.replace("21,b,no", "21,b,maybe").replace("22,a,no", "22,a,maybe"),
                {},
                ["binary", "multiclass"],
                id="three classes",
            ),
            pytest.param(
                HEADER + "".join(f"7,{'ab'[i % 2]},{'ny'[i % 3 == 0]}\n" for i in range(30)),
                {},
                ["'age' cannot be scaled", "Leave the column out"],
                id="constant column",
            ),
            pytest.param(
                RIGHT,
                {"columns": {"agee": {}, "town": {"encode": "one-hot"}}},
                ["columns.agee", "Did you mean 'age'"],
                id="missing column",
            ),
            pytest.param(
                RIGHT, {"target": "bougth"}, ["Did you mean 'bought'"], id="missing target column"
            ),
            pytest.param(
                RIGHT,
                {"split": {"kind": "first", "train": 30}},
                ["test part at least one row"],
                id="0 rows in a part",
            ),
            pytest.param(
                RIGHT, {"split": {"stratify": "city"}}, ["split", "'city'"], id="split by no column"
            ),
            pytest.param(
                RIGHT, {"task": "regression"}, ["Target", "numbers"], id="regression on texts"
            ),
            pytest.param(
                RIGHT.encode().replace(b"a,", b"\xff\xfe,"),
                {},
                ["rows.csv", "utf-8"],
                id="encoding",
            ),
            pytest.param(
                RIGHT,
                {"expectations": {"rules": [{"expect_table_row_count_to_equal": {"value": 31}}]}},
                ["expect_table_row_count_to_equal"],
                id="expectation fails",
            ),
            pytest.param(
                RIGHT,
                {"expectations": {"rules": [{"expect_row_count": {"value": 31}}]}},
                ["expect_row_count", "Did you mean"],
                id="unknown expectation",
            ),
        ],
    )
    def test_is_one_line_and_exit_code_2(
        self, run: Run, tmp_path: Path, content: str | bytes, sections: dict, words: list[str]
    ) -> None:
        code, message = run(content, **sections)
        assert code == 2
        assert message.startswith("error: ")
        assert message.count("\n") == 1, message
        for word in words:
            assert word.lower() in message.lower(), message
        assert not [path for path in outputs(tmp_path) if "draft" in path or "prepared" in path]

    def test_leaves_what_an_earlier_run_made(self, run: Run, tmp_path: Path) -> None:
        run(RIGHT)
        features = tmp_path / "data/prepared/shop/training/main/features.npy"
        before = features.read_bytes()
        code, _ = run(RIGHT.replace("yes", "no"))
        assert code == 2
        assert features.read_bytes() == before

    def test_a_file_that_is_not_there(self, run: Run) -> None:
        code, message = run(RIGHT, source={"file": "nowhere.csv"})
        assert code == 2
        assert "nowhere.csv" in message

    def test_a_pipeline_file_whose_sections_changed(
        self,
        run: Run,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        run(RIGHT)
        file = tmp_path / "pipelines/shop/pipeline.yaml"
        file.write_text(file.read_text() + "cross_validation: {folds: 3}\n")
        with monkeypatch.context() as within:
            within.setenv("DVC_ROOT", str(tmp_path))
            assert main(["ingest", "shop"]) == 2
            assert "Run the same command again" in capsys.readouterr().err
            assert main(["ingest", "shop"]) == 0
        file.write_text(file.read_text() + "slices: [{column: age}]\n")
        assert main(["ingest", "shop"]) == 0
        assert "slices" in (file.parent / "dvc.yaml").read_text()
