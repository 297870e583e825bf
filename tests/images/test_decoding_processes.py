"""Many image files are decoded by several processes, and none of them is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from tests.images.conftest import encoded
from throughline.pipeline.schema.pictures.image import Images
from throughline.sources.pictures.decoding import BLOCK_FILES, DeadDecoder, all_decoded, decoded

IMAGES = Images.model_validate({"size": [8, 8]})
COUNT = 5 * BLOCK_FILES + 3
# Decodes files without end; says so once the first ones are done.
ENDLESS = """
from pathlib import Path
from typing import Any
from itertools import count
from throughline.pipeline.schema.pictures.image import Images
from throughline.sources.pictures.decoding import all_decoded
content = Path("a.png").read_bytes()
files = ((f"{number}.png", content) for number in count())
for found in all_decoded(files, Images.model_validate({"size": [8, 8]})):
    if found.file == "0.png":
        print("begun", flush=True)
"""


def files() -> Iterator[tuple[str, bytes]]:
    for number in range(COUNT):
        yield f"{number}.png", encoded(np.full((8, 8, 3), number, dtype=np.uint8), "PNG")


@pytest.fixture
def decoders() -> Callable[[], list[Any]]:
    """The processes that have begun since; other tests may have left some, as a server."""
    before = {process.pid for process in psutil.Process().children()}
    return lambda: [p for p in psutil.Process().children() if p.pid not in before]


class TestAllDecoded:
    def test_answers_in_the_order_of_the_files_what_each_file_gives_alone(self) -> None:
        together = list(all_decoded(files(), IMAGES))
        alone = [decoded(name, content, IMAGES) for name, content in files()]
        assert [found.file for found in together] == [name for name, _ in files()]
        for one, other in zip(together, alone, strict=True):
            assert one.facts == other.facts
            np.testing.assert_array_equal(one.pixels, other.pixels)

    def test_of_a_few_files_begins_no_process(self, decoders: Callable[[], list[Any]]) -> None:
        few = [item for item, _ in zip(files(), range(BLOCK_FILES), strict=False)]
        found = all_decoded(iter(few), IMAGES)
        next(found)
        assert not decoders()
        assert len(list(found)) == BLOCK_FILES - 1

    def test_ends_its_processes_when_nobody_wants_the_rest(
        self, decoders: Callable[[], list[Any]]
    ) -> None:
        found = all_decoded(files(), IMAGES)
        next(found)
        assert isinstance(found, Generator)
        found.close()
        assert not decoders()

    @pytest.mark.skipif(sys.platform != "linux", reason="threads decode elsewhere than on Linux")
    def test_says_that_a_process_was_killed(self, decoders: Callable[[], list[Any]]) -> None:
        found = all_decoded(files(), IMAGES)
        next(found)
        begun = decoders()
        assert begun
        for process in begun:
            process.kill()
        with pytest.raises(DeadDecoder, match=r"killed.*memory"):
            list(found)

    @pytest.mark.skipif(sys.platform != "linux", reason="threads decode elsewhere than on Linux")
    def test_leaves_no_process_behind_when_it_is_killed_itself(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(encoded(np.zeros((8, 8, 3), dtype=np.uint8), "PNG"))
        running = subprocess.Popen(
            [sys.executable, "-c", ENDLESS],
            stdout=subprocess.PIPE,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        with running:
            assert running.stdout is not None
            assert running.stdout.readline() == b"begun\n"
            children = psutil.Process(running.pid).children()
            assert children
            running.send_signal(signal.SIGKILL)
        until = time.monotonic() + 20
        while any(child.is_running() for child in children) and time.monotonic() < until:
            time.sleep(0.05)
        assert not [child for child in children if child.is_running()]
