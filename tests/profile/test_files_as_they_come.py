"""Files as people have them: the draft keeps its own rows, is prepared, and means what they mean.

Each file stands for a kind that once became a wrong draft, lost columns, or did not run.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
import yaml

from throughline.cli import main
from throughline.figures.rounding import PROBABILITY_DIGITS, to_digits
from throughline.paths import READING_FILE, Workspace, read_json
from throughline.pipeline.loading import load
from throughline.preprocessing.graph.run import run
from throughline.preprocessing.graph.runtime import session_of
from throughline.profile.profile import profile
from throughline.serving.rows.reading import read_columns
from throughline.serving.rows.values import converted, settled
from throughline.sources.table import write_rows
from throughline.stages.declared import stages_of
from throughline.stages.run import run_stage
from throughline.stages.wire import wire

ROWS = 120
CHOICE = np.random.default_rng(0)
NUMBERS = CHOICE.normal(size=ROWS).round(3)
WORDS = np.where(NUMBERS + CHOICE.normal(0, 1, ROWS) > 0, "good", "bad")


def rows(**columns: Sequence[Any]) -> str:
    table = {"w": CHOICE.normal(size=ROWS).round(3), **columns}
    table.setdefault("y", WORDS)
    return pd.DataFrame(table).to_csv(index=False)


def semicolons(w: Sequence[float], x: Sequence[int]) -> str:
    """German numbers: decimals behind commas, and points between thousands."""
    lines = [f"{a};{b};{label}".replace(".", ",") for a, b, label in zip(w, x, WORDS, strict=True)]
    pointed = [re.sub(r";(\d)(\d{3});", r";\1.\2;", line) for line in lines]
    return "\n".join(["w;x;y", *pointed, ""])


def some(texts: Sequence[str]) -> np.ndarray:
    return CHOICE.choice(texts, ROWS)


def rows_of(count: int, **columns: Callable[[np.random.Generator, int], Any]) -> str:
    """A table of as many rows, whose class follows from the number `w`."""
    generator = np.random.default_rng(1)
    number = generator.normal(size=count).round(3)
    made = {name: column(generator, count) for name, column in columns.items()}
    words = np.where(number + generator.normal(size=count) > 0, "good", "bad")
    return pd.DataFrame({"w": number, **made, "y": words}).to_csv(index=False)


def with_one(word: str) -> list[str]:
    return [word if i in (40, 41) else str(number) for i, number in enumerate(NUMBERS)]


def threshold() -> str:
    """A clean whole number that parts the classes at 50."""
    number = CHOICE.integers(0, 100, 2400)
    noise = CHOICE.normal(size=2400).round(3)
    return pd.DataFrame({"x": number, "w": noise, "y": np.where(number > 50, "hi", "lo")}).to_csv(
        index=False
    )


# Each file: its text, the task, the features that it becomes, and what the terminal must say.
FILES: dict[str, tuple[Callable[[], str], str, list[str], list[str]]] = {
    "codes with leading zeros": (
        lambda: rows(zip=some(["01000", "02000", "10115"])),
        "binary",
        ["w", "zip=01000", "zip=02000", "zip=10115"],
        ["zip", "source.read.types"],
    ),
    "semicolons and decimal commas": (
        lambda: rows(x=NUMBERS).replace(",", ";").replace(".", ","),
        "binary",
        ["w", "x"],
        ["source.read.separator", "source.read.decimal"],
    ),
    "money and percent": (
        lambda: rows(m=[f"${1500 + 700 * n:,.2f}" for n in NUMBERS], p=[f"{n}%" for n in NUMBERS]),
        "binary",
        ["w", "m", "p"],
        ["their '$' taken off", "their '%' taken off"],
    ),
    "thousands marked by spaces": (
        lambda: rows(x=[f"{1500 + 700 * n:,.2f}".replace(",", "\u00a0") for n in NUMBERS]),
        "binary",
        ["w", "x"],
        ["source.read.thousands"],
    ),
    "thousands marked by apostrophes": (
        lambda: rows(x=[f"{1500 + 700 * n:,.2f}".replace(",", "\u2019") for n in NUMBERS]),
        "binary",
        ["w", "x"],
        ["source.read.thousands"],
    ),
    "thousands marked by points alone, beside decimal commas": (
        lambda: semicolons(w=NUMBERS, x=[1500 + 7 * i for i in range(ROWS)]),
        "binary",
        ["w", "x"],
        ["source.read.decimal", "source.read.thousands"],
    ),
    "marks between thousands against each other": (
        lambda: rows(x=[("1,234", "2.345", "2,500")[i % 3] for i in range(ROWS)]),
        "binary",
        ["w", "x=1,234", "x=2,500", "x=2.345"],
        ["texts, for '1,234' and '2.345' mark thousands by different signs"],
    ),
    "a whole number beyond floats, among fractions": (
        lambda: rows(x=[("0.5", "9007199254740993", "1.5")[i % 3] for i in range(ROWS)]),
        "binary",
        ["w", "x=0.5", "x=1.5", "x=9007199254740993"],
        ["'9007199254740993' has more digits than a number with a fraction keeps"],
    ),
    "numbers with a unit": (
        lambda: rows(x=[f"{number} kg" for number in NUMBERS]),
        "binary",
        ["w", "x"],
        ["their 'kg' taken off"],
    ),
    "truth values with blanks": (
        lambda: rows(b=some(["true", "FALSE", "no", ""])),
        "binary",
        ["w", "b"],
        ["source.read.types"],
    ),
    "NA as a category": (
        lambda: rows(region=some(["EU", "NA", "APAC"])),
        "binary",
        ["w", "region=APAC", "region=EU", "region=NA"],
        ["source.read.missing"],
    ),
    "infinite values": (
        lambda: rows(x=with_one("-inf")), "binary", ["w", "x"], ["source.read.infinite"]
    ),
    "spaces between fields": (
        lambda: rows(town=some(["Bonn", "Ulm"])).replace(",", ", "),
        "binary",
        ["w", "town=Bonn", "town=Ulm"],
        [],
    ),
    "stand-ins for a missing number": (
        lambda: rows(x=with_one("?")), "binary", ["w", "x"], ["'?' (2) read as missing"]
    ),
    "a word among numbers": (
        lambda: rows(x=with_one("unknown")), "binary", ["w", "x"], ["'unknown' (2)"]
    ),
    "a row of units": (
        lambda: rows(x=NUMBERS).replace("w,x,y\n", "w,x,y\nmm,kg,\n"),
        "binary",
        ["w", "x"],
        ["source.read.units"],
    ),
    "no header": (
        lambda: rows(x=NUMBERS).split("\n", 1)[1],
        "binary",
        ["column_1", "column_2"],
        ["source.read.header"],
    ),
    "whole classes with blanks": (
        lambda: rows(y=[["", 1, 2, 1, 2, 2][i % 6] if i < 12 else 1 + i % 2 for i in range(ROWS)]),
        "binary",
        ["w"],
        [],
    ),
    "truth values as labels, written in many ways": (
        lambda: rows(y=some(["yes", "Yes", "YES", "no", "No "])),
        "binary",
        ["w"],
        ["source.read.types"],
    ),
    "labels that differ in capitals and spaces": (
        lambda: rows(y=some(["Red", "red", "RED ", "dark  Blue", "Dark blue", "green"])),
        "multiclass",
        ["w"],
        ["target.letters"],
    ),
    "columns that are all but empty": (
        lambda: rows(one=["7" if i in (3, 9) else "" for i in range(ROWS)], none=[""] * ROWS),
        "binary",
        ["w"],
        ["one is left out: only 2 of 120", "none is left out: no value"],
    ),
    "a number that parts the classes": (threshold, "binary", ["x", "w"], []),
    "a word in thousands of numbers": (
        lambda: rows_of(3000, x=lambda g, n: [*g.normal(size=n - 1).round(3), "unknown"]),
        "binary",
        ["w", "x"],
        ["'unknown' (1)"],
    ),
    "many levels": (
        lambda: rows_of(600, sku=lambda g, n: [f"sku-{i:04}" for i in g.integers(0, 150, n)]),
        "binary",
        ["w", "sku"],
        ["columns.sku.encode"],
    ),
    "questions and keys of a survey below the names": (
        lambda: rows(Q1=NUMBERS, Q2=some(["Yes", "No"])).replace(
            "w,Q1,Q2,y\n", "w,Q1,Q2,y\nWeight?,How old?,Smoker?,Mood?\n{1},{2},{3},{4}\n"
        ),
        "binary",
        ["w", "Q1", "Q2=No", "Q2=Yes"],
        ["begins with 3 lines", "source.read.columns"],
    ),
    "a report with lines drawn between bars": (
        lambda: "\n".join(
            ["Report ZSD01", "", "-" * 30, "|   w|town |y   |", "-" * 30]
            + [f"|{n:>7}|{t:<5}|{y:<4}|" for n, t, y in zip(NUMBERS, some(["Bonn", "Ulm"]), WORDS,
                                                            strict=True)]
            + ["-" * 30, ""]
        ),
        "binary",
        ["w", "town=Bonn", "town=Ulm"],
        ["source.read.separator"],
    ),
    "several visits of a patient": (
        lambda: rows_of(400, patient_id=lambda g, n: 7000 + g.integers(0, 90, n)),
        "binary",
        ["w"],
        ["names 90 groups in 400 rows", "split.column"],
    ),
    "dates of day, month, year": (
        lambda: rows_of(
            400, sold=lambda g, n: pd.date_range("2023-01-01", periods=n).strftime("%d/%m/%Y")
        ),
        "binary",
        ["w"],
        [],
    ),
    "times of mixed offsets": (
        lambda: rows_of(
            200,
            at=lambda g, n: [
                f"2024-03-{1 + i % 28:02}T{i % 24:02}:00:00{('Z', '+01:00', '+02:00')[i % 3]}"
                for i in range(n)
            ],
        ),
        "binary",
        ["w"],
        [],
    ),
}  # fmt: skip


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # The page's plots and the code's digests take most of the time and say nothing here.
    monkeypatch.setattr("throughline.profile.profile_page.page", lambda *_: "")
    for module in ("wire", "run"):
        monkeypatch.setattr(f"throughline.stages.{module}.refreshed", lambda *_: None)
    shutil.copy(Path(__file__).resolve().parents[2] / "params.yaml", tmp_path)
    return tmp_path


@pytest.mark.parametrize("kind", FILES)
def test_a_draft_of(kind: str, project: Path) -> None:
    made, task, features, said = FILES[kind]
    (project / "rows.csv").write_text(made(), encoding="utf-8")
    workspace = Workspace(project, "mine")
    told = "\n".join(profile(project / "rows.csv", "mine", None, workspace).guesses)
    assert load(workspace).main.task == task
    assert [words for words in said if words not in told] == []
    prepared = as_prepared(workspace)
    assert [name for names in prepared["features"].values() for name in names] == features
    assert_served_as_trained(workspace, project / "rows.csv", prepared)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", FILES)
def test_a_model_of(kind: str, project: Path) -> None:
    """All stages, with a network that learns for an epoch; then the file itself is answered."""
    made = FILES[kind][0]
    file = project / "rows.csv"
    file.write_text(made(), encoding="utf-8")
    workspace = Workspace(project, "mine")
    profile(file, "mine", None, workspace)
    document = yaml.safe_load(workspace.pipeline_file.read_text(encoding="utf-8"))
    document |= {"network": [{"Dense": {"units": 2}}], "training": {"epochs": 1}}
    for key in ("cross_validation", "compare", "variants", "gates"):
        document.pop(key, None)
    workspace.pipeline_file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    wire(project, ["mine"])
    for stage in stages_of({}):
        run_stage(stage.name, "mine", project)
    answers = project / "answers.csv"
    assert main(["predict", str(workspace.model), str(file), "--output", str(answers)]) == 0
    found = pd.read_csv(answers, dtype={"label": str}, keep_default_na=False)
    assert len(found) == len(pd.read_parquet(workspace.raw / "rows.parquet"))
    said = pd.read_csv(
        workspace.evaluation / "predictions.csv", dtype={"predicted": str}, keep_default_na=False
    )
    assert len(said) >= 10
    # The test rows of the report are among those of the file, each with the same answer.
    assert not Counter(said["predicted"]) - Counter(found["label"])
    # Of two classes the probability of the second, of more that of the answer.
    columns = [name for name in found if name.startswith("probabilit")]
    served = to_digits(found[columns].max(axis=1).to_numpy(), PROBABILITY_DIGITS).tolist()
    assert not Counter(said["probability"]) - Counter(served)


def test_points_between_thousands_are_no_decimals(project: Path) -> None:
    text = semicolons(NUMBERS, [1500 + 7 * i for i in range(ROWS)])
    (project / "rows.csv").write_text(text, encoding="utf-8")
    workspace = Workspace(project, "mine")
    profile(project / "rows.csv", "mine", None, workspace)
    as_prepared(workspace)
    found = pd.read_parquet(workspace.raw / "rows.parquet")
    assert found["x"].tolist() == [1500 + 7 * i for i in range(ROWS)]
    np.testing.assert_allclose(found["w"], NUMBERS)


def assert_served_as_trained(workspace: Workspace, file: Path, prepared: Mapping[str, Any]) -> None:
    """The file's own cells, read as `predict` reads them, are what `ingest` made of them."""
    side = workspace.training_data / "main"
    kinds = {entry["name"]: entry["type"] for entry in prepared["inputs"]}
    reading = read_json(workspace.raw / READING_FILE)
    served = read_columns(file, reading, list(kinds))
    fed = {
        entry["name"]: converted(
            entry["name"], entry, served[entry["name"]], settled(reading, entry["name"])
        )
        for entry in prepared["inputs"]
    }
    graph = onnx.load(side / "preprocess.onnx")
    outputs = [output.name for output in graph.graph.output]
    answers = session_of(graph).run(outputs, {name: v[:, None] for name, v in fed.items()})
    rows = pd.read_parquet(workspace.raw / "rows.parquet")
    trained = run(graph, rows, kinds, prepared["types"], finite=False)
    for name, found in zip(outputs, answers, strict=True):
        np.testing.assert_array_equal(found.astype(trained[name].dtype), trained[name])


