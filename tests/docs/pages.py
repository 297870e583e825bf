"""The blocks of code in the pages of docs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("docs/*.md"), ROOT / "README.md", ROOT / "textbooks" / "README.md"])


class Block(NamedTuple):
    """A block of code in a page; `line` is that of its fence."""

    file: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line}"


def blocks(wanted: Callable[[str], bool], pages: list[Path] | None = None) -> list[Block]:
    """All blocks whose language and title are wanted, in the order in which they stand."""
    return [
        Block(page, token.map[0] + 1, token.info, token.content)
        for page in pages or PAGES
        for token in MarkdownIt().parse(page.read_text(encoding="utf-8"))
        if token.type == "fence" and token.map and wanted(token.info)
    ]
