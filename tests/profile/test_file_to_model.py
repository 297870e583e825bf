"""From a file to `model.onnx` by `profile` and `dvc repro` alone, nothing edited by hand."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
import pytest

from tests.profile.test_files_as_they_come import FILES
from throughline.paths import Workspace, read_json
from throughline.serving.predictor import Predictor

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

ROOT = Path(__file__).resolve().parents[2]
MIRROR = Path(os.environ.get("THROUGHLINE_MIRROR", "/nowhere"))
CATS_DOGS = "cats_dogs/cats_dogs_4000_short180.tar"
# Data that no pipeline of the catalogue is made of; what the draft must find, and reach.
UNSEEN = {
    "car": ("ztdl_bootcamp/car.csv", "multiclass", "accuracy", 0.9),
    "credit": ("ztdl_bootcamp/australian_credit.csv", "binary", "accuracy", 0.75),
    "churn": ("ztdl_bootcamp/churn.csv", "binary", "accuracy", 0.75),
    "absence": ("ztdl_bootcamp/Absenteeism_at_work.csv", "regression", "epochs", 1),
    "wholesale": ("ztdl_bootcamp/Wholesale_customers_data.csv", "regression", "epochs", 1),
    "places": ("ztdl_bootcamp/geoloc_elev.csv", "binary", "accuracy", 0.95),
    "provider": ("ztdl_bootcamp/isp_data.csv", "binary", "accuracy", 0.7),
    "climate": ("jena/jena_climate_first4000.csv.gz", "forecast", "skill", -10),
}


GENERATOR = np.random.default_rng(7)


def walk(count: int) -> np.ndarray:
    """A series that leans on its day before."""
    return np.round(50 + np.convolve(GENERATOR.normal(size=count), 0.8 ** np.arange(20))[:count], 3)


def typed() -> pd.DataFrame:
    """A column of each type of Parquet, and whole numbers of which some are missing."""
    score = GENERATOR.normal(size=150).round(3)
    return pd.DataFrame(
        {
            "w": score,
            "size": pd.array([None if i % 9 == 0 else 2**53 + i % 7 for i in range(150)], "Int64"),
            "at": [pd.Timestamp("2023-01-01 08:00").time() if i % 2 else None for i in range(150)],
            "took": pd.to_timedelta(np.arange(150) % 50, unit="min"),
            "kind": pd.Categorical(np.where(score > 0.5, "u", "v")),
            "place": [{"town": "Ulm", "row": i % 3} for i in range(150)],
            "y": np.where(score + GENERATOR.normal(size=150) > 0, "good", "bad"),
        }
    )


def days(freq: str, count: int, form: str) -> list[str]:
    return list(pd.date_range("2015-01-05", periods=count, freq=freq).strftime(form))


# Tables beside those of one reading: types, series, levels; each the file's ending and its rows.
MADE: dict[str, tuple[str, Callable[[], pd.DataFrame]]] = {
    "types of its own": ("parquet", typed),
    "business days": (
        "csv", lambda: pd.DataFrame({"d": days("B", 400, "%Y-%m-%d"), "close": walk(400)})
    ),
    "quarters": (
        "csv",
        lambda: pd.DataFrame(
            {
                "d": [f"{1990 + i // 4}Q{1 + i % 4}" for i in range(120)],
                "y": walk(120),
            }
        ),
    ),
}  # fmt: skip


# Photos of each class in the folder that is profiled.
PHOTOS = 500


def run(root: Path, *command: str) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "true"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def repository(root: Path) -> None:
    """A project without git."""
    shutil.copy(ROOT / "params.yaml", root)
    run(root, "dvc", "init", "--no-scm", "-q")


def photos(folder: Path) -> None:
    """The first cats and dogs of the mirror's photos, in a folder for each."""
    left = {"cats": PHOTOS, "dogs": PHOTOS}
    with tarfile.open(MIRROR / CATS_DOGS) as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            kind = path.parent.name
            if "train" in path.parts and left.get(kind):
                content = archive.extractfile(member)
                assert content is not None
                (folder / kind).mkdir(parents=True, exist_ok=True)
                (folder / kind / path.name).write_bytes(content.read())
                left[kind] -= 1
    assert not any(left.values())


@pytest.mark.parametrize("name", UNSEEN)
def test_a_file_that_nobody_has_used_before(name: str, tmp_path: Path) -> None:
    file, task, metric, least = UNSEEN[name]
    if not (MIRROR / file).exists():
        pytest.skip(f"THROUGHLINE_MIRROR has no {file}")
    repository(tmp_path)
    shutil.copy(MIRROR / file, tmp_path)
    run(tmp_path, "python", "-m", "throughline", "profile", Path(file).name, "--as", name)
    run(tmp_path, "dvc", "repro", "-q", f"pipelines/{name}/dvc.yaml")
    workspace = Workspace(tmp_path, name)
    report = read_json(workspace.evaluation / "report.json")
    assert report["task"] == task
    assert read_json(workspace.metrics)[metric] >= least
    if task != "forecast":
        rows = pd.read_parquet(workspace.test_data / "main" / "rows.parquet").head(5)
        answer = Predictor(workspace.model).predict(
            {column: rows[column].to_numpy(dtype=object) for column in rows.columns}
        )
        assert len(next(iter(answer.values()))) == len(rows)


@pytest.mark.parametrize("kind", [*FILES, *MADE])
def test_a_file_of_each_kind_by_the_commands(kind: str, tmp_path: Path) -> None:
    """The draft as it is, its check, every stage, and the answers to the file itself."""
    repository(tmp_path)
    file = tmp_path / "rows.csv"
    if kind in FILES:
        file.write_text(FILES[kind][0](), encoding="utf-8")
    else:
        ending, made = MADE[kind]
        file = tmp_path / f"rows.{ending}"
        _ = made().to_parquet(file) if ending == "parquet" else made().to_csv(file, index=False)
    command = ("python", "-m", "throughline")
    run(tmp_path, *command, "profile", file.name, "--as", "mine")
    run(tmp_path, *command, "check", "mine")
    run(tmp_path, "dvc", "repro", "-q", "pipelines/mine/dvc.yaml")
    workspace = Workspace(tmp_path, "mine")
    run(tmp_path, *command, "predict", "models/mine/model.onnx", file.name, "-o", "answers.csv")
    answers = pd.read_csv(tmp_path / "answers.csv")
    rows = pd.read_parquet(workspace.raw / "rows.parquet")
    prepared = read_json(workspace.training_data / "main" / "prepared.json")
    # A forecast needs the rows before it, and there is one a row from then on.
    before = len(rows) - len(answers)
    assert 0 < before < len(rows) / 4 if "window" in prepared else not before


def test_a_small_folder_of_photos(tmp_path: Path) -> None:
    """Five hundred photos a class, 64 pixels, nothing pretrained: better than the majority."""
    if not (MIRROR / CATS_DOGS).exists():
        pytest.skip(f"THROUGHLINE_MIRROR has no {CATS_DOGS}")
    repository(tmp_path)
    photos(tmp_path / "pets")
    run(tmp_path, "python", "-m", "throughline", "profile", "pets", "--as", "pets")
    run(tmp_path, "dvc", "repro", "-q", "pipelines/pets/dvc.yaml")
    report = read_json(Workspace(tmp_path, "pets").evaluation / "report.json")
    assert report["task"] == "binary"
    # The interval is of 200 test photos, half of them cats.
    assert report["branches"]["main"]["metrics"]["accuracy"]["low"] > 0.5
