"""One value of a YAML file written anew; every other sign of it stays as a person wrote it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from throughline.errors import BadPipeline
from throughline.pipeline.yaml_file import YamlFile

Key = str | int


def edited(file: YamlFile, setting: str) -> YamlFile:
    """A YAML file with one value set; nothing is written.

    Args:
        file: as it is.
        setting: `training.epochs=5`; positions in lists are numbers (`network.0.Dense.units=8`),
            the value is YAML. A key that the file lacks is added to the section that would hold it.

    Returns:
        What is read as before but for that value.

    Raises:
        BadPipeline: a value that is no YAML, or a place that is none, or cannot be written
            without touching others.
    """
    dotted, equals, value = setting.partition("=")
    if not dotted or not equals:
        raise BadPipeline("A value is set by KEY=VALUE", setting, "As in training.epochs=5")
    wanted = _copied(file.content)
    keys = _keys(wanted, dotted)
    _put(wanted, keys, _read(value, setting), file, dotted)
    text = _spliced(file, keys, value)
    if text is not None:
        with suppress(BadPipeline):
            changed = YamlFile(file.path, text)
            if changed.content == wanted:
                return changed
    raise BadPipeline(
        f"{file.path}:{file.line(keys)} needs a hand to set '{dotted}'",
        value,
        "Write it into the file, or in quotes where the value holds , or :",
    )


def _keys(document: Any, dotted: str) -> tuple[Key, ...]:
    """The keys of a path; a name that has dots itself is found where it stands in the document."""
    parts = dotted.split(".")
    keys: list[Key] = []
    held = document
    while parts:
        if isinstance(held, list) and parts[0].isdigit():
            position = int(parts.pop(0))
            held = held[position] if position < len(held) else None
            key: Key = position
        else:
            names: dict[str, Any] = (
                {str(name): name for name in held} if isinstance(held, dict) else {}
            )
            most = (n for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in names)
            n = next(most, 1)
            key = names.get(".".join(parts[:n]), parts[0])
            held = held[key] if key in names.values() else None
            del parts[:n]
        keys.append(key)
    return tuple(keys)


def _read(value: str, setting: str) -> Any:
    try:
        return YamlFile(Path(setting), f"value: {value}\n").content["value"]
    except BadPipeline:
        raise BadPipeline("A value is set by KEY=VALUE, VALUE in YAML", setting) from None


def _put(document: Any, keys: Sequence[Key], value: Any, file: YamlFile, dotted: str) -> None:
    """Set a value of a document.

    Raises:
        BadPipeline: what should hold it is no mapping, or a list without that position.
    """
    held = document
    for key in keys[:-1]:
        held = (
            held.setdefault(key, {}) if isinstance(held, dict) else _entry(held, key, file, dotted)
        )
    if not isinstance(held, dict):
        _entry(held, keys[-1], file, dotted)
    held[keys[-1]] = value


def _entry(held: Any, key: Key, file: YamlFile, dotted: str) -> Any:
    if isinstance(held, list) and key in range(len(held)):
        return held[int(key)]
    raise BadPipeline(f"{file.path} holds nothing at '{dotted}' that could be set", held)


def _copied(held: Any) -> Any:
    """A copy that shares nothing, as what stands behind an alias is shared."""
    if isinstance(held, dict):
        return {key: _copied(value) for key, value in held.items()}
    return [_copied(value) for value in held] if isinstance(held, list) else held


def _spliced(file: YamlFile, keys: Sequence[Key], value: str) -> str | None:
    """The file's text with `value` at a place; None where it cannot be put there."""
    node, left = file.node(keys)
    for key in reversed(left[1:]):
        value = f"{{{key}: {value}}}"
    text, starts = file.text, _starts(file.text)
    if not left:
        if _is_block(node):
            return None
        first, last = _at(starts, node.start_mark), _at(starts, node.end_mark)
        gap = " " if first == last else ""
        return f"{text[:first]}{gap}{value}{text[last:]}"
    if not isinstance(node, yaml.MappingNode):
        return None
    if node.flow_style:
        closing = _at(starts, node.end_mark) - 1
        comma = ", " if node.value else ""
        return f"{text[:closing].rstrip()}{comma}{left[0]}: {value}{text[closing:]}"
    end = _last(node).end_mark
    line = end.line + (end.column > 0)
    place = starts[line] if line < len(starts) else len(text)
    before = text[:place] if text[:place].endswith("\n") else f"{text[:place]}\n"
    return f"{before}{' ' * node.value[0][0].start_mark.column}{left[0]}: {value}\n{text[place:]}"


def _is_block(node: yaml.Node) -> bool:
    """Whether a value has lines of its own, by its indentation."""
    if isinstance(node, yaml.CollectionNode):
        return not node.flow_style
    return getattr(node, "style", None) in ("|", ">")


def _last(node: yaml.Node) -> yaml.Node:
    """What stands last in a block: its own end is where the next block begins."""
    while isinstance(node, yaml.CollectionNode) and _is_block(node) and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return node


def _starts(text: str) -> list[int]:
    """Where each line begins."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts


def _at(starts: Sequence[int], mark: yaml.Mark) -> int:
    return starts[mark.line] + mark.column
