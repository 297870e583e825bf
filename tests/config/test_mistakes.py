"""Mistakes of a pipeline file: each has its place, the nearest right thing, its writer's words."""

from __future__ import annotations

import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.config.test_errors import RIGHT
from throughline.cli import main
from throughline.paths import Workspace

PYDANTIC = re.compile(
    r"Input should|valid (dictionary|string|integer|number|list)|instance of|pydantic|Value error|"
    r"Field required|Extra inputs|Traceback"
)
CHANGES: list[tuple[dict[str, Any], str]] = [
    # Shares or numbers of rows.
    ({"split": {"test": 1.2}}, "split.test: must be a share of the rows, or a whole number"),
    ({"split": {"test": 1.0}}, "split: 'test: 1.0' would leave no row to train on"),
    ({"cross_validation": {"folds": 2, "sizes": [0.5, 2.5]}}, "a whole number of them, found 2.5"),
    # Keys.
    ({"taget": "rain", "target": ...}, "taget: no such key. Did you mean 'target'?"),
    ({"source": ...}, "source: this key is required."),
    ({"hello": 1}, "hello: no such key. Valid names: title, task"),
    ({"source": {"fil": "a.csv"}}, "source.fil: no such key. Did you mean 'file'?"),
    ({"target": {"colum": "rain"}}, "target.colum: no such key. Did you mean 'columns'?"),
    ({"columns": {"x": {"scal": "standard"}}}, "columns.x.scal: no such key. Did you mean 'scale'"),
    (
        {"columns": {"town": {"encode": {"one-hot": {"unknwon": "bucket"}}}}},
        "columns.town.encode.one-hot.unknwon: no such key. Did you mean 'unknown'?",
    ),
    (
        {"columns": {"x": {"scale": {"constant": {"div": 5}}}}},
        "columns.x.scale.constant.div: no such key. Did you mean 'divide'?",
    ),
    ({"cross_validation": {"fold": 5}}, "cross_validation.fold: no such key. Did you mean 'folds'"),
    ({"slices": [{"colum": "x"}]}, "slices.0.colum: no such key. Did you mean 'column'?"),
    ({"training": {"epochs": {"patience": 3}}}, "training.epochs.max: this key is required."),
    ({"claims": [{"text": "t", "at": "1", "metric": "m"}]}, "claims.0.value: this key is required"),
    ({"columns": {5: {}}}, "columns.5: a name must be text. Put it in quotes: '5'."),
    (
        {"columns": {"label": {"scale": "standard"}}},
        "columns.label: 'label' is what the model's answer is called; give the column another name",
    ),
    # Values.
    ({"task": "binray"}, "Received: binray. Did you mean 'binary'?"),
    ({"task": None}, "task: must be 'binary', 'multiclass'"),
    ({"title": ""}, "title: must be a text of at least 1 characters. Received: nothing."),
    ({"title": 2020}, "Received: 2020, which YAML reads as a number. Put it in quotes."),
    ({"target": 5}, "target: must be the name of a column, a list of names or a mapping."),
    ({"target": False}, "target: must be the name of a column"),
    ({"target": [1]}, "target.0: must be text. Received: 1, which YAML reads as a number."),
    ({"source": "orders.csv"}, "source: must be a mapping such as {file: orders.csv}."),
    ({"source": "https://e.org/a"}, "source: must be a mapping such as {url: https://e.org/a}."),
    ({"source": {"file": "a", "folder": "b"}}, "is needed, found file and folder."),
    (
        {"source": {"url": "https://e.org/a", "sha256": "abc"}},
        "source.sha256: must be 64 hexadecimal digits. Received: abc.",
    ),
    ({"columns": ["x"]}, "columns: must be a mapping such as {x: {scale: standard}}."),
    ({"columns": {"x": "standard"}}, "columns.x: must be a mapping such as {scale: standard}."),
    ({"columns": {"x": "one-hot"}}, "columns.x: must be a mapping such as {encode: one-hot}."),
    (
        {"columns": {"x": {"scale": "standart"}}},
        "columns.x.scale: must be 'standard', 'minmax', 'mean', 'robust' or 'constant'. "
        "Received: standart. Did you mean 'standard'?",
    ),
    (
        {"columns": {"x": {"scale": {"standart": {}}}}},
        "columns.x.scale.standart: must be 'standard', 'minmax', 'mean', 'robust' or 'constant'. "
        "Received: standart. Did you mean 'standard'?",
    ),
    (
        {"columns": {"x": {"scale": {"constant": 5}}}},
        "'constant' holds a mapping, here with keys among subtract, divide. Received: 5.",
    ),
    ({"columns": {"x": {"impute": "average"}}}, "columns.x.impute: must be 'mean', 'median'"),
    ({"columns": {"x": {"impute": "constant"}}}, "columns.x.impute: 'constant' needs a value"),
    ({"columns": {"town": {"encode": "onehot"}}}, "Received: onehot. Did you mean 'one-hot'?"),
    (
        {"columns": {"town": {"encode": {"ordinal": "a"}}}},
        "columns.town.encode.ordinal: must be a list. Received: a.",
    ),
    ({"columns": {"x": {"clip": 5}}}, "columns.x.clip: must be a mapping with keys such as low"),
    ({"split": 0.2}, "split: must be a mapping with keys such as kind, test, train. Received: 0.2"),
    ({"split": {"test": "20%"}}, "split.test: must be a number. Received: 20%."),
    ({"split": {"kind": "random"}}, "split.kind: must be 'shuffled', 'first'"),
    ({"split": {"kind": "grouped"}}, "split: 'grouped' needs 'column'."),
    (
        {"training": {"epochs": "50"}},
        "training.epochs: must be a whole number or a mapping. Received: '50', a text. "
        "Write it without quotes.",
    ),
    ({"training": {"epochs": True}}, "must be a whole number or a mapping. Received: true."),
    ({"training": {"batch_size": 2.5}}, "training.batch_size: must be a whole number or 'all'."),
    ({"training": {"validation": 20}}, "training.validation: must be less than 1.0. Received: 20."),
    ({"cross_validation": {"folds": "5"}}, "Received: '5', a text. Write it without quotes."),
    ({"compare": "majority"}, "compare: must be a list. Received: majority."),
    ({"compare": ["majorty"]}, "no comparison model 'majorty'. Did you mean 'majority'?"),
    ({"compare": [{"SVX": {"C": 1}}]}, "compare.0.SVX: no comparison model 'SVX'. Did you mean"),
    ({"gates": ["majority"]}, "gates: must be a mapping with keys such as beat"),
    ({"gates": {"accuracy": 0.9}}, "'accuracy' needs a bound such as '>= 0.95', found '0.9'."),
    ({"gates": {"acuracy": ">= 0.9"}}, "no metric 'acuracy' of a binary problem. Did you mean"),
    ({"expectations": {"on_failure": "ignore"}}, "must be 'stop', 'quarantine' or 'warn'."),
    (
        {"expectations": {"rules": [{"expect_colum_to_exist": {"column": "x"}}]}},
        "no expectation 'expect_colum_to_exist'. Did you mean 'expect_column_to_exist'?",
    ),
    ({"variants": {"a": {"training": {"epochs": "3"}}}}, "variants.a.training.epochs: must be a"),
    ({"variants": {"a": {"without": ["xx"]}}}, "variants.a.without: 'without' names a column"),
    ({"sweeps": {"s": {"over": {}}}}, "sweeps.s.over: must be of at least 1 entries."),
    ({"inputs": {"a": "x"}}, "inputs.a: must be a list. Received: x."),
    # Names that Keras has, or not.
    ({"network": [{"Dens": {"units": 4}}]}, "network[0] should be a layer of keras.layers."),
    ({"network": [{"Dense": {"unit": 4}}]}, "network[0].Dense.unit should be an argument of Dense"),
    ({"training": {"optimizer": "Adm"}}, "Received: Adm. Did you mean 'Adam'?"),
    # Between sections.
    ({"gates": {"beat": "mean"}}, "gates.beat: gate 'beat: mean' needs 'mean' in 'compare'."),
    ({"training": {"epochs": {"max": 9, "patience": 3}}}, "training.validation should be a share"),
    ({"target": {"column": "rain", "scale": "standard"}}, "'scale' has a meaning for regression"),
    # Between the file and its rows.
    ({"target": "rian"}, "target: the rows have no column 'rian'. Did you mean 'rain'?"),
    ({"columns": {"xx": {}}}, "columns.xx: the rows have no column 'xx'. Did you mean 'x'?"),
    ({"columns": {"y_*": {}}}, "columns.y_*: the rows have no column 'y_*'."),
    (
        {"columns": {"r": {"derive": {"ratio": ["x", "twon"]}}}},
        "columns.r.derive: the rows have no column 'twon'. Did you mean 'town'?",
    ),
    (
        {"columns": {"town": {"scale": "standard"}}},
        "columns.town: column 'town' must hold numbers, or say how its texts are encoded. Received"
        ": 'a'. Write `town: {encode: one-hot}`",
    ),
    (
        {"columns": {"t*": {}}},
        "columns.t*: column 'town' must hold numbers",
    ),
    (
        {"columns": {"r": {"derive": {"ratio": ["x", "town"]}}}},
        "columns.r: column 'town' must hold numbers",
    ),
    ({"split": {"stratify": "rian"}}, "split.stratify: the rows have no column 'rian'."),
    ({"slices": [{"column": "tow"}]}, "slices.0.column: the rows have no column 'tow'."),
    (
        {"expectations": {"rules": [{"expect_column_to_exist": {"column": "twon"}}]}},
        "expectations.rules.0.expect_column_to_exist.column: the rows have no column 'twon'.",
    ),
    (
        {"expectations": {"rules": [{"expect_column_to_exist": {"column": "twon.words"}}]}},
        "expectations.rules.0.expect_column_to_exist.column: the rows have no column 'twon.words'.",
    ),
    ({"source": {"file": "nothing.csv"}}, "source.file: must exist: nothing.csv."),
    ({"source": {"file": "rains.csv"}}, "source.file: must exist: rains.csv. Did you mean 'rain.c"),
    ({"source": {"folder": "photos"}}, "source.folder: must exist: photos."),
    ({"source": {"file": "broken.csv"}}, "Line 3 of 'broken.csv' must have 3 fields"),
    ({"source": {"file": "rain.csv", "sha256": "0" * 64}}, "'rain.csv' must have sha256 000"),
    (
        {"source": {"file": "rain.csv"}, "columns": {"town": {"scale": "standard"}}},
        "columns.town: column 'town' must hold numbers, or say how its texts are encoded. Received",
    ),
    ({"source": {"file": "other.csv"}}, "columns.town: the rows have no column 'town'."),
]


