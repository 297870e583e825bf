"""The proof starts at the file: a report's test rows, served from their source, answer as it says.

Every kind of data is written as its files, goes through all stages with a network that learns for
an epoch, and its files are then given to `predict` as a user would give them.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.repositories import write_pipeline
from throughline.cli import main
from throughline.figures.rounding import PROBABILITY_DIGITS, to_digits, to_meaning
from throughline.paths import Workspace
from throughline.serving.predictor import Predictor
from throughline.stages.declared import stages_of
from throughline.stages.run import run_stage

# Some seconds each, for every stage runs.
pytestmark = pytest.mark.slow

ROWS = 120
random = np.random.default_rng(0)
KNOWN = {"licence": "made"}


class Case(NamedTuple):
    """A kind of data.

    Attributes:
        written: writes the source below a folder.
        sections: of the pipeline file.
    """

    written: Callable[[Path], None]
    sections: Mapping[str, Any]


def built(root: Path, case: Case) -> Workspace:
    case.written(root)
    common = {"title": "What is it?", "training": {"epochs": 1}}
    workspace = write_pipeline(root, "it", {**common, **case.sections})
    for stage in [each.name for each in stages_of({})]:
        run_stage(stage, "it", root)
    return workspace


def served(workspace: Workspace, *given: str) -> pd.DataFrame:
    """The answers of the command, which must answer all that it is given."""
    output = workspace.root / "answers.csv"
    assert main(["predict", str(workspace.model), *given, "--output", str(output)]) == 0
    return pd.read_csv(output, dtype={"id": str, "label": str})


def recorded(workspace: Workspace, name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A table beside the report, and the test rows that it is of."""
    rows = pd.read_parquet(workspace.test_data / "main" / "rows.parquet")
    return pd.read_csv(workspace.evaluation / name, dtype={"predicted": str}), rows


# --- rows -----------------------------------------------------------------------------------------


def customers() -> pd.DataFrame:
    spent = np.round(random.gamma(2, 50, ROWS), 2)
    return pd.DataFrame(
        {
            "id": [f"{number:04}" for number in range(ROWS)],
            "spent": np.where(np.arange(ROWS) % 7 == 3, np.nan, spent),
            "town": np.array(["Kiel", "", "NA", "Bonn "])[np.arange(ROWS) % 4],
            "note": [" ".join(["Good", "très", "bad", "café!"][i % 4 :]) for i in range(ROWS)],
            "left": np.where((spent > 90) ^ (np.arange(ROWS) % 9 == 0), "yes", "no"),
        }
    )


READ = {"types": {"id": "text"}}
ROWS_OF = {
    "task": "binary",
    "target": "left",
    "split": {"test": 0.3, "seed": 0},
}
COLUMNS = {
    "spent": {"impute": "median", "scale": "standard"},
    "town": {"encode": {"one-hot": {"unknown": "bucket"}}, "impute": "most-frequent"},
}
TABLES = {
    "a table": Case(
        lambda root: customers().to_csv(root / "rows.csv", index=False),
        {**ROWS_OF, "source": {"file": "rows.csv", "read": READ, **KNOWN}, "columns": COLUMNS},
    ),
    "a table with semicolons and decimal commas": Case(
        lambda root: customers().to_csv(
            root / "rows.csv", index=False, sep=";", decimal=",", encoding="latin-1"
        ),
        {
            **ROWS_OF,
            "source": {
                "file": "rows.csv",
                "read": {**READ, "separator": ";", "decimal": ",", "encoding": "latin-1"},
                **KNOWN,
            },
            "columns": COLUMNS,
        },
    ),
    "texts in a table": Case(
        lambda root: customers().to_csv(root / "rows.csv", index=False),
        {
            **ROWS_OF,
            "source": {"file": "rows.csv", "read": READ, **KNOWN},
            "columns": {"note": {"text": {"vocabulary": 20, "encode": "tf-idf"}}},
        },
    ),
    "texts by their characters": Case(
        lambda root: customers().to_csv(root / "rows.csv", index=False),
        {
            **ROWS_OF,
            "source": {"file": "rows.csv", "read": READ, **KNOWN},
            "columns": {
                "note": {"text": {"tokens": "characters", "ngrams": [1, 2], "encode": "tf-idf"}}
            },
        },
    ),
}


@pytest.mark.parametrize("kind", list(TABLES))
def test_rows_of(kind: str, tmp_path: Path) -> None:
    workspace = built(tmp_path, TABLES[kind])
    said, rows = recorded(workspace, "predictions.csv")
    answers = served(workspace, str(tmp_path / "rows.csv"), "--keep", "id").set_index("id")
    found = answers.loc[rows["id"].astype(str)]
    assert len(found) == len(said) == round(0.3 * ROWS)
    assert found["label"].tolist() == said["predicted"].tolist()
    probabilities = to_digits(found["probability[yes]"].to_numpy(), PROBABILITY_DIGITS)
    np.testing.assert_array_equal(probabilities, said["probability"])


