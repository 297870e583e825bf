"""The image of pools/Dockerfile: no root, a base and libraries by digest."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DOCKERFILE = Path(__file__).parents[2] / "pools" / "Dockerfile"


def instructions() -> list[tuple[str, str]]:
    """The instructions of the file with their words, lines that go on joined."""
    text = re.sub(r"\\\n", " ", DOCKERFILE.read_text(encoding="utf-8"))
    lines = [line.strip() for line in text.splitlines()]
    return [
        (words[0], words[2])
        for line in lines
        if line and not line.startswith("#") and (words := line.partition(" "))
    ]


class TestDockerfile:
    def test_its_base_is_named_by_digest(self) -> None:
        given = dict(instructions())
        assert re.fullmatch(r"BASE=python:[\w.-]+@sha256:[0-9a-f]{64}", given["ARG"])
        assert [words for name, words in instructions() if name == "FROM"] == ["${BASE}"]

    def test_its_processes_are_no_root_s(self) -> None:
        name, user = [entry for entry in instructions() if entry[0] in ("USER", "CMD", "RUN")][-1]
        made = next(words for _, words in instructions() if words.startswith("useradd"))
        number = re.search(r"--uid (\d+)", made)
        assert name == "USER" and user == made.split()[-1] and user not in ("root", "0")
        assert number is not None and int(number[1]) >= 1000

    def test_every_library_is_held_against_a_hash(self) -> None:
        installs = [words for name, words in instructions() if "pip install" in words]
        of_others = [words for words in installs if "/library" not in words]
        assert of_others and all("--require-hashes" in words for words in of_others)
        # The library itself brings nothing along.
        assert all("--no-deps" in words for words in installs)
        assert not any(name == "ADD" or "curl" in words for name, words in instructions())


class TestEntry:
    def test_runs_without_the_rights_of_root(self, project: Path) -> None:
        """In a namespace of its own, as the image's user; a container needs a runtime."""
        unshare = shutil.which("unshare")
        within = [unshare or "", "--user", "--map-user=1000", "--map-group=1000"]
        if not unshare or subprocess.run([*within, "true"], capture_output=True).returncode:
            pytest.skip("this system lets nobody make a namespace of users")
        who = "import os; assert os.getuid() == 1000; print(open('/proc/self/status').read())"
        said = subprocess.run([*within, sys.executable, "-c", who], capture_output=True, text=True)
        assert re.search(r"CapEff:\s*0+$", said.stdout, re.MULTILINE), said
        (project / "a.csv").write_text(
            "x,y\n" + "".join(f"{i * i % 17},{i % 2}\n" for i in range(60))
        )
        for words in (["--version"], ["check"], ["profile", "a.csv", "--as", "rain"]):
            entry = [*within, sys.executable, "-m", "throughline", *words]
            done = subprocess.run(entry, cwd=project, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
        assert (project / "pipelines" / "rain" / "pipeline.yaml").exists()
