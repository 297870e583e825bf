"""The very file of a training has not drifted, of whatever kind it is, and another one has."""

from __future__ import annotations

import json
import shutil
import wave
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from PIL import Image

from tests.repositories import write_pipeline
from tests.serving.test_report_rows import (
    FORECAST,
    KNOWN,
    PICTURES,
    SERIES,
    TABLES,
    Case,
    in_csv,
    photos,
    picture,
)
from throughline.cli import main
from throughline.drift.drift import drift
from throughline.errors import BadData, BadPipeline
from throughline.paths import READING_FILE, Workspace, read_json
from throughline.samples.samples import kind as samples_kind
from throughline.stages.run import run_stage

SHOWN = {"size": [12, 12], "fit": "crop"}


def tones(root: Path, wild: bool = False) -> None:
    """Tones of two pitches, some seconds apart in loudness; wild ones are noise."""
    generator = np.random.default_rng(0)
    for number in range(40):
        pitch = 300 if number % 2 else 1200
        tone = generator.uniform(0.2, 0.6) * np.sin(np.arange(2000) / 8000 * 2 * np.pi * pitch)
        tone = generator.uniform(-1, 1, 2000) if wild else tone
        file = root / "tones" / ("low" if number % 2 else "high") / f"{number}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(file), "wb") as written:
            written.setparams((1, 2, 8000, 2000, "NONE", ""))
            written.writeframes((tone * 32000).astype("<i2").tobytes())


def arrays(root: Path) -> None:
    pixels = np.stack([np.resize(picture(number), (14, 10, 3)) for number in range(60)])
    np.savez(root / "all.npz", x=pixels, y=np.arange(60) % 2)


def lines(root: Path) -> None:
    TABLES["a table"].written(root)
    pd.read_csv(root / "rows.csv").to_json(root / "rows.jsonl", orient="records", lines=True)


def parquet(root: Path) -> None:
    TABLES["a table"].written(root)
    pd.read_csv(root / "rows.csv").to_parquet(root / "rows.parquet")


def of_rows(file: str) -> dict[str, Any]:
    return {**TABLES["a table"].sections, "source": {"file": file, **KNOWN}}


PIXELS = {"pixels": {"image": {**SHOWN, "scale": {"divide": 255}}}}
AS_SOUNDS = {"column": "sound", "sound": {"rate": 8000, "seconds": 0.25}}
HEARD = {"rate": 8000, "frame": 256, "hop": 128}
KINDS: dict[str, tuple[Case, str]] = {
    **{kind: (case, "rows.csv") for kind, case in {**TABLES, **SERIES}.items()},
    "JSON lines": (Case(lines, of_rows("rows.jsonl")), "rows.jsonl"),
    "Parquet": (Case(parquet, of_rows("rows.parquet")), "rows.parquet"),
    "a folder of pictures": (
        Case(
            photos,
            {
                **PICTURES,
                "source": {"folder": "photos", "images": SHOWN, **KNOWN},
                "target": "class",
                "columns": PIXELS,
            },
        ),
        "photos",
    ),
    "pictures in arrays": (
        Case(
            arrays,
            {
                **PICTURES,
                "source": {"file": "all.npz", "images": {"column": "x", "array": "x"}, **KNOWN},
                "target": "y",
                "columns": {"x": {"image": {"scale": {"divide": 255}}}},
                "split": {"test": 0.3, "seed": 0},
            },
        ),
        "all.npz",
    ),
    "a folder of sounds": (
        Case(
            tones,
            {
                "task": "binary",
                "split": {"test": 0.3, "seed": 0},
                "network": [{"Flatten": {}}],
                "source": {"folder": "tones", "images": AS_SOUNDS, **KNOWN},
                "target": "class",
                "columns": {"sound": {"image": {"filters": [{"spectrogram": HEARD}]}}},
            },
        ),
        "tones",
    ),
    "the last rows of a long walk": (
        Case(
            in_csv(
                lambda: pd.DataFrame(
                    {
                        "when": pd.date_range("2024-01-05", periods=600, freq="h"),
                        "y": np.random.default_rng(3).normal(size=600).cumsum(),
                    }
                )
            ),
            {
                **FORECAST,
                "time": {"index": "when", "every": "1h", "lookback": 6, "horizon": 1},
            },
        ),
        "rows.csv",
    ),
}


