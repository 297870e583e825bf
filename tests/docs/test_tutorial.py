"""The tutorial and the how-tos, typed as they stand: each command gives what the page says."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.pages import ROOT, Block, blocks

TITLE = re.compile(r'(\w+)(?: title="([^"]+)")?$')
SAME = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Reader:
    """Somebody who types a page into a shell, in the order in which it stands there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.place = folder, folder / ".place"
        self.environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": "",
            "DVC_NO_ANALYTICS": "true",
            "NO_COLOR": "1",
        }

    def takes(self, block: Block) -> None:
        """Type a block of commands, write a file, or add to a file of YAML."""
        language, title = TITLE.match(block.language).groups()  # type: ignore[union-attr]
        if language == "console":
            for command, expected in commands(block.text):
                self.types(command, expected, block)
            return
        file = self.folder / title
        file.parent.mkdir(parents=True, exist_ok=True)
        if language == "yaml" and file.exists():
            content = merged(yaml.safe_load(file.read_text()), yaml.safe_load(block.text))
            file.write_text(yaml.safe_dump(content, sort_keys=False))
        else:
            file.write_text(block.text)

    def types(self, command: str, expected: str, block: Block) -> None:
        done = subprocess.run(
            ["bash", "-c", f"{command}\npwd > '{self.place}'"],
            cwd=self.folder, env=self.environment, text=True, timeout=600,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.folder = Path(self.place.read_text().strip())
        given = done.stdout.rstrip() + "\n" if done.stdout.strip() else ""
        assert doctest.OutputChecker().check_output(expected, given, SAME), (
            f"{block}: $ {command}\n--- the page says\n{expected}--- what comes\n{given}"
        )


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Each command of a block with the lines below it; `…` stands for any text."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        yield command, expected.replace("…", "...")


def merged(old: Any, new: Any) -> Any:
    """What a file says with what a block adds to it."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return {**old, **{key: merged(old.get(key), value) for key, value in new.items()}}
    return new


def typed(info: str) -> bool:
    """Whether a block is typed or written to a file."""
    return info == "console" or " title=" in info


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_tutorial_and_what_comes_after_it(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    for block in blocks(typed, [ROOT / "docs" / name for name in ("tutorial.md", "how-to.md")]):
        reader.takes(block)