def test_levels_beyond_categories_are_features_and_not_left_out(project: Path) -> None:
    table = pd.DataFrame({"sku": [f"{'Aa'[i % 2]} {i % 60}" for i in range(360)]})
    table["y"] = CHOICE.choice(["yes", "no"], 360)
    table.to_csv(project / "rows.csv", index=False)
    workspace = Workspace(project, "mine")
    told = profile(project / "rows.csv", "mine", "y", workspace).guesses
    assert any("60 levels" in line and "(columns.sku.encode)" in line for line in told)
    (features,) = as_prepared(workspace)["features"].values()
    assert features == ["sku"]
    graph = onnx.load(workspace.training_data / "main" / "preprocess.onnx")
    (looked_up,) = (node for node in graph.graph.node if node.op_type == "LabelEncoder")
    keys = next(a.strings for a in looked_up.attribute if a.name == "keys_strings")
    # Whatever spaces and capitals a level has.
    assert {key.decode() for key in keys} == set(table["sku"])


def as_prepared(workspace: Workspace) -> Mapping[str, Any]:
    """What ingest and prepare make of a draft, whose rules its own rows were held against."""
    run_stage("ingest", workspace.name, workspace.root)
    (target,) = load(workspace).main.target.columns
    held = pd.read_parquet(workspace.raw / "rows.parquet").dropna(subset=[target])
    workspace.clean.mkdir(parents=True)
    write_rows(held.reset_index(drop=True), workspace.clean / "rows.parquet")
    run_stage("prepare", workspace.name, workspace.root)
    found: Mapping[str, Any] = read_json(workspace.training_data / "main" / "prepared.json")
    return found


