"""A draft as the text of a pipeline file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from throughline.errors import printable
from throughline.pipeline.yaml_file import FLOAT
from throughline.profile.draft import Draft

# A longer key needs YAML's explicit form: its parsers look no further for the colon.
LONGEST_KEY = 120


class _Dumper(yaml.SafeDumper):
    """YAML's safe dumper, writing every text on one line."""


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = None if text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
# A text such as 1e5 is put in quotes, for a pipeline file has it as a number otherwise.
_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", FLOAT, list("-+0123456789"))


def comment(text: str) -> str:
    """`text` as one line of comment, whatever it holds."""
    return f"# {printable(text)}"


def as_text(draft: Draft) -> str:
    """The pipeline file, one line a setting, with the notes as comments."""
    lines = []
    for key, value in draft.sections.items():
        if key == "columns":
            lines += [comment(note) for note in draft.notes]
        if key in ("columns", "training"):
            lines += [f"{key}:", *_entries(value)]
        elif key == "network" and value:
            graph = isinstance(value, Mapping)
            lines += [f"{key}:", *(["  layers:"] if graph else [])]
            lines += [f"  - {_flow(layer)}" for layer in (value["layers"] if graph else value)]
        elif key == "expectations":
            rest = {k: v for k, v in value.items() if k != "rules"}
            rules = [f"    - {_flow(rule)}" for rule in value["rules"]]
            lines += [f"{key}:", *_entries(rest), "  rules:" if rules else "  rules: []", *rules]
        else:
            lines.append(f"{key}: {_flow(value)}")
    return "\n".join(lines) + "\n"


def _entries(mapping: Mapping[str, Any]) -> list[str]:
    lines = []
    for key, value in mapping.items():
        name, setting = _flow(key), "" if value is None else f" {_flow(value)}"
        lines += (
            [f"  {name}:{setting}"]
            if len(name) <= LONGEST_KEY
            else [f"  ? {name}", f"  :{setting}"]
        )
    return lines


def _flow(value: Any) -> str:
    """A value on one line; in letters beyond ASCII only where each of them can be seen."""
    text = _dumped(value, allow_unicode=True)
    return text if text.isprintable() else _dumped(value, allow_unicode=False)


def _dumped(value: Any, allow_unicode: bool) -> str:
    text: str = yaml.dump(
        value,
        Dumper=_Dumper,
        default_flow_style=True,
        sort_keys=False,
        width=float("inf"),
        allow_unicode=allow_unicode,
    )
    return text.removesuffix("\n").removesuffix("\n...")