# --- series ---------------------------------------------------------------------------------------


def values(count: int, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 1, count)
    return np.round(50 + np.convolve(noise, 0.8 ** np.arange(20))[:count], 3)


def hours(count: int) -> pd.DatetimeIndex:
    return pd.date_range("2024-01-05", periods=count, freq="h")


def shops() -> pd.DataFrame:
    parts = [
        pd.DataFrame({"when": hours(200 - 20 * n), "shop": shop, "y": 10**n * values(200 - 20 * n)})
        for n, shop in enumerate("cab")
    ]
    return pd.concat(parts).sort_values("when", kind="stable")


def in_csv(rows: Callable[[], pd.DataFrame]) -> Callable[[Path], None]:
    return lambda root: rows().to_csv(root / "rows.csv", index=False)


FORECAST: dict[str, Any] = {
    "task": "forecast",
    "source": {"file": "rows.csv", **KNOWN},
    "target": {"column": "y", "change": "difference", "scale": "standard"},
    "columns": {"y": {"scale": "standard"}},
    "split": {"kind": "temporal", "test": 0.4},
    "network": [{"Flatten": {}}],
}
TIME = {"index": "when", "every": "1h", "lookback": 6, "horizon": [1, 3], "calendar": ["hour"]}
SERIES = {
    "with gaps that are filled": Case(
        in_csv(
            lambda: pd.DataFrame({"when": hours(300), "y": values(300)}).drop(
                index=[40, 41, 200, 250, 251, 252]
            )
        ),
        {**FORECAST, "time": {**TIME, "gaps": "fill"}},
    ),
    "of several shops": Case(in_csv(shops), {**FORECAST, "time": {**TIME, "group": "shop"}}),
    "that is resampled": Case(
        in_csv(
            lambda: pd.DataFrame(
                {"when": pd.date_range("2024-01-05", periods=900, freq="20min"), "y": values(900)}
            ).drop(index=[500])
        ),
        {**FORECAST, "time": {**TIME, "resample": "mean"}},
    ),
    "of several targets": Case(
        in_csv(
            lambda: pd.DataFrame({"when": hours(300), "y": values(300), "z": 9 * values(300, 1)})
        ),
        {
            **FORECAST,
            "target": {"columns": ["y", "z"], "scale": "standard"},
            "columns": {"y": {"scale": "standard"}, "z": {"scale": "standard"}},
            "time": TIME,
        },
    ),
    # The name of the model's own input of seconds.
    "with milliseconds since 1970 in a column 'timestamp'": Case(
        in_csv(
            lambda: pd.DataFrame(
                {"timestamp": hours(300).as_unit("ms").astype("int64"), "y": values(300)}
            )
        ),
        {
            **FORECAST,
            "time": {**TIME, "index": {"columns": ["timestamp"], "formats": ["epoch-ms"]}},
        },
    ),
    "in a column 'timestamp'": Case(
        in_csv(lambda: pd.DataFrame({"timestamp": hours(300), "y": values(300)})),
        {**FORECAST, "time": {**TIME, "index": "timestamp"}},
    ),
}


@pytest.mark.parametrize("kind", list(SERIES))
def test_windows_of_a_series(kind: str, tmp_path: Path, capsys: Any) -> None:
    workspace = built(tmp_path, SERIES[kind])
    said, _ = recorded(workspace, "forecast.csv")
    rows = str(tmp_path / "rows.csv")
    key = [name for name in ("time", "shop") if name in said]
    whole = served(workspace, rows)
    capsys.readouterr()
    assert main(["stream", str(workspace.model), rows]) == 0
    streamed = pd.read_csv(io.StringIO(capsys.readouterr().out), names=list(whole.columns))
    # A step that gets one more row than usual is answered again.
    streamed = streamed.drop_duplicates(key, keep="last").set_index(key)
    answers = whole.set_index(key)
    # Steps that are filled have no row that could be fed.
    pd.testing.assert_frame_equal(streamed, answers.loc[streamed.index], rtol=1e-5, atol=1e-5)
    names = [name.removeprefix("actual") for name in said if name.startswith("actual")]
    for horizon, judged in said.groupby("horizon"):
        keys = judged[key].itertuples(index=False, name=None)
        places = list(keys) if len(key) > 1 else judged["time"].tolist()
        assert np.mean([place in streamed.index for place in places]) > 0.95
        found = answers.loc[places]
        assert len(found) == len(judged) > 50
        for name in names:
            told = found[[f"prediction[{name.strip()}+{int(horizon)}]"]].to_numpy()
            told = to_meaning(told, judged[[f"actual{name}"]].to_numpy())
            said_so = judged[f"predicted{name}"].astype(float)
            np.testing.assert_allclose(told[:, 0], said_so, rtol=1e-4)


