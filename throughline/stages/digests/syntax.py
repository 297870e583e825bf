"""What a Python file says, but for comments, docstrings and layout: a digest and its imports."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

PACKAGE = "throughline"
# Functions that import a module by a name that is worked out.
BY_NAME = ("import_module", "__import__", "iter_modules", "walk_packages")
DIGITS = 20


@dataclass(frozen=True)
class Source:
    """What one Python file says: a digest of its code, and the names that it may import."""

    digest: str
    names: tuple[str, ...]
    by_name: bool


def parsed(content: bytes, name: str) -> Source:
    """Parse one file.

    Args:
        content: Python code.
        name: for a message.
    """
    tree = ast.parse(content, name)
    text = json.dumps(_canonical(tree), separators=(",", ":"))
    nodes = list(_executed(tree))
    calls = {_called(node) for node in nodes if isinstance(node, ast.Call)}
    return Source(
        digest(text.encode()),
        tuple(sorted({name for node in nodes for name in _names(node)})),
        not calls.isdisjoint(BY_NAME),
    )


def _canonical(node: Any) -> Any:
    """A syntax tree as plain values that are the same under every supported Python."""
    if isinstance(node, ast.JoinedStr):
        # Python 3.12 alone notes the empty text behind a value in a format.
        return ["JoinedStr", [_canonical(value) for value in node.values if not _is_empty(value)]]
    if isinstance(node, ast.AST):
        fields = {name: value for name, value in ast.iter_fields(node) if value not in (None, [])}
        fields.pop("type_comment", None)
        fields.pop("kind", None)
        return [type(node).__name__, {k: _canonical(v) for k, v in fields.items()}]
    if isinstance(node, list):
        # A text that stands alone does nothing: docstrings.
        return [_canonical(entry) for entry in node if not _is_docstring(entry)]
    return [type(node).__name__, repr(node)]


def _is_empty(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == ""


def _is_docstring(node: Any) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _executed(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but docstrings and those under `if TYPE_CHECKING:`, which never run."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if not _is_docstring(node):
            yield node
            yield from _executed(node)


def _names(node: ast.AST) -> Iterator[str]:
    """The dotted names that a node may import; those of relative imports begin with dots."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = "." * node.level + (node.module or "")
        yield base
        joint = "" if base.endswith(".") else "."
        yield from (f"{base}{joint}{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        # Such as the module of `python -m` in a list of arguments.
        yield from re.findall(rf"\b{PACKAGE}(?:\.\w+)+", node.value)


def _called(node: ast.Call) -> str:
    function = node.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def digest(content: bytes) -> str:
    """The digest of some bytes, short enough to be read."""
    return hashlib.sha256(content).hexdigest()[:DIGITS]
