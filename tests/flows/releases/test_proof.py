"""A rebuilt file is identical, close, within noise, or different; nothing passes by accident."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from throughline.releasing.outputs import cached, digest_of, files
from throughline.releasing.reproducing.proof import CLOSE, DIFFERENT, IDENTICAL, NOISE, findings
from throughline.releasing.reproducing.reproduce import proof_lines, worst

METRICS = {
    "accuracy": {"value": 0.9, "low": 0.8, "high": 1.0},
    "epochs": {"value": 3, "low": None, "high": None},
}


class Released:
    """A cache with the released version of one output, and a folder with the rebuilt one."""

    def __init__(self, folder: Path) -> None:
        self.cache, self.root = folder / "cache", folder / "rebuilt"
        self.root.mkdir()

    def keep(self, content: bytes, ending: str = "") -> str:
        """Put bytes into the cache and return their digest."""
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest() + ending
        path = cached(self.cache, digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return digest

    def verdict(self, name: str, released: bytes, rebuilt: bytes) -> str:
        """How the rebuilt bytes of one output compare with the released ones."""
        (self.root / name).write_bytes(rebuilt)
        stages = {"train": {name: self.keep(released)}}
        (finding,) = findings(self.root, self.cache, stages, METRICS)
        return finding.verdict


@pytest.fixture
def released(tmp_path: Path) -> Released:
    return Released(tmp_path)


def array(tmp_path: Path, values: list[float]) -> bytes:
    path = tmp_path / "array.npy"
    np.save(path, np.array(values, np.float32))
    return path.read_bytes()


class TestVerdicts:
    def test_equal_bytes_are_identical(self, released: Released) -> None:
        assert released.verdict("a.html", b"<p>", b"<p>") == IDENTICAL

    def test_numbers_that_moved_a_little_are_close(
        self, released: Released, tmp_path: Path
    ) -> None:
        old, new = array(tmp_path, [1.0, 2.0]), array(tmp_path, [1.0, 2.000001])
        assert released.verdict("a.npy", old, new) == CLOSE

    @pytest.mark.parametrize("values", [[1.0, 2.1], [1.0], [1.0, float("nan")]])
    def test_other_numbers_are_different(
        self, released: Released, tmp_path: Path, values: list[float]
    ) -> None:
        old, new = array(tmp_path, [1.0, 2.0]), array(tmp_path, values)
        assert released.verdict("a.npy", old, new) == DIFFERENT

    def test_figures_inside_the_released_intervals_are_noise(self, released: Released) -> None:
        old = json.dumps({"accuracy": 0.9, "epochs": 3}).encode()
        inside = json.dumps({"accuracy": 0.85, "epochs": 4}).encode()
        outside = json.dumps({"accuracy": 0.7, "epochs": 3}).encode()
        assert released.verdict("metrics.json", old, inside) == NOISE
        assert released.verdict("metrics.json", old, outside) == DIFFERENT

    def test_text_without_numbers_is_never_close(self, released: Released) -> None:
        assert released.verdict("a.csv", b"name\nx\n", b"name\ny\n") == DIFFERENT
        assert released.verdict("a.html", b"<p>", b"<b>") == DIFFERENT

    def test_a_file_that_was_not_made_is_different(self, released: Released) -> None:
        stages = {"export": {"model.onnx": released.keep(b"model")}}
        (finding,) = findings(released.root, released.cache, stages, METRICS)
        assert (finding.verdict, finding.detail) == (DIFFERENT, "not made")

    def test_a_folder_is_compared_file_by_file(self, released: Released) -> None:
        listing = json.dumps([{"md5": released.keep(b"1"), "relpath": "one.txt"}]).encode()
        digest = released.keep(listing, ".dir")
        assert list(files(released.cache, {"data": digest})) == ["data/one.txt"]

    def test_a_folder_without_a_listing_is_compared_as_a_whole(self, released: Released) -> None:
        (released.root / "data/inner").mkdir(parents=True)
        for name in ("b.txt", "a.txt", "inner/c.txt"):
            (released.root / "data" / name).write_text(name)
        stages = {"prepare": {"data": digest_of(released.root / "data")}}
        (same,) = findings(released.root, released.cache, stages, METRICS)
        (released.root / "data/b.txt").write_text("other")
        (other,) = findings(released.root, released.cache, stages, METRICS)
        assert (same.verdict, other.verdict) == (IDENTICAL, DIFFERENT)


class TestProof:
    def test_the_first_departure_and_its_cause_are_named(self, released: Released) -> None:
        stages = {"train": {"a.npy": released.keep(b"a")}, "export": {"b": released.keep(b"b")}}
        found = list(findings(released.root, released.cache, stages, METRICS))
        lines = proof_lines(found, False, ["python 3.11.7 → 3.12.0"])
        assert "First departs: train (a.npy). Differs: python 3.11.7 → 3.12.0." in lines
        assert worst(found) == DIFFERENT
        assert lines[-1] == "Verdict: different."
