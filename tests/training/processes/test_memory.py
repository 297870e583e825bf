"""A series is held once: a training on a CPU reads the memory that holds it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import memory
from throughline.preprocessing import aligned
from throughline.training.engine import backends
from throughline.training.engine.stacked import blocks

ROOT = Path(__file__).parents[3]
ROWS = 2_500_000


Put = Callable[[np.ndarray], object]


def shares(tensor: object, array: np.ndarray) -> bool:
    return np.shares_memory(np.from_dlpack(tensor), array)  # type: ignore[arg-type]


@pytest.fixture
def put() -> Put:
    if backends.device() != ("tensorflow", False):
        pytest.skip("a GPU, or JAX, has memory of its own")
    put = backends.current().device_array
    # TensorFlow's very first operation goes another way.
    put(np.zeros(1))
    return put


class TestAlignedArrays:
    @given(
        shape=st.lists(st.integers(1, 5), min_size=1, max_size=3),
        dtype=st.sampled_from(["uint8", "int32", "float32", "float64"]),
    )
    def test_begin_where_the_device_takes_them(self, shape: list[int], dtype: str) -> None:
        array = aligned.empty(tuple(shape), dtype)
        assert array.ctypes.data % aligned.ALIGNMENT == 0
        assert (array.shape, array.dtype) == (tuple(shape), np.dtype(dtype))
        array[:] = 1
        assert array.all() and array.flags.c_contiguous

    def test_are_not_copied(self, put: Put) -> None:
        array = aligned.empty((30_000, 5), np.float32)
        array[:] = np.arange(5)
        assert shares(put(array), array)
        assert np.array_equal(np.from_dlpack(put(array)), array)

    def test_of_a_mapped_file_neither(self, put: Put, tmp_path: Path) -> None:
        np.save(tmp_path / "a.npy", np.arange(100_000, dtype=np.int32))
        array = np.load(tmp_path / "a.npy", mmap_mode="r")
        assert shares(put(array), array)

    def test_one_that_is_not_aligned_is_copied(self, put: Put) -> None:
        array = aligned.empty((100_001,), np.float32)[1:]
        array[:] = 7
        tensor = put(array)
        array[:] = 8
        assert np.array_equal(tensor, np.full(100_000, 7))

    def test_of_several_folds_are_joined_and_not_copied_again(self) -> None:
        seen: list[np.ndarray] = []
        folds = [np.full((3, 2), number, np.float32) for number in range(2)]
        blocks([*folds, folds[0]], lambda array: seen.append(array) or array)
        assert np.array_equal(seen[0], np.concatenate(folds))
        assert seen[0].ctypes.data % aligned.ALIGNMENT == 0


class TestASeries:
    def test_that_is_reordered_in_place_is_held_once(self, tmp_path: Path) -> None:
        memory.written(tmp_path, ROWS)
        before = (tmp_path / "features.npy").read_bytes()
        command = [sys.executable, "-m", "benchmarks.memory", "--rows", str(ROWS)]
        done = subprocess.run(
            [*command, "--only", "phases", str(tmp_path)],
            cwd=ROOT, check=True, capture_output=True, text=True,
        )  # fmt: skip
        # Twice and copied in between it would be 3; one column is held beside it.
        assert float(done.stdout.splitlines()[-1]) < 1.6
        assert (tmp_path / "features.npy").read_bytes() == before
