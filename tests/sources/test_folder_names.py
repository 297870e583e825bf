"""What folders say of the files in them."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import Literal
from unicodedata import normalize

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughline.errors import BadData
from throughline.pipeline.schema.protocol import Split
from throughline.samples.splits.parts import parts
from throughline.sources.folder_names import said_by_folders
from throughline.sources.tree import files_below

TWO, THREE = ("cats", "dogs"), ("train", "validation", "test")
SPELLED = st.sampled_from(
    [
        ("Train", "Test"),
        ("train", "val", "test"),
        ("TRAINING", "Validation"),
        ("train", "dev"),
        ("train2017", "val2017"),
        ("training_set", "test_set"),
        ("Train Images", "Test Images"),
        ("train-data", "test1"),
    ]
)


class TestLevels:
    @given(SPELLED, st.booleans(), st.booleans())
    def test_that_are_parts_are_found_anywhere(
        self, spelled: tuple[str, ...], wrapped: bool, below: bool
    ) -> None:
        files, wanted = [], []
        for part in spelled:
            for kind in TWO:
                inner = f"{kind}/{part}" if below else f"{part}/{kind}"
                files.append(f"{'set/' * wrapped}{inner}/1.png")
                wanted.append((part.lower()[:2], kind))
        found = said_by_folders(files)
        assert set(found) == {"part", "class"}
        assert set(found["part"]) <= set(THREE)
        # Usual spellings begin as the names that they stand for; `dev` is another validation.
        firsts = [str(part)[:2].replace("va", "de") for part in found["part"]]
        pairs = list(zip(firsts, found["class"], strict=True))
        assert pairs == [(part.replace("va", "de"), kind) for part, kind in wanted]

    @pytest.mark.parametrize(
        "spelled", [("training_set", "test_set"), ("seg_train", "seg_test", "seg_pred")]
    )
    def test_that_are_parts_may_be_there_twice(self, spelled: tuple[str, ...]) -> None:
        files = [f"{part}/{part}/{kind}/1.jpg" for part in spelled[:2] for kind in TWO]
        files += [f"{part}/{part}/1.jpg" for part in spelled[2:]]
        found = said_by_folders(files)
        parts, kinds = ["train", "train", "test", "test"], [*TWO, *TWO]
        lone = [None] * len(spelled[2:])
        assert found == {"part": [*parts, *(["test"] * len(lone))], "class": [*kinds, *lone]}

    def test_of_cameras_below_classes_are_both_there(self) -> None:
        files = [f"{kind}/{camera}/1.png" for kind in TWO for camera in ("one", "two")]
        assert said_by_folders(files) == {
            "level1": ["cats", "cats", "dogs", "dogs"],
            "level2": ["one", "two", "one", "two"],
        }

    def test_in_which_some_files_lie_deeper_tell_no_class(self) -> None:
        files = ["cats/1.png", "cats/more/2.png", "cats/other/3.png", "dogs/4.png", "5.png"]
        assert said_by_folders(files) == {"class": ["cats", "cats", "cats", "dogs", None]}

    def test_that_tell_nothing_leave_it_to_the_names(self) -> None:
        files = [f"train/{kind}.{number}.jpg" for kind in ("cat", "dog") for number in range(3)]
        assert said_by_folders(files) == {"class": ["cat"] * 3 + ["dog"] * 3}
        for name in ("{0}_{1}.jpg", "{0}-00{1}.JPG", "{0} ({1}).jpeg", "{0}{1}.wav"):
            files = [name.format(kind, n) for kind in ("Katze", "größer Hund") for n in range(3)]
            assert said_by_folders(files) == {"class": ["Katze"] * 3 + ["größer Hund"] * 3}
        assert said_by_folders(["IMG_1.jpg", "DSC_2.jpg", "IMG_3.jpg", "DSC_4.jpg"]) == {}

    def test_around_all_files_tell_nothing(self) -> None:
        assert said_by_folders(["set/a/1.txt", "set/b/2.txt"]) == {"class": ["a", "b"]}
        assert said_by_folders(["1.txt"]) == {}


class TestParts:
    @pytest.mark.parametrize(
        ("said", "wanted"),
        [
            (["Train", "TEST", "val"], ["training", "test", "training"]),
            (["training", "valid", "train"], ["training", "test", "training"]),
        ],
    )
    def test_in_any_spelling(self, said: list[str], wanted: list[str]) -> None:
        split = Split(kind="predefined", column="part")
        assert parts(pd.DataFrame({"part": said}), split).tolist() == wanted


class TestNames:
    @pytest.mark.parametrize("packed", ["folder", "zip", "tar"])
    def test_of_folders_are_one_class_however_a_system_writes_them(
        self, packed: str, tmp_path: Path
    ) -> None:
        names = [f"train/{name('NFC')}/1.txt", f"test/{name('NFD')}/2.txt"]
        folder = tmp_path / "pets"
        for each in names:
            (folder / each).parent.mkdir(parents=True)
            (folder / each).write_text(each[:4])
        path = folder
        if packed != "folder":
            path = Path(shutil.make_archive(str(tmp_path / "packed"), packed, folder))
        found = [each for each, _ in files_below(path)]
        assert said_by_folders(found)["class"] == [name("NFC")] * 2

    def test_in_zip_files_of_old_programs(self, tmp_path: Path) -> None:
        """UTF-8 that is not said to be any, and backslashes between folders."""
        path = tmp_path / "old.zip"
        told = ["train\\cafe/1.txt", "Caf\xe9\\2.txt", "unten\\"]
        with zipfile.ZipFile(path, "w") as archive:
            for each in told:
                archive.writestr(zipfile.ZipInfo(each), "x")
        content = path.read_bytes()
        for flags in (b"PK\x03\x04\x14\x00", b"PK\x01\x02\x14\x03\x14\x00"):
            content = content.replace(flags + b"\x00\x08", flags + b"\x00\x00")
        path.write_bytes(content)
        with zipfile.ZipFile(path) as archive:
            assert archive.namelist() == [told[0], "Caf\u251c\u2310\\2.txt", told[2]]
        assert [each for each, _ in files_below(path)] == ["train/cafe/1.txt", "Caf\xe9/2.txt"]


def name(form: Literal["NFC", "NFD"]) -> str:
    return normalize(form, "Élan")


class TestLinks:
    def test_to_folders_inside_are_followed(self, tmp_path: Path) -> None:
        (tmp_path / "store").mkdir()
        (tmp_path / "store" / "1.txt").write_text("one")
        (tmp_path / "cats").symlink_to("store")
        assert [name for name, _ in files_below(tmp_path)] == ["cats/1.txt", "store/1.txt"]

    @pytest.mark.parametrize("target", ["../elsewhere", "."])
    def test_elsewhere_and_round_in_circles_are_named(self, tmp_path: Path, target: str) -> None:
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "cats").symlink_to(target)
        with pytest.raises(BadData, match="cats' leads to "):
            list(files_below(tmp_path / "data"))
