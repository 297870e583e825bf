"""The frame of every page: one look, contents at the side, links to the pages beside it.

A page is a Jinja2 template that stands beside the code whose facts it shows; what all of them
share (`frame.html`, `pieces.html`, `style.css`) stands here. Whatever comes from data or from a
pipeline file is escaped by the templates, and a name that a template misspells is an error.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from throughline.report import chart, markup

if TYPE_CHECKING:
    from jinja2 import Environment

LIBRARY = Path(__file__).resolve().parents[1]
INDEX = "index.html"
# The pages of a pipeline by the word that leads to each, from its folder below reports/.
PAGES = {
    "report": "evaluation/report.html",
    "validation": "validation/validation.html",
    "profile": "profile/profile.html",
    "drift": "drift/drift.html",
    "costs": "costs/costs.html",
    "try": "try.html",
}
# Those that stages write: where one of them is, the others are or will be.
OF_STAGES = ("report", "validation", "costs")
HEADING = re.compile(r'<h2 id="([\w-]+)">(.*?)</h2>', re.DOTALL)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(LIBRARY),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    said = (
        markup.spoken,
        markup.ranged,
        markup.signed,
        markup.verdict_in_words,
        markup.mood,
        chart.number,
    )
    environment.filters |= {function.__name__: function for function in said}
    return environment


def page(template: str, kind: str, name: str, beside: Collection[str] = (), **shown: Any) -> str:
    """A whole page that opens without a network.

    Args:
        template: of its content, from the library's folder.
        kind: which of `PAGES` it is.
        name: of the pipeline.
        beside: pages that stand beside this one. Default: those of stages.
        shown: what the template shows; `title` is the page's.
    """
    links = {
        word: f"../{path}" for word, path in PAGES.items() if word in (beside or OF_STAGES)
    } | {kind: ""}
    ordered = {word: links[word] for word in PAGES if word in links}
    return framed(template, f"../../{INDEX}#{name}", ordered, kind=kind, name=name, **shown)


def framed(template: str, index: str, links: dict[str, str], **shown: Any) -> str:
    """A template within the frame.

    Args:
        template: as for `page`.
        index: where the page of all pipelines is; empty on that page itself.
        links: the pages beside this one by their words; an empty address is this page.
        shown: what the templates show.
    """
    environment = _environment()
    content = body(template, **shown)
    frame = environment.get_template("report/frame.html")
    return frame.render(
        index=index,
        links=links,
        # Headings are written by templates alone; what data say in one is escaped.
        contents=[(mark, Markup(text)) for mark, text in HEADING.findall(content)],
        body=Markup(content),
        style=Markup(style()),
        **shown,
    )


def body(template: str, **shown: Any) -> str:
    """A template without the frame."""
    return _environment().get_template(template).render(**shown)


def style() -> str:
    """The one style sheet of all pages."""
    return (Path(__file__).parent / "style.css").read_text(encoding="utf-8")


def write(path: Path, content: str) -> None:
    """Write a page that several processes may write at the same time; the last one stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(number, "w", encoding="utf-8") as draft:
        draft.write(content)
    Path(name).chmod(0o644)
    Path(name).replace(path)


def existing(folder: Path) -> list[str]:
    """The pages of a pipeline that are there.

    Args:
        folder: of the pipeline, below reports/.
    """
    return [word for word, path in PAGES.items() if (folder / path).exists()]


def piece(template: str, macro: str, *values: Any) -> str:
    """One macro of a template, as it stands in a page."""
    return str(getattr(_environment().get_template(template).module, macro)(*values))
