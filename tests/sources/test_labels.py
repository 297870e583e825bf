"""Labels in a table among the files that they are of."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from throughline.errors import BadData
from throughline.pipeline.schema.source import Source
from throughline.sources.labels import rows_of
from throughline.sources.registry import Surroundings, fetch

FOLDERS = st.lists(st.sampled_from(["a", "B", "été", "train 1"]), max_size=2)
STEMS = st.text("abcxyz019_- ü", min_size=1, max_size=6).filter(lambda stem: stem.strip() == stem)


class TestNames:
    @given(
        st.lists(st.tuples(FOLDERS, STEMS), min_size=1, max_size=8, unique_by=lambda it: it[1]),
        st.sampled_from(
            ["whole", "file", "stem", "windows", "decomposed", "capitals", "small", "absolute"]
        ),
    )
    def test_are_found_however_a_table_writes_them(
        self, paths: list[tuple[list[str], str]], way: str
    ) -> None:
        files = ["/".join([*folders, f"{stem}.JPG"]) for folders, stem in paths]
        written: Mapping[str, list[str]] = {
            "whole": files,
            "file": [name.rpartition("/")[2] for name in files],
            "stem": [name.rpartition("/")[2].removesuffix(".JPG") for name in files],
            "windows": [f".\\{name}".replace("/", "\\") for name in files],
            "decomposed": [unicodedata.normalize("NFD", name) for name in files],
            "capitals": [name.upper() for name in files],
            "small": [f" {name.lower()} " for name in files],
            "absolute": [f"C:\\photos\\{name}".replace("/", "\\") for name in files],
        }
        rows = list(range(len(files)))[::-1]
        names = [written[way][row] for row in rows]
        assert [rows[row] for row in rows_of(files, names, "labels.csv") if row is not None] == (
            list(range(len(files)))
        )

    def test_with_further_folders_or_another_ending_are_found(self) -> None:
        files = ["a/1.png", "a/2.png"]
        assert rows_of(files, ["data/a/2.jpg", "data/a/1.jpg"], "labels.csv") == [1, 0]

    @given(
        st.sets(st.tuples(st.sampled_from("abc"), st.sampled_from("123")), min_size=1),
        st.permutations(["a", "b", "c"]),
        st.sampled_from(["{}/{}.JPG", "./{}/{}.jpg", "..\\data\\{}\\{}.png", "x/{}//{}.heic"]),
    )
    def test_are_those_of_their_own_folders_where_others_have_the_same_name(
        self, told: set[tuple[str, str]], folders: list[str], written: str
    ) -> None:
        files = [(folder, number) for folder in folders for number in "123"]
        rows = sorted(told)
        found = rows_of(
            [f"data/{folder}/{number}.jpg" for folder, number in files],
            [written.format(*row) for row in rows],
            "labels.csv",
        )
        expected = [rows.index(file) if file in told else None for file in files]
        assert [row for row, file in zip(found, files, strict=True) if file in told] == [
            row for row in expected if row is not None
        ]

    def test_differ_by_their_capitals_alone_where_both_are_there(self) -> None:
        files = ["a.JPG", "a.jpg", "É/b.jpg"]
        assert rows_of(files, ["a.jpg", "É/B.JPG", "a.JPG"], "labels.csv") == [2, 0, 1]

    def test_that_two_files_have_are_those_of_the_table_s_own_part(self) -> None:
        files = ["test/1.jpg", "train/1.jpg", "train/2.jpg"]
        assert rows_of(files, ["1", "2"], "trainLabels.csv") == [None, 0, 1]
        with pytest.raises(BadData, match=r"'1', which could be test/1\.jpg, train/1\.jpg"):
            rows_of(files, ["1", "2"], "labels.csv")

    def test_that_two_rows_have_are_refused(self) -> None:
        with pytest.raises(BadData, match=r"'1\.jpg' has several"):
            rows_of(["1.jpg"], ["1.jpg", "1.jpg"], "labels.csv")


def pictures(root: Path) -> Path:
    folder = root / "pets"
    for number in range(6):
        path = folder / "images" / f"{number:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 255, (8, 8, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(path)
    rows = [(f"{number:04}", ("cat", "dog")[number % 2], number / 2) for number in (3, 1, 2, 0, 9)]
    table = pd.DataFrame(rows, columns=["id", "kind", "age"])
    table.to_csv(folder / "labels.csv", index=False, sep=";", decimal=",")
    return folder


def source(**changed: object) -> Source:
    section = {
        "folder": "pets",
        "images": {"size": [8, 8]},
        "read": {"separator": ";", "decimal": ","},
        "labels": {"file": "labels.csv", "name": "id"},
    }
    return Source.model_validate({**section, **changed})


class TestAFolder:
    def test_gets_the_columns_of_its_table(self, tmp_path: Path) -> None:
        pictures(tmp_path)
        found = fetch(source(), Surroundings(tmp_path, tmp_path / "cache"))
        assert found.frame["file"].tolist() == [f"images/000{n}.png" for n in range(4)]
        assert found.frame["kind"].tolist() == ["cat", "dog", "cat", "dog"]
        assert found.frame["age"].tolist() == [0, 0.5, 1, 1.5]
        assert found.frame["pixels"].tolist() == [0, 1, 2, 3]
        assert (found.origin["without_label"], found.origin["without_file"]) == (2, 1)

    def test_of_texts_gets_them_too(self, tmp_path: Path) -> None:
        folder = pictures(tmp_path)
        for path in list(folder.rglob("*.png")):
            path.with_suffix(".txt").write_text(f"No. {path.stem}")
            path.unlink()
        found = fetch(source(images=None), Surroundings(tmp_path, tmp_path / "cache"))
        assert found.frame["text"].tolist() == [f"No. 000{n}" for n in range(4)]
        assert found.frame["kind"].tolist() == ["cat", "dog", "cat", "dog"]
        labels = folder / "labels.csv"
        labels.write_text(labels.read_text().replace("kind", "text", 1))
        with pytest.raises(BadData, match=r"as that of what the files hold.*text"):
            fetch(source(images=None), Surroundings(tmp_path, tmp_path / "other"))

    @pytest.mark.parametrize(
        ("labels", "said"),
        [
            ({"file": "label.csv", "name": "id"}, r"label\.csv.*Did you mean 'labels\.csv'"),
            ({"file": "labels.csv", "name": "ids"}, "ids.*Did you mean 'id'"),
            ({"file": "labels.csv", "name": "kind"}, "must name files.*called images/0000"),
        ],
    )
    def test_whose_table_says_nothing_is_refused(
        self, labels: dict[str, str], said: str, tmp_path: Path
    ) -> None:
        pictures(tmp_path)
        with pytest.raises(BadData, match=said):
            fetch(source(labels=labels), Surroundings(tmp_path, tmp_path / "cache"))
        assert not list(tmp_path.rglob("*.pixels"))
