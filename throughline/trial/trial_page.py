"""One page that asks a model: form, answers, runtime and model in a single file."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from throughline.report.page import body, style

if TYPE_CHECKING:
    from throughline.trial.runtime import Runtime

# From the page's place, where the pipeline was evaluated.
REPORT = "evaluation/report.html"
FOLDER = Path(__file__).parent
# One script, in the order in which each uses the ones before it.
SCRIPTS = (
    "elements", "cells", "times", "chart", "model", "fields", "picture", "sound", "series",
    "python", "answer", "page",
)  # fmt: skip


def page(description: Mapping[str, Any], model: bytes, runtime: Runtime) -> str:
    """The page; it asks no network, and its policy lets a browser run no other script.

    What strangers wrote, such as names of columns and classes, stands in the head as escaped text
    and in one block of JSON, from which the script makes text, never markup.

    Args:
        told: of the model: `pipeline`, `title`, `model` (its path), `inputs`, `outputs`, `task`,
            `target`, `window`, `reading`, `states`, `samples`, `examples`, and whether there is a
            `report`.
        model: the bytes of `model.onnx`.
        runtime: what runs it.
    """
    script = "\n".join((FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    script = f'"use strict";\n(() => {{\n{script}\n}})();\n'
    return body(
        "trial/page.html",
        title=description["title"],
        pipeline=description["pipeline"],
        report=REPORT if description.get("report") else "",
        policy=Markup(_policy(script)),
        style=Markup(style() + (FOLDER / "page.css").read_text(encoding="utf-8")),
        script=Markup(script),
        description=Markup(in_script(description)),
        glue=_packed(runtime.script),
        program=_packed(runtime.program),
        model=_packed(model),
    )


def in_script(value: object) -> str:
    """JSON that can stand inside a `<script>`: nothing in it ends the element or begins a comment.

    Example:
        >>> in_script({"</script>": "<!--"})
        '{"\\\\u003c/script\\\\u003e": "\\\\u003c!--"}'
    """
    text = json.dumps(value, ensure_ascii=True, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _policy(script: str) -> str:
    """Of a page that reaches for nothing; the runtime is a module made of the page's own bytes."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return (
        f"default-src 'none'; script-src 'sha256-{digest}' blob: 'wasm-unsafe-eval'; "
        "style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _packed(content: bytes) -> str:
    """Bytes as text; gzip makes a quarter of the runtime."""
    return base64.b64encode(gzip.compress(content, 6, mtime=0)).decode("ascii")
