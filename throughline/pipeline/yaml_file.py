"""Reading a YAML file so that an error can name its line and a doubled key is noticed."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from throughline.errors import BadPipeline, MissingFile, ThroughlineError

# Of one file; rows of data belong into a file of their own.
MOST_BYTES = 16 << 20
BLOCK = 1 << 16
MOST_VALUES = 1_000_000


# Signs of a whole number, as Python reads at most.
LONGEST_INTEGER = 4300
# Mappings and lists inside each other.
DEEPEST = 100


class _Loader(yaml.CSafeLoader):
    """YAML's safe loader, refusing a mapping that says the same key twice.

    That of libyaml: a file of 2,000 columns, which a stage reads twice, takes the other .7 s.
    """


def _mapping(loader: _Loader, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
    seen: dict[Any, int] = {}
    for key_node, _ in node.value:
        if key_node.tag == "tag:yaml.org,2002:merge":
            continue
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            raise yaml.constructor.ConstructorError(
                None,
                None,
                f"key '{key}' stands twice, first in line {seen[key]}",
                key_node.start_mark,
            )
        seen[key] = key_node.start_mark.line + 1
    # Only now: a key that is merged in (`<<`) may be said again, which is what merging is for.
    loader.flatten_mapping(node)
    return dict(loader.construct_pairs(node, deep=deep))


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            # In blocks: one read of all that a file may have sets so much memory aside for it.
            blocks = iter(lambda: file.read(BLOCK), b"")
            content = b"".join(itertools.islice(blocks, MOST_BYTES // BLOCK + 1))
        text = content.decode("utf-8-sig")
    except FileNotFoundError:
        raise MissingFile("A file is needed", str(path), "Check the name") from None
    except OSError as error:
        raise BadPipeline(f"{path} must be a file that can be read", error.strerror) from None
    except UnicodeDecodeError as error:
        raise BadPipeline(f"{path} must be UTF-8 text", error.reason, "Save it so") from None
    return text


def ending(text: str, path: Path, loader: type[Any] = yaml.CSafeLoader) -> Any:
    """A loader at the end of a text that somebody can read to its end, and its topmost node.

    Args:
        text: of YAML.
        path: where it stands, for messages.
        loader: of PyYAML. Default: libyaml's safe one.

    Returns:
        The loader and the node; None where the text holds nothing.

    Raises:
        BadPipeline: too long, too deep, or too much behind its aliases.
        yaml.YAMLError: it is no YAML.
    """
    if len(text) > MOST_BYTES:
        raise BadPipeline(f"{path} may have at most {MOST_BYTES:,} bytes", "more")
    try:
        _not_too_deep(text)
        parsed = loader(text)
        node = parsed.get_single_node()
        _count(node, path, {})
    except RecursionError:
        raise BadPipeline(f"{path} must hold values that are not nested so deeply") from None
    return parsed, node


def _not_too_deep(text: str) -> None:
    """Refuse what is nested so deeply that libyaml, which knows no end, would crash with it.

    Raises:
        RecursionError: it is.
    """
    depth = 0
    for event in yaml.parse(text, _Loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise RecursionError


def _count(node: yaml.Node | None, path: Path, known: dict[int, int]) -> int:
    """The values below a node, those behind an alias counted wherever it stands.

    Aliases of aliases make a million values of a few lines.

    Raises:
        BadPipeline: more than `MOST_VALUES`, or a value that is inside itself.
    """
    if node is None or isinstance(node, yaml.ScalarNode):
        return 1
    place = id(node)
    if known.get(place) == 0:
        line = node.start_mark.line + 1
        raise BadPipeline(f"{path}:{line} holds itself by an alias", remedy="Write it out")
    if place not in known:
        known[place] = 0
        below = (
            (inner for pair in node.value for inner in pair)
            if isinstance(node, yaml.MappingNode)
            else iter(node.value)
        )
        known[place] = 1 + sum(_count(inner, path, known) for inner in below)
    if known[place] > MOST_VALUES:
        raise BadPipeline(
            f"{path}:{node.start_mark.line + 1} may stand for at most {MOST_VALUES:,} values, "
            "those behind aliases counted each time",
            "more",
        )
    return known[place]


def _integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    """A whole number; of YAML 1.1's to the base 60, a file of 16 MiB holds work for a day."""
    if len(node.value) > LONGEST_INTEGER:
        line = node.start_mark.line + 1
        raise ValueError(f"line {line}: a whole number of more than {LONGEST_INTEGER:,} signs")
    return int(loader.construct_yaml_int(node))


