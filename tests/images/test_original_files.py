"""The proof of a model of pictures starts at the files that they were stored from."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.images.conftest import EACH, SIDE, drawn, encoded
from throughline.errors import RefusedByGate
from throughline.evaluation.answers_from_files import answered_from_files
from throughline.evaluation.raw_rows import read_rows
from throughline.export.proof.golden_files import served_files
from throughline.paths import Workspace, read_json
from throughline.preprocessing.golden import PICTURES
from throughline.preprocessing.originals import (
    Keeping,
    originals_beside,
    pass_on,
    read_originals,
    served_as_stored,
    write_originals,
)
from throughline.releasing.promotion import FRESH
from throughline.samples.samples import kind
from throughline.serving.rows.media.image_files import stored_picture

ENTRY = {"type": "image", "shape": [SIDE, SIDE, 3], "fit": "crop"}


class TestWhatIsKept:
    @given(st.lists(st.integers(0, 40), max_size=60), st.integers(1, 100))
    def test_is_spread_evenly_and_bounded(self, sizes: list[int], most: int) -> None:
        keeping = Keeping(most)
        for number, size in enumerate(sizes):
            keeping.offer(number, f"{number}.png", bytes(size))
        found = keeping.frame()
        assert found["content"].map(len).sum() <= most or len(found) == 1
        if sum(sizes) <= most:
            assert found["number"].tolist() == list(range(len(sizes)))
        elif len(found) > 1:
            every = found["number"].iloc[1]
            assert found["number"].tolist() == list(range(0, len(sizes), every))

    def test_follows_its_rows(self, tmp_path: Path) -> None:
        held = [(0, "a.png", b"a"), (2, "c.png", b"c"), (3, "d.png", b"d"), (4, "e.png", b"e")]
        everyone, chosen = tmp_path / "rows.parquet", tmp_path / "chosen.parquet"
        write_originals(pd.DataFrame(held, columns=["number", "file", "content"]), everyone)
        pass_on(everyone, [4, 1, 3, 2], chosen, most=2)
        assert read_originals(chosen) == [
            {"number": 0, "file": "e.png", "content": b"e"},
            {"number": 2, "file": "d.png", "content": b"d"},
        ]

    def test_is_nothing_where_rows_came_from_no_files(self, tmp_path: Path) -> None:
        pass_on(tmp_path / "rows.parquet", [0], tmp_path / "chosen.parquet")
        assert read_originals(tmp_path / "chosen.parquet") is None


class TestWhatIsServed:
    def stored(self, content: bytes, fit: str) -> np.ndarray:
        with Image.open(io.BytesIO(content)) as image:
            return stored_picture(image, (SIDE, SIDE), 3, fit)

    def test_equals_what_is_stored(self) -> None:
        content = encoded(drawn("lying", 5), "JPEG")
        originals = [{"file": "a.jpg", "content": content}]
        assert served_as_stored(originals, [self.stored(content, "crop")], ENTRY) == 1

    @pytest.mark.parametrize("fit", ["stretch", "pad"])
    def test_otherwise_than_stored_is_refused_by_name(self, fit: str) -> None:
        content = encoded(drawn("lying", 5), "JPEG")
        originals = [{"file": "lying/a.jpg", "content": content}]
        with pytest.raises(RefusedByGate, match=r"lying/a\.jpg.*values differ, by"):
            served_as_stored(originals, [self.stored(content, fit)], ENTRY)

    def test_that_cannot_be_read_is_refused_by_name(self) -> None:
        stored = np.zeros((SIDE, SIDE, 3), np.uint8)
        with pytest.raises(RefusedByGate, match=r"b\.png"):
            served_as_stored([{"file": "b.png", "content": b"none"}], [stored], ENTRY)

    def test_of_a_bare_waveform_is_nothing(self) -> None:
        entry = {"type": "image", "shape": [16, 2, 1]}
        stored = np.zeros((16, 2, 1), np.uint8)
        assert served_as_stored([{"file": "a.wav", "content": b""}], [stored], entry) == 0


class TestAPipeline:
    def test_starts_parity_and_the_report_at_files(self, built: Workspace) -> None:
        for branch in read_json(built.parity).values():
            assert branch["original_files"] == PICTURES
        for branch in read_json(built.evaluation / "report.json")["branches"].values():
            assert branch["original_files"] == 2 * EACH
        assert f"{2 * EACH} of the {2 * EACH} rows" in (built.evaluation / "report.html").read_text(
            encoding="utf-8"
        )

    def test_keeps_no_test_file_on_the_training_side(self, built: Workspace) -> None:
        sides = (built.training_data, "train"), (built.test_data, "test")
        for folder, part in sides:
            found = read_originals(folder / "main" / "rows.parquet")
            assert found and all(each["file"].startswith(f"{part}/") for each in found)

    def test_refuses_test_pixels_that_are_not_those_of_the_file(self, built: Workspace) -> None:
        stored = built.test_data / "main" / "rows.parquet"
        rows = read_rows(stored)
        pixels = np.array(rows.columns["pixels"])
        pixels[7, 3, 3] ^= 1
        file = rows.columns["file"][7]
        rows = type(rows)({**rows.columns, "pixels": pixels}, rows.count)
        with pytest.raises(RefusedByGate, match=f"{file}.*by 1"):
            answered_from_files(built.model, rows, stored)

    def test_refuses_golden_requests_that_are_not_those_of_the_file(self, built: Workspace) -> None:
        prepared = built.training_data / "main"
        summary = read_json(prepared / "prepared.json")
        requests = kind(summary).golden_requests(built.networks / "main", summary)
        assert served_files(prepared, summary, requests) == PICTURES
        requests["pixels"] = 255 - requests["pixels"]
        with pytest.raises(RefusedByGate):
            served_files(prepared, summary, requests)

    @pytest.mark.parametrize("whole", [True, False])
    def test_is_released_where_a_fresh_process_answers_its_files(
        self, built: Workspace, whole: bool, tmp_path: Path
    ) -> None:
        originals = originals_beside(built.training_data / "main" / "rows.parquet")
        if not whole:
            table = parquet.read_table(originals).to_pylist()
            table[1]["content"] = encoded(drawn("lying", 901), "PNG")
            write_originals(pd.DataFrame(table), tmp_path / "rows.parquet")
            originals = originals_beside(tmp_path / "rows.parquet")
        rows = built.networks / "main" / "golden.parquet"
        given = map(str, (built.model, rows, originals))
        done = subprocess.run(
            [sys.executable, "-P", "-c", FRESH, *given], capture_output=True, text=True
        )
        assert (done.returncode == 0) == whole, done.stderr
        assert whole or "is served otherwise than it was learned" in done.stderr
