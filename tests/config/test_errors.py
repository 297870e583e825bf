"""A mistake in a pipeline file gives one line: file, line, key, what was found, what to do."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from throughline.errors import BadPipeline, MissingFile
from throughline.paths import Workspace
from throughline.pipeline.loading import load

RIGHT: dict[str, Any] = {
    "title": "Will it rain?",
    "task": "binary",
    "source": {"rows": {"x": [1, 2, 3, 4], "town": ["a", "b", "a", "b"], "rain": [0, 1, 0, 1]}},
    "target": "rain",
    "columns": {"x": {"scale": "standard"}, "town": {"encode": "one-hot"}},
    "network": [{"Dense": {"units": 4}}],
    "compare": ["majority"],
}


def written(root: Path, text: str) -> Workspace:
    workspace = Workspace(root, "rain")
    workspace.pipeline_file.parent.mkdir(parents=True)
    workspace.pipeline_file.write_text(text)
    return workspace


def changed(**sections: Any) -> str:
    return yaml.safe_dump(deepcopy(RIGHT) | sections, sort_keys=False)


class TestARightFile:
    def test_is_loaded(self, tmp_path: Path) -> None:
        pipeline = load(written(tmp_path, changed())).main
        assert pipeline.target.columns == ["rain"]
        assert pipeline.problem.activation == "sigmoid"

    def test_a_variant_is_the_pipeline_with_sections_changed(self, tmp_path: Path) -> None:
        variants = {"shallow": {"network": []}, "raw": {"columns": {"x": {"scale": None}}}}
        definition = load(written(tmp_path, changed(variants=variants)))
        assert definition.branches["shallow"].network == []
        assert definition.prepared_by == {"main": "main", "shallow": "main", "raw": "raw"}
        assert set(definition.branches["raw"].columns) == {"x", "town"}


class TestOneLineSaysWhatIsWrong:
    @pytest.mark.parametrize(
        ("sections", "words"),
        [
            ({"colums": {}}, ["colums", "no such key", "Did you mean 'columns'"]),
            ({"columns": {"x": {"scal": "standard"}}}, ["columns.x.scal", "Did you mean 'scale'"]),
            ({"columns": {"x": {"scale": "standart"}}}, ["columns.x.scale", "standart"]),
            ({"columns": {}}, ["columns", "at least 1"]),
            ({"task": "binray"}, ["task", "binray", "multiclass"]),
            ({"target": "x"}, [":22:3: columns.x: the target 'x' cannot be a feature too"]),
            ({"source": {"url": "https://example.org/a.csv"}}, ["source", "sha256"]),
            ({"source": {"sklearn": "iris", "file": "a.csv"}}, ["exactly one of", "sklearn"]),
            ({"split": {"test": "a fifth"}}, ["split.test", "a fifth"]),
            ({"split": {"kind": "temporal"}}, ["split", "'temporal' needs 'column'"]),
            ({"training": {"epochs": 0}}, ["training.epochs", "0"]),
            ({"training": {"batchsize": 8}}, ["training.batchsize", "Did you mean 'batch_size'"]),
            ({"cross_validation": {"folds": 1}}, ["cross_validation.folds", "1"]),
            ({"compare": ["RandomForrest"]}, ["compare", "no comparison model 'RandomForrest'"]),
            ({"gates": {"beat": "mean"}}, ["gate 'beat: mean' needs 'mean' in 'compare'"]),
            ({"gates": {"accuracy": "high"}}, ["accuracy", "needs a bound such as"]),
            (
                {"claims": [{"text": "t", "at": "L1", "metric": "m", "value": 1, "variant": "v"}]},
                ["claim at L1 names no variant", "'v'"],
            ),
            ({"variants": {"a": {"trainig": {}}}}, ["variants.a.trainig", "'training'"]),
            (
                {"variants": {"a": {"training": {"epochs": -1}}}},
                ["variants.a.training.epochs", "-1"],
            ),
            ({"columns": {"x": {"clip": [0, 1], "encode": "one-hot"}}}, ["'clip' has no effect"]),
            (
                {"training": {"xla": "yes please"}},
                ["training.xla: must be 'auto', true or false. Received: yes please."],
            ),
            (
                {"training": {"batch_size": "some"}},
                ["training.batch_size: must be a whole number or 'all'."],
            ),
            ({"training": {"batch_size": 0}}, ["greater than or equal to 1 or 'all'."]),
            (
                {"training": {"class_weight": "equal"}},
                ["training.class_weight: must be 'balanced' or a mapping."],
            ),
            ({"training": {"epochs": {"maxx": 3}}}, ["training.epochs.maxx", "'max'"]),
            ({"network": 3}, ["network: must be a list, a mapping or text."]),
        ],
    )
    def test_with_the_line_of_the_key(
        self, tmp_path: Path, sections: dict[str, Any], words: list[str]
    ) -> None:
        workspace = written(tmp_path, changed(**sections))
        with pytest.raises(BadPipeline) as caught:
            load(workspace)
        message = str(caught.value)
        assert "\n" not in message
        assert str(workspace.pipeline_file) + ":" in message
        for word in words:
            assert word in message
        # One mistake is one, however many types a key may have.
        assert "more in this file" not in message

    def test_several_mistakes_are_counted(self, tmp_path: Path) -> None:
        text = changed(training={"xla": "yes please", "batchsize": 8, "epochs": "many"})
        with pytest.raises(BadPipeline, match=r"\(2 more in this file\)\.$"):
            load(written(tmp_path, text))

    def test_a_column_may_be_named_like_a_type(self, tmp_path: Path) -> None:
        text = changed(columns={"int": {"scal": 1}})
        with pytest.raises(BadPipeline, match=r"columns\.int\.scal: no such key"):
            load(written(tmp_path, text))

    def test_the_line_is_the_one_of_the_key(self, tmp_path: Path) -> None:
        text = "title: Rain\ntask: binary\nsource: {sklearn: iris}\ntarget: y\n"
        text += "columns:\n  x:\n    scal: 1\n"
        with pytest.raises(BadPipeline, match=r"pipeline\.yaml:7:5: columns\.x\.scal"):
            load(written(tmp_path, text))

    def test_a_key_that_is_merged_in_may_be_said_again(self, tmp_path: Path) -> None:
        text = changed() + "variants:\n  a: {training: &t {epochs: 3}}\n"
        text += "  b: {training: {<<: *t, epochs: 4}}\n"
        assert load(written(tmp_path, text)).branches["b"].training.epochs == 4

    def test_a_guard_may_be_off(self, tmp_path: Path) -> None:
        text = changed() + "split: {guards: {duplicates: off}}\n"
        assert load(written(tmp_path, text)).main.split.guards.duplicates == "off"

    def test_a_missing_section(self, tmp_path: Path) -> None:
        with pytest.raises(BadPipeline, match=r"source: this key is required"):
            load(written(tmp_path, "title: Rain\ntask: binary\ntarget: y\ncolumns: {x: {}}\n"))

    def test_a_key_that_stands_twice(self, tmp_path: Path) -> None:
        with pytest.raises(BadPipeline, match=r":3 is not valid YAML: key 'title' stands twice"):
            load(written(tmp_path, "title: Rain\ntask: binary\ntitle: Snow\n"))

    def test_broken_yaml(self, tmp_path: Path) -> None:
        with pytest.raises(BadPipeline, match=r"pipeline\.yaml:\d+ is not valid YAML"):
            load(written(tmp_path, "title: [Rain\ntask: binary\n"))

    def test_an_empty_file(self, tmp_path: Path) -> None:
        with pytest.raises(BadPipeline, match="must hold a mapping"):
            load(written(tmp_path, ""))

    def test_a_pipeline_that_is_not_there(self, tmp_path: Path) -> None:
        written(tmp_path, changed())
        with pytest.raises(MissingFile, match="Did you mean 'rain'"):
            load(Workspace(tmp_path, "rian"))


class TestAnErrorIsShort:
    def test_whatever_the_file_holds(self, tmp_path: Path) -> None:
        with pytest.raises(BadPipeline) as caught:
            load(written(tmp_path, changed(task="x" * 10_000)))
        assert len(str(caught.value)) < 500