# YAML 1.2, and who writes 1e-3, mean a number; PyYAML's own rule asks for a dot.
FLOAT = re.compile(r"[-+]?[0-9]+(?:\.[0-9]*)?[eE][-+]?[0-9]+$")
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", FLOAT, list("-+0123456789"))
_Loader.add_constructor("tag:yaml.org,2002:int", _integer)
_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


class YamlFile:
    """A parsed YAML file that knows on which line each key stands.

    Attributes:
        path: of the file.
        text: as it is written.
        content: what it says.

    Args:
        path: the file.
        text: what it holds, where that comes from elsewhere, as from git. Default: it is read.

    Raises:
        MissingFile: there is no such file.
        BadPipeline: it is not YAML, or its top level is not a mapping.
    """

    def __init__(self, path: Path, text: str | None = None) -> None:
        self.path = path
        try:
            self.text = _text(path) if text is None else text
            loader, self._node = ending(self.text, path, _Loader)
            self.content: Any = loader.construct_document(self._node) if self._node else None
        except RecursionError:
            raise BadPipeline(f"{path} must hold values that are not nested so deeply") from None
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f":{mark.line + 1}" if mark else ""
            problem = getattr(error, "problem", None) or str(error)
            raise BadPipeline(
                f"{path}{line} is not valid YAML: {problem}",
                remedy="Check the indentation, colons and quotes of that line",
            ) from None
        except (ValueError, TypeError, OverflowError, LookupError, AttributeError) as error:
            # Of a date in month 13, a number of 5,000 digits, a list as a key.
            if isinstance(error, ThroughlineError):
                raise
            raise BadPipeline(f"{path} must hold values that can be read", str(error)) from None
        if not isinstance(self.content, dict):
            raise BadPipeline(
                f"{path} must hold a mapping of sections",
                self.content,
                "See docs/pipeline-file.md for an example",
            )

    def line(self, keys: Sequence[str | int]) -> int:
        """The line, counted from 1, of the deepest key of the path that exists."""
        return self.place(keys)[0]

    def place(self, keys: Sequence[str | int]) -> tuple[int, int]:
        """Line and column, counted from 1, of the deepest key of the path that exists."""
        mark = self._reached(keys)[0]
        return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)

    def holds(self, keys: Sequence[str | int]) -> bool:
        """Whether all keys of a path are there."""
        return not self._reached(keys)[2]

    def node(self, keys: Sequence[str | int]) -> tuple[yaml.Node, Sequence[str | int]]:
        """What the deepest key of a path that exists holds, with its marks, and the keys beyond."""
        _, node, left = self._reached(keys)
        assert node is not None, "the topmost node holds a mapping"
        return node, left

    def verbatim(self, keys: Sequence[str | int]) -> str | None:
        """A single value as the file writes it, such as `no`, which is read as false."""
        _, node, left = self._reached(keys)
        return str(node.value) if isinstance(node, yaml.ScalarNode) and not left else None

    def _reached(
        self, keys: Sequence[str | int]
    ) -> tuple[yaml.Mark | None, yaml.Node | None, Sequence[str | int]]:
        """Where the deepest key of a path stands, what it holds, and the keys beyond it."""
        node, mark = self._node, None
        for depth, key in enumerate(keys):
            if isinstance(node, yaml.MappingNode):
                found = [(k, v) for k, v in node.value if k.value == str(key)]
                if not found:
                    return mark, node, keys[depth:]
                mark, node = found[0][0].start_mark, found[0][1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(key, int):
                if key >= len(node.value):
                    return mark, node, keys[depth:]
                node = node.value[key]
                mark = node.start_mark
            else:
                return mark, node, keys[depth:]
        return mark, node, ()
