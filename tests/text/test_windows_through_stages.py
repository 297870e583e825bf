"""A pipeline of windows by index against the same rows as strings, through every stage."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.repositories import write_pipeline
from throughline.canary.canary import canary
from throughline.cli import main
from throughline.cli.commands.decode import decode
from throughline.cli.commands.parity import parity
from throughline.cli.commands.readmit import readmit
from throughline.paths import Workspace, read_json
from throughline.pipeline.schema.source_files import Samples
from throughline.preprocessing.pictures import read_rows
from throughline.samples.rows.row_arrays import read_array
from throughline.samples.windows.gathered import Windowed
from throughline.sources.samples import sampled
from throughline.stages.declared import stages_of
from throughline.stages.run import run_stage
from throughline.tokens.token_rows import as_texts, is_windows

WORDS = "[^ ]+"
SAMPLES = {"windows": {"of": "words", "length": 3}}


def verses() -> list[str]:
    """Lines in which a word mostly follows the one before it in a row of ten."""
    rng, words = np.random.default_rng(0), [f"{a}{b}" for a in "tslmn" for b in ("a", "o")]
    lines = []
    for _ in range(60):
        place, line = int(rng.integers(10)), []
        for _ in range(12):
            line.append(words[place])
            place = (place + 1) % 10 if rng.random() < 0.8 else int(rng.integers(10))
        lines.append(" ".join(line))
    return lines


def ids(length: int) -> dict[str, Any]:
    text = {"tokens": WORDS, "encode": {"ids": {"length": length}}}
    return {"context": {"text": text}}


PIPELINE: dict[str, Any] = {
    "title": "Which word comes next?",
    "task": "multiclass",
    "target": "next",
    "columns": ids(3),
    "expectations": {
        "on_failure": "quarantine",
        "limit": 0.1,
        "rules": [{"expect_column_values_to_not_match_regex": {
            "column": "context", "regex": "^ta (?!to)"}}],
    },
    "split": {"kind": "grouped", "column": "text_number", "test": 0.2,
              "guards": {"duplicates": "warn"}},
    "network": [{"Embedding": {"input_dim": 20, "output_dim": 4}}, "Flatten"],
    "training": {"optimizer": {"Adam": {"learning_rate": 0.02}}, "epochs": 2, "validation": 0.1},
    "cross_validation": {"folds": 2},
    "sweeps": {"batch": {"over": {"training.batch_size": [16]}}},
    "compare": ["majority", {"model": "NGram", "arguments": {"n": 3}, "cross_validate": True}],
    "variants": {
        "bag": {"title": "Words in any order",
                "columns": {"context": {"text": {"tokens": WORDS, "encode": "counts"}}},
                "network": [{"Dense": {"units": 8, "activation": "relu"}}]},
    },
}  # fmt: skip


def built(root: Path, source: dict[str, Any]) -> Workspace:
    root.mkdir()
    (root / "verses.txt").write_text("\n".join(verses()) + "\n")
    workspace = write_pipeline(root, "verses", {**PIPELINE, "source": source})
    for stage in [each.name for each in stages_of({})]:
        run_stage(stage, "verses", root)
    return workspace


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Workspace]:
    """The windows by index, and the same rows as strings."""
    root = tmp_path_factory.mktemp("windows")
    lines = {"file": "verses.txt", "read": {"format": "lines"}}
    samples = Samples.model_validate({"kind": "windows", **SAMPLES["windows"]})
    rows = as_texts(sampled(pd.DataFrame({"text": verses()}), samples))
    strings = {"rows": {name: rows[name].tolist() for name in rows.columns}}
    return built(root / "index", {**lines, "samples": SAMPLES}), built(root / "strings", strings)


class TestMendedWindows:
    def test_come_back_as_texts(self, tmp_path: Path) -> None:
        """A mended text is no window of the source's texts, so the column is one of strings."""
        (tmp_path / "verses.txt").write_text("\n".join(verses()) + "\n")
        rule = {"expect_column_values_to_be_between": {"column": "context.length", "max_value": 8}}
        lines = {"file": "verses.txt", "read": {"format": "lines"}, "samples": SAMPLES}
        first = {"expect_column_values_to_not_match_regex": {
            "column": "context", "regex": "^ta (?!to)"}}  # fmt: skip
        document = {**PIPELINE, "source": lines, "variants": {}, "sweeps": {}}
        document["expectations"] = {**PIPELINE["expectations"], "rules": [first, rule]}
        workspace = write_pipeline(tmp_path, "verses", document)
        for stage in ("ingest", "validate"):
            run_stage(stage, "verses", tmp_path)
        aside = len(pd.read_parquet(workspace.clean / "quarantine.parquet"))
        raw, clean = (len(read_rows(f / "rows.parquet")) for f in (workspace.raw, workspace.clean))
        assert clean == raw - aside < raw
        assert f"mend the {aside} rows" in readmit(tmp_path, "verses")
        repairs = pd.read_csv(workspace.repairs)
        repairs["context"] = "to to to"
        repairs.to_csv(workspace.repairs, index=False)
        assert "readmitted" in readmit(tmp_path, "verses")
        for stage in ("validate", "prepare"):
            run_stage(stage, "verses", tmp_path)
        mended = read_rows(workspace.clean / "rows.parquet")
        assert len(mended) == raw
        assert mended["context"].dtype == "str"
        assert (mended["context"][repairs["row"]] == "to to to").all()
        assert isinstance(read_array(workspace.training_data / "main", "features"), np.ndarray)