def modelled(root: Path, case: Case) -> Workspace:
    """A file with the contract that `export` writes, without a network."""
    case.written(root)
    common = {"title": "What is it?", "training": {"epochs": 1}}
    workspace = write_pipeline(root, "it", {**common, **case.sections})
    for stage in ("ingest", "validate", "prepare"):
        run_stage(stage, "it", root)
    side = workspace.training_data / "main"
    summary = read_json(side / "prepared.json")
    reading = workspace.training_data / READING_FILE
    metadata = {
        "pipeline": "it",
        "inputs": summary["inputs"],
        "training_rows": summary["rows"],
        **samples_kind(summary).contract(summary),
        **({"reading": read_json(reading)} if reading.exists() else {}),
    }
    loaded = onnx.load(side / "preprocess.onnx")
    onnx.helper.set_model_props(loaded, {"throughline": json.dumps(metadata)})
    workspace.model.parent.mkdir(parents=True)
    onnx.save(loaded, workspace.model)
    return workspace


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pictures")
    modelled(root, KINDS["a folder of pictures"][0])
    return root


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(KINDS))
def test_has_not_drifted(kind: str, tmp_path: Path) -> None:
    case, file = KINDS[kind]
    workspace = modelled(tmp_path, case)
    found = drift("it", tmp_path / file, tmp_path)
    assert [(each.column, each.beyond) for each in found if each.beyond] == []
    # Of each column more than its gaps is compared, but of free text.
    measured = {each.column for each in found if len(each.measures) > 1}
    assert measured or kind == "texts in a table"
    assert len(list((workspace.root / "reports" / "it" / "drift").iterdir())) == 2


def darker(root: Path) -> None:
    for file in (root / "photos").rglob("*.*"):
        with Image.open(file) as image:
            changed = image.point(lambda level: level // 4)
        changed.save(file)


def noisy(root: Path) -> None:
    shutil.rmtree(root / "tones")
    tones(root, wild=True)


def assert_drifted(root: Path, folder: str, columns: set[str]) -> None:
    found = drift("models/it/model.onnx", root / folder, root)
    assert {each.column for each in found if each.beyond} >= columns


def test_darker_pictures_have(pictures: Path) -> None:
    for file in (pictures / "photos").rglob("*.*"):
        dark = pictures / "dark" / file.relative_to(pictures)
        dark.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(file) as image:
            image.point(lambda level: level // 4).save(dark)
    assert_drifted(pictures, "dark", {"pixels brightness", "pixels contrast"})


@pytest.mark.slow
def test_noise_has_drifted_from_tones(tmp_path: Path) -> None:
    modelled(tmp_path, KINDS["a folder of sounds"][0])
    shutil.rmtree(tmp_path / "tones")
    tones(tmp_path, wild=True)
    assert_drifted(tmp_path, "tones", {"sound loudness", "sound crossing"})


def test_a_broken_file_is_told_and_counted(
    pictures: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(pictures / "photos", pictures / "more")
    (pictures / "more" / "broken.png").write_bytes(b"no picture")
    monkeypatch.chdir(pictures)
    assert main(["drift", "it", "more"]) == 0
    said = capsys.readouterr()
    assert "1 of 61 files cannot be read" in said.err
    assert "0 of 3 columns drifted" in said.out


class TestRefusals:
    @pytest.mark.slow
    def test_of_a_folder_for_a_model_of_rows(self, tmp_path: Path) -> None:
        modelled(tmp_path, TABLES["a table"])
        (tmp_path / "photos").mkdir()
        with pytest.raises(BadData, match="must be a file of rows"):
            drift("it", tmp_path / "photos", tmp_path)

    def test_of_a_folder_without_pictures(self, pictures: Path) -> None:
        (pictures / "none").mkdir()
        with pytest.raises(BadData, match=r"files that end in \.jpg"):
            drift("it", pictures / "none", pictures)

    def test_of_an_older_model(self, pictures: Path) -> None:
        loaded = onnx.load(Workspace(pictures, "it").model)
        metadata = json.loads(loaded.metadata_props[0].value)
        del metadata["inputs"][0]["looks"]
        onnx.helper.set_model_props(loaded, {"throughline": json.dumps(metadata)})
        onnx.save(loaded, pictures / "older.onnx")
        with pytest.raises(BadPipeline, match="Build it again"):
            drift("older.onnx", pictures / "photos", pictures)
