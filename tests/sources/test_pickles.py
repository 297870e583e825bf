"""A pickle gives arrays, and nothing that it names is ever called."""

from __future__ import annotations

import gzip
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.sources.conftest import Ingest
from throughline.errors import BadData
from throughline.sources.formats.pickled import unpickled

KINDS = st.sampled_from(["<f4", ">f8", "u1", "<i8", ">i2", "?", "<U3", "S4"])


class Attack:
    """Runs a command in whoever opens it with `pickle.load`."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch attacked",)


class TestArrays:
    @given(
        KINDS.flatmap(lambda kind: arrays.arrays(kind, arrays.array_shapes(max_dims=3))),
        st.integers(0, pickle.HIGHEST_PROTOCOL),
        st.booleans(),
    )
    def test_come_back_as_they_were(
        self, value: np.ndarray[Any, Any], protocol: int, fortran: bool
    ) -> None:
        held = np.asfortranarray(value) if fortran else value
        found = unpickled(pickle.dumps({"a": held}, protocol), "x.pkl")["a"]
        assert found.dtype == value.dtype
        assert found.shape == value.shape
        np.testing.assert_array_equal(found, value)

    def test_the_parts_of_mnist(self, bring: Ingest, tmp_path: Path) -> None:
        parts = tuple((np.full((rows, 4), rows, np.float32), np.arange(rows)) for rows in (5, 2, 3))
        (tmp_path / "mnist.pkl.gz").write_bytes(gzip.compress(pickle.dumps(parts, 2), mtime=0))
        rows, provenance, _ = bring(file="mnist.pkl.gz")
        assert rows["part"].tolist() == ["train"] * 5 + ["valid"] * 2 + ["test"] * 3
        assert rows["y"].tolist() == [*range(5), *range(2), *range(3)]
        assert rows["x"].iloc[9].tolist() == [3.0] * 4
        assert provenance["columns"][0]["shape"] == [4]

    def test_a_mapping(self, bring: Ingest, tmp_path: Path) -> None:
        content = {"size": np.array([1.5, 2.5]), "town": ["Ulm", "Hof"], "about": "two towns"}
        (tmp_path / "towns.pkl").write_bytes(pickle.dumps(content))
        rows, _, _ = bring(file="towns.pkl")
        assert rows.to_dict("list") == {"size": [1.5, 2.5], "town": ["Ulm", "Hof"]}


class TestAttacks:
    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_nothing_runs(
        self,
        bring: Ingest,
        tmp_path: Path,
        protocol: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.chdir(tmp_path)
        content = pickle.dumps([np.arange(3), Attack()], protocol)
        (tmp_path / "rows.pkl").write_bytes(content)
        with pytest.raises(BadData, match=r"arrays of numbers alone.*Received: \w+\.system"):
            bring(file="rows.pkl")
        assert not (tmp_path / "attacked").exists()
        # The file is a real attack: whoever opens it in the usual way runs its command.
        pickle.loads(content)  # noqa: S301
        assert (tmp_path / "attacked").exists()

    def test_objects_inside_an_array(self) -> None:
        with pytest.raises(BadData, match="numbers or texts of fixed length"):
            unpickled(pickle.dumps(np.array([Attack()], dtype=object)), "x.pkl")

    def test_more_elements_than_bytes(self) -> None:
        content = pickle.dumps(np.arange(3, dtype="<i8"), 2)
        assert content.count(b"K\x03\x85") == 1
        forged = content.replace(b"K\x03\x85", b"J" + struct.pack("<i", 1 << 30) + b"\x85")
        with pytest.raises(BadData, match="must have its bytes"):
            unpickled(forged, "x.pkl")

    @pytest.mark.parametrize("name", ["builtins.eval", "numpy.load", "numpy.lib.npyio.load"])
    def test_names_of_numpy_are_no_pass(self, name: str) -> None:
        module, _, function = name.rpartition(".")
        content = b"c" + f"{module}\n{function}\n".encode() + b"(S'1'\ntR."
        with pytest.raises(BadData, match=f"Received: {name}"):
            unpickled(content, "x.pkl")

    @given(st.binary(max_size=200))
    @example(b"\x96" + bytes(7) + b"\1")
    def test_any_bytes_are_refused_or_harmless(self, content: bytes) -> None:
        try:
            unpickled(content, "x.pkl")
        except BadData:
            return

    def test_a_cut_file(self) -> None:
        with pytest.raises(BadData, match="sound pickle"):
            unpickled(pickle.dumps(np.arange(100))[:-20], "x.pkl")
