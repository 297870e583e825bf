"""Series and folders become drafts of their own kind, prepared as they are."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from throughline.errors import BadData
from throughline.paths import Workspace, read_json
from throughline.pipeline.loading import load
from throughline.profile import protocol
from throughline.profile.facts import fact
from throughline.profile.kinds.pictures import network, training
from throughline.profile.profile import profile
from throughline.stages.run import run_stage

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.delenv("THROUGHLINE_MIRROR", raising=False)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    return Workspace(tmp_path, "draft")


def drafted(workspace: Workspace, data: str, target: str | None = None) -> Any:
    """The pipeline of a draft, after its rows went as far as `prepare`."""
    profile(workspace.root / data, "draft", target, workspace)
    for stage in ("ingest", "validate", "prepare"):
        run_stage(stage, "draft", workspace.root)
    assert (workspace.training_data / "main" / "prepared.json").exists()
    return load(workspace).main


def hours(count: int, start: str = "2024-01-01") -> pd.DataFrame:
    """A load by the hour that follows the day."""
    when = pd.date_range(start, periods=count, freq="h")
    noise = np.random.default_rng(0).normal(0, 0.1, count)
    return pd.DataFrame({"when": when, "load": np.sin(when.hour / 24 * 6.28) + noise})


class TestSeries:
    def test_a_regular_one_is_forecast(self, workspace: Workspace) -> None:
        hours(900).to_csv(workspace.root / "load.csv", index=False)
        pipeline = drafted(workspace, "load.csv")
        assert pipeline.task == "forecast"
        assert pipeline.time.every == "1h"
        assert pipeline.time.gaps == "refuse"
        assert pipeline.split.kind == "temporal"
        assert [entry.model for entry in pipeline.compare] == [
            "persistence", "seasonal-persistence", "drift", "ETS", "linear-autoregression",
        ]  # fmt: skip

    def test_gaps_are_marked_and_other_formats_read(self, workspace: Workspace) -> None:
        rows = hours(900).drop(index=[100])
        rows["when"] = rows["when"].dt.strftime("%d.%m.%Y %H:%M:%S")
        rows.to_csv(workspace.root / "load.csv", index=False)
        time = drafted(workspace, "load.csv").time
        assert time.gaps == "mark"
        assert time.index.formats == ["%d.%m.%Y %H:%M:%S"]

    def test_gaps_that_would_take_a_third_of_the_windows_away_are_filled(
        self, workspace: Workspace
    ) -> None:
        hours(900).drop(index=[100, 300, 500]).to_csv(workspace.root / "load.csv", index=False)
        assert drafted(workspace, "load.csv").time.gaps != "mark"

    def test_several_sites_are_several_series(self, workspace: Workspace) -> None:
        rows = pd.concat([hours(600).assign(site=site) for site in ("north", "south")])
        rows.to_csv(workspace.root / "load.csv", index=False)
        assert drafted(workspace, "load.csv", "load").time.group == ["site"]

    def test_year_month_day_and_hour_say_when(self, workspace: Workspace) -> None:
        rows = hours(600)
        parts = {name: getattr(rows["when"].dt, name) for name in ("year", "month", "day", "hour")}
        pd.DataFrame({**parts, "load": rows["load"]}).to_csv(
            workspace.root / "load.csv", index=False
        )
        time = drafted(workspace, "load.csv").time
        assert time.index.columns == ["year", "month", "day", "hour"]

    def test_that_grow_are_drafted_by_their_changes(self, workspace: Workspace) -> None:
        rows = hours(900)
        rows["load"] = np.arange(900) + rows["load"]
        rows.to_csv(workspace.root / "load.csv", index=False)
        change = drafted(workspace, "load.csv").target.change
        assert change is not None and change.kind in ("difference", "percent")

    def test_that_say_nothing_at_first_or_lack_values_are_drafted(
        self, workspace: Workspace
    ) -> None:
        rows = hours(900)
        rows.insert(1, "level", np.where(np.arange(900) < 720, 5.0, 7.0))
        rows.loc[np.arange(0, 900, 17), "load"] = np.nan
        rows.to_csv(workspace.root / "load.csv", index=False)
        pipeline = drafted(workspace, "load.csv", "load")
        assert list(pipeline.columns) == ["load"]
        assert pipeline.columns["load"].impute is None
        (entry,) = [
            entry
            for entry in read_json(workspace.training_data / "main" / "prepared.json")["inputs"]
            if entry["name"] == "load"
        ]
        assert entry["may_be_missing"] is False

    def test_dates_of_orders_are_no_series(self, workspace: Workspace) -> None:
        generator = np.random.default_rng(0)
        days = pd.Timestamp("2024-01-01") + pd.to_timedelta(generator.integers(0, 90, 300), "D")
        rows = pd.DataFrame({"day": days, "weight": generator.normal(5, 1, 300)})
        rows["price"] = 3 * rows["weight"] + generator.normal(0, 1, 300)
        rows.to_csv(workspace.root / "orders.csv", index=False)
        pipeline = drafted(workspace, "orders.csv", "price")
        assert pipeline.time is None
        assert pipeline.task == "regression"


class TestFolders:
    def test_of_pictures(self, workspace: Workspace) -> None:
        from PIL import Image

        generator = np.random.default_rng(0)
        for number in range(60):
            part = "test" if number < 12 else "train"
            folder = workspace.root / "pets" / part / ("cats", "dogs")[number % 2]
            folder.mkdir(parents=True, exist_ok=True)
            pixels = generator.integers(0, 255, (30, 40, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
        pipeline = drafted(workspace, "pets")
        assert pipeline.task == "binary"
        assert pipeline.columns["pixels"].image.size == (30, 40)
        assert pipeline.split.kind == "predefined"
        # The fewer pictures, the more epochs: an epoch of 60 is two or three updates.
        assert pipeline.training.max_epochs == 100
        assert not list((workspace.root / ".cache").rglob("*.pixels"))

    @pytest.mark.parametrize(
        ("rows", "batch", "epochs", "patience"),
        [(60, 16, 100, 20), (400, 16, 40, 8), (1000, 32, 32, 8), (20_000, 32, 30, 8)],
    )
    def test_of_few_pictures_get_their_updates(
        self, rows: int, batch: int, epochs: int, patience: int
    ) -> None:
        found = training(rows)
        assert found["batch_size"] == batch
        assert found["epochs"] == {"max": epochs, "patience": patience}

    @pytest.mark.parametrize(("side", "kept"), [(8, "Flatten"), (28, "Flatten"), (32, "Global")])
    def test_that_are_large_show_their_things_anywhere(self, side: int, kept: str) -> None:
        """The network of a larger picture answers the same wherever a thing stands."""
        layers = [name for layer in network(side) for name in layer]
        last = next(name for name in layers if name.startswith(("Flatten", "Global")))
        assert last.startswith(kept)
        halved = layers.count("MaxPooling2D")
        assert side // 2**halved >= 3

    def pets(self, workspace: Workspace, names: str, count: int = 40) -> Path:
        """Pictures below `pets`, in folders that `names` makes of a number and a class."""
        from PIL import Image

        root = workspace.root / "pets"
        for number in range(count):
            kind = ("cats", "dogs")[number % 2]
            part = "Train" if number % 5 else "val"
            path = root / names.format(n=number, kind=kind, part=part, camera=number // 2 % 3)
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng(number).integers(0, 255, (16, 20, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(path)
        return root

    @pytest.mark.parametrize("names", ["{part}/{kind}/{n}.png", "pets/{kind}/{part}/{n}.png"])
    def test_keep_the_parts_of_their_folders(self, workspace: Workspace, names: str) -> None:
        self.pets(workspace, names)
        assert drafted(workspace, "pets").split.kind == "predefined"
        test = pd.read_parquet(workspace.test_data / "main" / "rows.parquet")
        assert set(test["part"]) == {"validation"}
        assert set(test["class"]) == {"cats", "dogs"}
        assert len(test) == 8

    def test_ask_which_level_holds_the_classes(self, workspace: Workspace) -> None:
        self.pets(workspace, "{kind}/camera-{camera}/{n}.png")
        with pytest.raises(BadData, match=r"level1 .*cats, dogs.*level2.*camera-0.*--target"):
            profile(workspace.root / "pets", "draft", None, workspace)
        assert drafted(workspace, "pets", "level1").target.columns == ["level1"]

    def test_are_drafted_whatever_single_pictures_are_like(self, workspace: Workspace) -> None:
        """One broken, one twice, one without a class, one alone in its class."""
        root = self.pets(workspace, "{kind}/{n}.png")
        (root / "cats" / "broken.png").write_bytes(b"none")
        (root / "cats" / "again.png").write_bytes((root / "cats" / "0.png").read_bytes())
        (root / "nobody.png").write_bytes((root / "cats" / "2.png").read_bytes())
        (root / "birds").mkdir()
        (root / "cats" / "4.png").rename(root / "birds" / "4.png")
        pipeline = drafted(workspace, "pets")
        assert pipeline.task == "multiclass"
        rows = pd.read_parquet(workspace.clean / "rows.parquet")
        assert rows["class"].value_counts().to_dict() == {"dogs": 20, "cats": 19, "birds": 1}

    @pytest.mark.parametrize(
        ("mode", "channels"), [("RGBA", 3), ("CMYK", 3), ("L", 1), ("LA", 1), ("I;16", 1)]
    )
    def test_of_any_mode(self, workspace: Workspace, mode: str, channels: int) -> None:
        from PIL import Image

        for path in sorted(self.pets(workspace, "{kind}/{n}.png").rglob("*.png")):
            with Image.open(path) as image:
                grey = np.asarray(image.convert("L")).astype(np.uint16)
                other = Image.fromarray(grey << 8) if mode == "I;16" else image.convert(mode)
                path.unlink()
                other.save(path.with_suffix(".jpg" if mode == "CMYK" else ".png"))
        drafted(workspace, "pets")
        stored = np.load(workspace.raw / "rows.images" / "pixels.npy", mmap_mode="r")
        assert stored.shape == (40, 16, 20, channels)
        assert stored.std() > 20

    def test_have_their_classes_in_a_table_among_them(self, workspace: Workspace) -> None:
        root = self.pets(workspace, "pictures/{n:04}.png")
        rows = [(f"{n:04}", n, ("cats", "dogs")[n % 2]) for n in range(38)]
        table = pd.DataFrame([*rows, ("9999", 1, "cats")], columns=["image_id", "width", "label"])
        table.to_csv(root / "train.csv", index=False, sep=";")
        # Of another competition file that names them, too.
        table.drop(columns="label").to_csv(root / "sample_submission.csv", index=False)
        pipeline = drafted(workspace, "pets")
        assert pipeline.target.columns == ["label"]
        assert pipeline.source.labels.name == "image_id"
        rows = pd.read_parquet(workspace.clean / "rows.parquet")
        assert rows["label"].value_counts().to_dict() == {"cats": 19, "dogs": 19}

    def test_have_their_parts_in_a_table_among_them(self, workspace: Workspace) -> None:
        root = self.pets(workspace, "{kind}/{n}.png")
        files = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.png"))
        rows = [(name, "test" if n % 4 == 3 else "train") for n, name in enumerate(files)]
        pd.DataFrame(rows, columns=["file", "part"]).to_csv(root / "parts.csv", index=False)
        pipeline = drafted(workspace, "pets")
        assert (pipeline.target.columns, pipeline.split.kind) == (["class"], "predefined")

    def test_say_that_lists_of_parts_are_not_read(self, workspace: Workspace) -> None:
        root = self.pets(workspace, "images/{kind}/{n}.png")
        files = sorted(path.relative_to(root / "images") for path in root.rglob("*.png"))
        for name, part in (("train_list", files[::2]), ("test_list", files[1::2])):
            said = "".join(f"{path.with_suffix('').as_posix()} 1\n" for path in part)
            (root / f"{name}.txt").write_text(said)
        (root / "train_notes.txt").write_text("nothing here\nnames a file\n")
        readings = profile(root, "draft", None, workspace).readings
        assert [(name, key) for name, _, key in readings] == [("test_list.txt", "split")]

    def test_whose_endings_say_another_format_are_taken(self, workspace: Workspace) -> None:
        root = self.pets(workspace, "{kind}/{n}.png")
        for path in list(root.rglob("*.png"))[:20]:
            path.rename(path.with_suffix(".jpg"))
        pipeline = drafted(workspace, "pets")
        assert pipeline.source.images.set_aside == ["mode", "duplicate"]
        assert len(pd.read_parquet(workspace.clean / "rows.parquet")) == 40

    def test_ask_whether_folders_or_a_table_hold_the_classes(self, workspace: Workspace) -> None:
        root = self.pets(workspace, "{camera}/{n}.png")
        rows = [(f"{n}.png", ("cats", "dogs")[n % 2]) for n in range(40)]
        pd.DataFrame(rows, columns=["file", "kind"]).to_csv(root / "labels.csv", index=False)
        with pytest.raises(BadData, match=r"class \(0, 1, 2\) or kind \(cats, dogs\).*--target"):
            profile(root, "draft", None, workspace)
        assert drafted(workspace, "pets", "kind").target.columns == ["kind"]

    def test_of_a_column_for_each_class_are_asked_for_one(self, workspace: Workspace) -> None:
        root = self.pets(workspace, "{n}.png")
        rows = [(f"{n}.png", n % 2, 1 - n % 2) for n in range(40)]
        table = pd.DataFrame(rows, columns=["file", "dog", "cat"])
        table.to_csv(root / "labels.csv", index=False)
        with pytest.raises(
            BadData, match=r"dog .*or cat .*table\[\['dog', 'cat'\]\]\.idxmax\(axis=1\)"
        ):
            profile(root, "draft", None, workspace)

    def test_leave_test_files_of_no_class_out(self, workspace: Workspace) -> None:
        root = self.pets(workspace, "train/{kind}/{n}.png")
        (root / "test").mkdir()
        for path in list((root / "train" / "cats").iterdir())[:5]:
            path.rename(root / "test" / path.name)
        pipeline = drafted(workspace, "pets")
        assert pipeline.split.kind == "shuffled"
        assert len(pd.read_parquet(workspace.clean / "rows.parquet")) == 35

    def test_of_kinds_that_nothing_reads_do_not_just_vanish(
        self, workspace: Workspace, capsys: pytest.CaptureFixture[str]
    ) -> None:
        root = self.pets(workspace, "{kind}/{n}.png")
        (root / "cats" / "a.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
        drafted(workspace, "pets")
        assert (
            "1 that end in .heic (convert each: magick NAME.heic NAME.jpg)"
            in capsys.readouterr().err
        )
        shutil.rmtree(root / "dogs")
        for path in (root / "cats").glob("*.png"):
            path.unlink()
        with pytest.raises(BadData, match=r"1 that end in \.heic \(convert each: magick"):
            profile(root, "other", None, workspace)

    def test_of_arrays(self, workspace: Workspace) -> None:
        pixels = np.random.default_rng(0).integers(0, 255, (80, 12, 16)).astype(np.uint8)
        place = workspace.root / "all.npz"
        np.savez(place, images=pixels, labels=np.arange(80) % 3)
        pipeline = drafted(workspace, "all.npz")
        assert (pipeline.task, pipeline.target.columns) == ("multiclass", ["labels"])
        assert list(pipeline.columns) == ["pixels"]
        np.savez(place, images=pixels / 255, labels=np.arange(80) % 3)
        with pytest.raises(BadData, match=r"whole numbers from 0 to 255.*save them as uint8"):
            profile(place, "other", None, workspace)

    def test_of_idx_files(self, workspace: Workspace) -> None:
        root = workspace.root / "mnist"
        root.mkdir()
        pixels = np.random.default_rng(0).integers(0, 255, (60, 12, 16)).astype(np.uint8)
        answers = (np.arange(60) % 3).astype(np.uint8)
        for part, rows in (("train", slice(0, 40)), ("t10k", slice(40, 60))):
            for name, array in ((f"{part}-images-idx3", pixels), (f"{part}-labels-idx1", answers)):
                some = array[rows]
                head = bytes([0, 0, 8, some.ndim]) + np.array(some.shape, ">u4").tobytes()
                content = gzip.compress(head + some.tobytes())
                (root / f"{name}-ubyte.gz").write_bytes(content)
        pipeline = drafted(workspace, "mnist", "y")
        assert list(pipeline.columns) == ["pixels"]
        assert pipeline.split.kind == "predefined"
        rows = pd.read_parquet(workspace.clean / "rows.parquet")
        assert rows["y"].tolist() == answers.tolist()
        stored = np.load(workspace.raw / "rows.images" / "pixels.npy")
        np.testing.assert_array_equal(stored[..., 0], pixels)

    def test_that_a_table_names_are_added_as_their_folder(self, workspace: Workspace) -> None:
        rows = [(f"images/{n}.JPG", ("cats", "dogs")[n % 2], n % 7) for n in range(40)]
        table = pd.DataFrame(rows, columns=["image", "kind", "age"])
        table.drop(columns="age").to_csv(workspace.root / "labels.csv", index=False)
        with pytest.raises(BadData, match="'image' names files: add the folder that holds them"):
            profile(workspace.root / "labels.csv", "draft", "kind", workspace)
        table.to_csv(workspace.root / "labels.csv", index=False)
        found = profile(workspace.root / "labels.csv", "draft", "kind", workspace)
        assert any("image names files: add the folder" in line for line in found.guesses)

    def test_of_pictures_without_classes(self, workspace: Workspace) -> None:
        from PIL import Image

        (workspace.root / "pets").mkdir()
        Image.new("RGB", (8, 8)).save(workspace.root / "pets" / "1.png")
        with pytest.raises(BadData):
            profile(workspace.root / "pets", "draft", None, workspace)

    def test_of_texts(self, workspace: Workspace) -> None:
        words = ("good fine happy great", "bad poor sad awful")
        for number in range(40):
            folder = workspace.root / "reviews" / ("pos", "neg")[number % 2]
            folder.mkdir(parents=True, exist_ok=True)
            text = f"a film that is {words[number % 2]} and number {number}"
            (folder / f"{number}.txt").write_text(text)
        pipeline = drafted(workspace, "reviews")
        assert list(pipeline.columns) == ["text"]
        assert pipeline.target.columns == ["class"]

    def test_of_few_texts_get_their_updates(self) -> None:
        found = {rows: protocol.training(rows, texts=True) for rows in (48, 600, 5_000)}
        most = {rows: each["epochs"]["max"] for rows, each in found.items()}
        assert most == {48: 100, 600: 53, 5_000: 26}

    def test_of_classes_in_other_capitals_are_of_one(self, workspace: Workspace) -> None:
        root = self.pets(workspace, "{part}/{kind}/{n}.png")
        for kind in ("cats", "dogs"):
            (root / "val" / kind).rename(root / "val" / kind.title())
        pipeline = drafted(workspace, "pets")
        assert (pipeline.task, pipeline.target.letters) == ("binary", "fold")

    def test_of_sounds_beside_a_table_are_converted_first(self, workspace: Workspace) -> None:
        root = workspace.root / "calls"
        root.mkdir()
        (root / "labels.csv").write_text(
            "file,kind\n" + "".join(f"{n}.mp3,{'ab'[n % 2]}\n" for n in range(30))
        )
        for number in range(30):
            (root / f"{number}.mp3").write_bytes(b"ID3")
        with pytest.raises(BadData, match=r"30 that end in \.mp3 .*ffmpeg -i NAME\.mp3 NAME\.wav"):
            profile(root, "draft", None, workspace)

    def test_of_emoji_alone_are_texts(self) -> None:
        faces = ("😀👍🏽❤️", "😡👎💔")
        said = pd.Series([faces[n % 2] + "🙂" * n for n in range(30)])
        found = fact("said", said)
        assert (found.role, found.high) == ("text", 1)
        assert found.mean > 10

    def letters(self, workspace: Workspace, ending: str, encoding: str, each: str = "é") -> Path:
        root = workspace.root / "letters"
        for number in range(40):
            path = root / ("warm", "cold")[number % 2] / f"{number}{ending}"
            path.parent.mkdir(parents=True, exist_ok=True)
            words = ("sun and summer", "snow and ice")[number % 2]
            path.write_bytes(f"{words} {each} {number}\r\nmore".encode(encoding))
        return root

    @pytest.mark.parametrize("ending", ["", ".TXT", ".md"])
    def test_of_texts_may_end_as_they_like(self, workspace: Workspace, ending: str) -> None:
        self.letters(workspace, ending, "utf-8")
        assert list(drafted(workspace, "letters").columns) == ["text"]
        assert len(pd.read_parquet(workspace.clean / "rows.parquet")) == 40

    @pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "utf-8-sig"])
    def test_of_texts_are_read_in_their_encoding(self, workspace: Workspace, encoding: str) -> None:
        self.letters(workspace, ".txt", encoding)
        drafted(workspace, "letters")
        texts = pd.read_parquet(workspace.clean / "rows.parquet")["text"]
        assert texts.str.startswith(("sun", "snow")).all()
        assert texts.str.contains("é", regex=False).all()

    def test_of_texts_in_two_encodings_are_refused(self, workspace: Workspace) -> None:
        root = self.letters(workspace, ".txt", "utf-8")
        (root / "cold" / "1.txt").write_bytes("déjà".encode("cp1252"))
        with pytest.raises(BadData, match=r"cold/1\.txt in cp1252.*in utf-8.*all as UTF-8"):
            profile(root, "draft", None, workspace)

    def test_of_documents_that_hold_no_plain_text_are_named(self, workspace: Workspace) -> None:
        root = self.letters(workspace, ".pdf", "utf-8")
        with pytest.raises(
            BadData, match=r"40 that end in \.pdf \(convert each: pdftotext NAME\.pdf NAME\.txt\)"
        ):
            profile(root, "draft", None, workspace)


@pytest.mark.parametrize("form", ["%H:%M", "%I:%M %p", "%H:%M:%S"])
def test_times_of_a_day_beside_days_make_a_series(workspace: Workspace, form: str) -> None:
    """They were seconds, and the draft a shuffled regression on the time of the day."""
    when = pd.date_range("2024-01-01", periods=400, freq="h")
    rows = pd.DataFrame({"date": when.strftime("%d.%m.%Y"), "time": when.strftime(form)})
    rows["load"] = np.sin(np.arange(400) / 4) + np.random.default_rng(0).normal(0, 0.1, 400)
    rows.to_csv(workspace.root / "rows.csv", index=False)
    pipeline = drafted(workspace, "rows.csv")
    assert pipeline.task == "forecast"
    index = pipeline.time.index
    assert (index.columns, index.formats) == (["date", "time"], [f"%d.%m.%Y {form}"])


def test_times_of_a_day_beside_days_of_any_rows_are_numbers(workspace: Workspace) -> None:
    generator = np.random.default_rng(0)
    when = pd.Timestamp("2024-01-01") + pd.to_timedelta(generator.integers(0, 9**6, 200), unit="s")
    rows = pd.DataFrame({"date": when.strftime("%d.%m.%Y"), "time": when.strftime("%H:%M:%S")})
    rows["load"] = generator.normal(size=200)
    rows.to_csv(workspace.root / "rows.csv", index=False)
    assert drafted(workspace, "rows.csv").source.read.types == {"time": "duration"}


@pytest.mark.parametrize(("every", "count"), [("10min", 200), ("h", 80)])
def test_a_series_of_less_than_some_seasons_is_prepared(
    workspace: Workspace, every: str, count: int
) -> None:
    """Its test part was to hold a day of 144 steps; the draft stopped in `prepare`."""
    when = pd.date_range("2024-01-01", periods=count, freq=every)
    heat = np.sin(np.arange(count) / 9) + np.random.default_rng(0).normal(size=count)
    pd.DataFrame({"when": when, "heat": heat}).to_csv(workspace.root / "rows.csv", index=False)
    assert drafted(workspace, "rows.csv").time.season == 1