class TestATargetOfWindows:
    def test_has_their_texts_as_classes(self, tmp_path: Path) -> None:
        (tmp_path / "verses.txt").write_text("\n".join(verses()) + "\n")
        document = {
            "title": "What came before?", "task": "multiclass", "target": "context",
            "source": {"file": "verses.txt", "read": {"format": "lines"},
                       "samples": {"windows": {"of": "words", "length": 1}}},
            "columns": {"next": {"encode": "one-hot"}},
            "split": {"test": 0.2, "guards": {"duplicates": "off"}},
        }  # fmt: skip
        workspace = write_pipeline(tmp_path, "verses", document)
        for stage in ("ingest", "validate", "prepare"):
            run_stage(stage, "verses", tmp_path)
        summary = read_json(workspace.training_data / "main" / "prepared.json")
        words = sorted({word for line in verses() for word in line.split()})
        assert summary["target"]["classes"] == words


class TestWindowsByIndex:
    def test_are_held_as_positions(self, both: tuple[Workspace, Workspace]) -> None:
        by_index, strings = both
        for folder in (by_index.raw, by_index.clean, by_index.training_data / "main",
                       by_index.test_data / "main"):  # fmt: skip
            assert pd.read_parquet(folder / "rows.parquet")["context"].dtype == "int32"
            assert is_windows(read_rows(folder / "rows.parquet")["context"])
        assert isinstance(read_array(by_index.training_data / "main", "features"), Windowed)
        assert isinstance(read_array(by_index.training_data / "bag", "features"), np.ndarray)
        assert isinstance(read_array(strings.training_data / "main", "features"), np.ndarray)

    def test_are_the_same_rows(self, both: tuple[Workspace, Workspace]) -> None:
        for branch in ("main", "bag"):
            for part in ("training_data", "test_data"):
                one, other = (
                    as_texts(read_rows(getattr(side, part) / branch / "rows.parquet"))
                    for side in both
                )
                pd.testing.assert_frame_equal(one, other)

    def test_set_the_same_rows_aside(self, both: tuple[Workspace, Workspace]) -> None:
        one, other = (pd.read_parquet(side.clean / "quarantine.parquet") for side in both)
        assert len(one)
        assert one["value"].str.startswith("ta ").all()
        pd.testing.assert_frame_equal(one, other)

    def test_give_the_same_figures(self, both: tuple[Workspace, Workspace]) -> None:
        for path in ("metrics", "parity"):
            one, other = (read_json(getattr(side, path)) for side in both)
            assert one == other
        one, other = (read_json(side.cross_validation / "scores.json") for side in both)
        assert one == other
        lines = []
        for side in both:
            with (side.evaluation / "predictions.csv").open(encoding="utf-8") as file:
                lines.append(list(csv.reader(file)))
        assert len(lines[0]) > 100
        assert lines[0] == lines[1]

    @pytest.mark.parametrize("branch", ["main", "bag"])
    def test_give_the_same_network(self, both: tuple[Workspace, Workspace], branch: str) -> None:
        for file in ("network.weights.h5", "golden.npy", "golden.parquet"):
            one, other = ((side.networks / branch / file).read_bytes() for side in both)
            assert one == other, file

    def test_are_decoded(self, both: tuple[Workspace, Workspace]) -> None:
        one, other = (decode(side, 3) for side in both)
        assert one == other

    def test_are_answered_by_the_file(self, both: tuple[Workspace, Workspace]) -> None:
        checks = parity("verses", both[0].root, 200)
        assert {check.branch for check in checks} == {"main", "bag"}
        assert not [check for check in checks if check.passed is False]

    def test_are_answered_from_their_text_as_the_report_says(
        self, both: tuple[Workspace, Workspace], tmp_path: Path
    ) -> None:
        side = both[0]
        rows = read_rows(side.test_data / "main" / "rows.parquet")
        lines = (side.root / "verses.txt").read_text().splitlines()
        # Equal lines are one text, on one side; each line has nine windows.
        numbers = read_rows(side.raw / "rows.parquet")["text_number"][::9]
        tested = set(rows["text_number"])
        held = [line for line, number in zip(lines, numbers, strict=True) if number in tested]
        contexts = [
            " ".join(words[place : place + 3])
            for words in map(str.split, held)
            for place in range(len(words) - 3)
        ]
        # The rule sets the others aside.
        kept = [context for context in contexts if not re.match("ta (?!to)", context)]
        asked, output = tmp_path / "contexts.csv", tmp_path / "answers.csv"
        pd.DataFrame({"context": kept}).to_csv(asked, index=False)
        assert main(["predict", str(side.model), str(asked), "--output", str(output)]) == 0
        said = pd.read_csv(side.evaluation / "predictions.csv")
        assert pd.read_csv(output)["label"].tolist() == said["predicted"].tolist()

    def test_do_not_leak(self, both: tuple[Workspace, Workspace]) -> None:
        proof = canary("verses", both[0])
        assert proof.corrupted_rows > 50
        assert proof.folds == 2

    def test_are_generated_from(
        self, both: tuple[Workspace, Workspace], capsys: pytest.CaptureFixture[str]
    ) -> None:
        arguments = ["generate", str(both[0].model), "--start", "ta to sa", "--count", "1"]
        assert main(arguments) == 0
        words = capsys.readouterr().out.split()
        assert words[:3] == ["ta", "to", "sa"]
        assert len(words) > 3
        assert json.dumps(words).isascii()