def test_a_mark_or_nothing_is_a_category(project: Path) -> None:
    """Where half of the rows had an `x` the column was left out as always the same value."""
    generator = np.random.default_rng(0)
    marked = generator.random(100) < 0.5
    rows = pd.DataFrame({"a": generator.normal(size=100), "b": np.where(marked, "x", "")})
    rows["c"] = np.where(marked, "1", "")
    rows["y"] = np.where(generator.random(100) < 0.3, ~marked, marked)
    rows.to_csv(project / "rows.csv", index=False)
    workspace = Workspace(project, "mine")
    told = "\n".join(profile(project / "rows.csv", "mine", "y", workspace).guesses)
    prepared = as_prepared(workspace)
    assert prepared["features"]["features"] == ["a", "b=missing", "b=x"]
    assert f"c is left out: one value or none, {marked.sum()} of 100 are there" in told


def test_years_of_two_digits_are_said_in_four(project: Path) -> None:
    generator = np.random.default_rng(0)
    rows = pd.DataFrame({"a": generator.normal(size=100)})
    rows["born"] = [f"{day % 28 + 1:02}.11.{40 + day % 50}" for day in range(100)]
    rows["y"] = np.where(rows["a"] > 0, "yes", "no")
    rows.to_csv(project / "rows.csv", index=False)
    told = "\n".join(profile(project / "rows.csv", "mine", "y", Workspace(project, "mine")).guesses)
    assert re.search(r"read as %d\.%m\.%y, from 1969-11-\d\d to 2068-11-\d\d", told)