# --- pictures -------------------------------------------------------------------------------------


def picture(number: int) -> np.ndarray:
    """A bright bar, upright or lying, in pictures of mixed proportions."""
    generator = np.random.default_rng(number)
    size = [(30, 20), (20, 30), (17, 40), (24, 24)][number % 4]
    pixels = generator.integers(0, 90, (*size, 3), dtype=np.uint8)
    middle = [side // 2 for side in size]
    if number % 2:
        pixels[middle[0] - 3 : middle[0] + 3] = 230
    else:
        pixels[:, middle[1] - 3 : middle[1] + 3] = 230
    return pixels


def photos(root: Path) -> None:
    for number in range(60):
        part = "test" if number >= 40 else "train"
        folder = root / "photos" / part / ("lying" if number % 2 else "upright")
        folder.mkdir(parents=True, exist_ok=True)
        turned = Image.Exif()
        turned[0x0112] = 1 + number % 8
        ending = ("jpg", "png")[number % 3 == 0]
        Image.fromarray(picture(number)).save(folder / f"{number}.{ending}", exif=turned)


PICTURES: dict[str, Any] = {
    "task": "binary",
    "split": {"kind": "predefined", "column": "part"},
    "network": [{"Flatten": {}}],
}


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_pictures_of_mixed_proportions(fit: str, tmp_path: Path) -> None:
    shown = {"size": [12, 12], "fit": fit}
    sections = {
        **PICTURES,
        "source": {"folder": "photos", "images": shown, **KNOWN},
        "target": "class",
        "columns": {"pixels": {"image": {**shown, "scale": {"divide": 255}}}},
    }
    workspace = built(tmp_path, Case(photos, sections))
    said, rows = recorded(workspace, "predictions.csv")
    files = [str(tmp_path / "photos" / file) for file in rows["file"]]
    answers = served(workspace, "--image", *files).set_index("file").loc[files]
    assert len(answers) == len(said) == 20
    assert answers["label"].tolist() == said["predicted"].tolist()
    probabilities = to_digits(answers["probability[upright]"].to_numpy(), PROBABILITY_DIGITS)
    np.testing.assert_array_equal(probabilities, said["probability"])


def test_pictures_in_arrays(tmp_path: Path) -> None:
    pixels = np.stack([np.resize(picture(number), (14, 10, 3)) for number in range(60)])
    kinds = np.array([number % 2 for number in range(60)])

    def written(root: Path) -> None:
        np.savez(root / "all.npz", x=pixels, y=kinds, place=np.arange(60))

    sections = {
        **PICTURES,
        "source": {"file": "all.npz", "images": {"column": "x", "array": "x"}, **KNOWN},
        "target": "y",
        "columns": {"x": {"image": {"scale": {"divide": 255}}}},
        "split": {"test": 0.3, "seed": 0},
    }
    workspace = built(tmp_path, Case(written, sections))
    said, rows = recorded(workspace, "predictions.csv")
    with np.load(tmp_path / "all.npz") as source:
        answers = Predictor(workspace.model).predict({"x": source["x"][rows["place"]]})
    assert answers["label"].astype(str).tolist() == said["predicted"].tolist()
    probabilities = to_digits(answers["probability"].astype(np.float64), PROBABILITY_DIGITS)
    np.testing.assert_array_equal(probabilities, said["probability"])


# --- texts ----------------------------------------------------------------------------------------


def letters(root: Path) -> None:
    for number in range(60):
        kind = "warm" if number % 2 else "cold"
        folder = root / "letters" / kind
        folder.mkdir(parents=True, exist_ok=True)
        words = ["Sonne", "Été", "heiß"] if number % 2 else ["Schnee", "hiver", "Eis"]
        text = "\n".join([*words[: 1 + number % 3], f"No. {number}"])
        (folder / f"{number}.txt").write_bytes(text.encode())


def test_a_folder_of_texts(tmp_path: Path) -> None:
    sections = {
        "task": "binary",
        "source": {"folder": "letters", **KNOWN},
        "target": "class",
        "columns": {"text": {"text": {"vocabulary": 30, "encode": "tf-idf"}}},
        "split": {"test": 0.3, "seed": 0},
    }
    workspace = built(tmp_path, Case(letters, sections))
    said, rows = recorded(workspace, "predictions.csv")
    files = [str(tmp_path / "letters" / file) for file in rows["file"]]
    answers = served(workspace, "--text", *files).set_index("file").loc[files]
    assert answers["label"].tolist() == said["predicted"].tolist()
    probabilities = to_digits(answers["probability[warm]"].to_numpy(), PROBABILITY_DIGITS)
    np.testing.assert_array_equal(probabilities, said["probability"])
