"""The pages of docs/reference/, from the schema of pipeline files and from the commands.

`make docs` writes them; a test holds them to what is committed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from throughline.cli import SECTIONS, throughline
from throughline.cli.schema import content
from throughline.paths import replaced

FOLDER = Path(__file__).parents[2] / "docs" / "reference"


def pages() -> dict[str, str]:
    """The text of each page, by its file name."""
    return {"commands.md": _page(_commands()), "keys.md": _page(_keys())}


def _page(lines: Iterator[str]) -> str:
    return "\n".join(lines) + "\n"


def _commands() -> Iterator[str]:
    yield "# Commands\n"
    yield "What `throughline --help` and `throughline COMMAND --help` say."
    context = click.Context(throughline, info_name="throughline", terminal_width=96)
    yield f"\n```text\n{throughline.get_help(context)}\n```"
    for title, listed in SECTIONS.items():
        yield f"\n## {title}"
        for name in listed:
            found = throughline.get_command(context, name)
            assert found is not None
            yield from _help(found, context, name)


def _help(found: click.Command, parent: click.Context, name: str) -> Iterator[str]:
    context = click.Context(found, info_name=name, parent=parent, terminal_width=96)
    yield f"\n### {context.command_path}\n\n```text\n{found.get_help(context)}\n```"
    if isinstance(found, click.Group):
        for each in found.list_commands(context):
            inner = found.get_command(context, each)
            assert inner is not None
            yield from _help(inner, context, each)


def _keys() -> Iterator[str]:
    schema = content()
    sections = schema["$defs"]
    yield "# Keys of a pipeline file\n"
    yield "Every key, its type, its default and what it says, as `docs/pipeline.schema.json` has it"
    yield "for editors. [pipeline-file.md](../pipeline-file.md) tells how they go together."
    yield from _section("pipeline.yaml", schema, sections)
    for name in sorted(sections):
        if "properties" in sections[name]:
            yield from _section(name, sections[name], sections)


def _section(name: str, schema: dict[str, Any], sections: dict[str, Any]) -> Iterator[str]:
    yield f"\n## {name}\n\n{schema['description']}\n"
    yield "| key | type | default | |\n|---|---|---|---|"
    required = schema.get("required", [])
    for key, said in schema["properties"].items():
        default = "required" if key in required else _default(said.get("default"))
        kind = " or ".join(dict.fromkeys(_types(said, sections)))
        yield f"| `{key}` | {kind} | {default} | {_cell(said['description'])} |"


def _default(value: Any) -> str:
    plain = isinstance(value, str | bool | int | float) and value != ""
    return (
        f"`{str(value).lower() if isinstance(value, bool) else _cell(str(value))}`" if plain else ""
    )


def _types(said: dict[str, Any], sections: dict[str, Any]) -> Iterator[str]:
    """The types of a value, in words; a section of its own as a link."""
    if "$ref" in said:
        name = said["$ref"].rpartition("/")[2]
        inner = sections[name]
        yield from (
            [f"[{name}](#{name.lower()})"] if "properties" in inner else _types(inner, sections)
        )
    for each in said.get("anyOf", []):
        yield from _types(each, sections)
    if "enum" in said:
        yield from (f"`{value}`" for value in said["enum"])
    elif "const" in said:
        yield f"`{said['const']}`"
    elif said.get("type") == "array":
        held = " or ".join(dict.fromkeys(_types(said.get("items", {}), sections)))
        yield f"list of {held or 'anything'}"
    elif said.get("type") == "object":
        inner = said.get("additionalProperties") or next(
            iter(said.get("patternProperties", {}).values()), {}
        )
        held = " or ".join(dict.fromkeys(_types(inner, sections))) if inner is not True else ""
        yield f"mapping to {held}" if held else "mapping"
    elif said.get("type") not in (None, "null"):
        yield str(said["type"])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    for name, text in pages().items():
        with replaced(FOLDER / name) as draft:
            draft.write_text(text, encoding="utf-8")
        print(f"wrote docs/reference/{name}")