def document(changes: dict[str, Any]) -> str:
    content = deepcopy(RIGHT) | changes
    kept = {key: value for key, value in content.items() if value is not ...}
    return yaml.safe_dump(kept, sort_keys=False)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rain.csv").write_text("x,town,rain\n1,a,0\n2,b,1\n")
    (tmp_path / "other.csv").write_text("x,rain\n1,0\n2,1\n")
    (tmp_path / "broken.csv").write_text("x,town,rain\n1,a,0\n2,b\n")
    workspace = Workspace(Path(), "rain")
    workspace.pipeline_file.parent.mkdir(parents=True)
    return workspace


@pytest.mark.parametrize(("changes", "told"), CHANGES, ids=[told[:40] for _, told in CHANGES])
def test_a_mistake_is_told_in_the_files_words(
    changes: dict[str, Any], told: str, project: Workspace, capsys: Any
) -> None:
    project.pipeline_file.write_text(document(changes))
    assert main(["check", "rain"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and told in said
    assert not PYDANTIC.search(said)
    for line in said.splitlines():
        place = re.match(r"error: pipelines/rain/pipeline\.yaml:\d+:\d+: ([^\s:]+)", line)
        assert place, line
        # The key that is to be added is no key of the file.
        absent = re.search(r"this key is required|must exist|should be a share", line)
        for key in [] if absent else re.split(r"[.\[\]]+", place[1].strip("]")):
            assert key.isdigit() or key in project.pipeline_file.read_text()


class TestAllAtOnce:
    def test_also_those_behind_a_misspelt_key_or_value(
        self, project: Workspace, capsys: Any
    ) -> None:
        changes = {
            "task": "binray",
            "target": ...,
            "taget": "rian",
            "network": [{"Dens": {}}],
            "training": {"batchsize": 8, "epochs": "9"},
            "gates": {"beat": "mean"},
        }
        project.pipeline_file.write_text(document(changes))
        assert main(["check"]) == 2
        lines = capsys.readouterr().err.splitlines()
        named = [line.split(": ")[2].split(" ")[0] for line in lines]
        assert sorted(named) == [
            "gates.beat", "taget", "task", "training.batchsize", "training.epochs",
        ]  # fmt: skip
        project.pipeline_file.write_text(document(changes | {"gates": {}}))
        assert main(["check"]) == 2
        said = capsys.readouterr().err
        assert "network[0] should be a layer" in said and "no column 'rian'" in said

    def test_and_those_of_every_variant(self, project: Workspace, capsys: Any) -> None:
        variants = {"a": {"training": {"epochs": -1}}, "b": {"training": {"epochs": -2}}}
        project.pipeline_file.write_text(document({"variants": variants}))
        assert main(["check", "rain"]) == 2
        assert capsys.readouterr().err.count("variants.") == 2

    def test_whichever_command_meets_them(self, project: Workspace, capsys: Any) -> None:
        project.pipeline_file.write_text(document({"hello": 1, "task": "binray"}))
        assert main(["ingest", "rain"]) == 2
        assert [line.split(": ")[2] for line in capsys.readouterr().err.splitlines()] == [
            "task",
            "hello",
        ]

    def test_a_right_file_has_none(self, project: Workspace, capsys: Any) -> None:
        project.pipeline_file.write_text(document({"source": {"file": "rain.csv"}}))
        assert main(["check", "rain"]) == 0
        assert capsys.readouterr().out == "rain: right\n"


def test_a_rule_may_name_a_measure_of_a_column(project: Workspace, capsys: Any) -> None:
    rules = [{"expect_column_values_to_be_between": {"column": "town.words", "min_value": 1}}]
    changes = {"source": {"file": "rain.csv"}, "expectations": {"rules": rules}}
    project.pipeline_file.write_text(document(changes))
    assert main(["check", "rain"]) == 0, capsys.readouterr().err


def test_a_number_may_be_written_without_a_dot(project: Workspace) -> None:
    from throughline.pipeline.loading import load

    text = document({}) + "training: {optimizer: {Adam: {learning_rate: 1e-3}}, validation: 1E-1}\n"
    project.pipeline_file.write_text(text)
    training = load(project).main.training
    assert (training.optimizer, training.validation) == ({"Adam": {"learning_rate": 0.001}}, 0.1)


@pytest.mark.parametrize(
    "layer", [{"Hashing": {"num_bins": 5}}, {"TimeDistributed": {"layer": {"MelSpectrogram": {}}}}]
)
def test_a_layer_that_nothing_can_export_is_told_before_training(
    layer: dict[str, Any], project: Workspace, capsys: Any
) -> None:
    project.pipeline_file.write_text(document({"network": [layer]}))
    assert main(["check", "rain"]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert next(iter(layer)) in line and "should be a layer that" in line
