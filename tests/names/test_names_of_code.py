"""Names of the code are words that can be searched for: nouns for values, verbs for actions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import throughline

ROOT = Path(throughline.__file__).parents[1]
# They say that something was done, but neither what nor to what.
VAGUE = {"told", "made", "fine"}
# Names that others read must say more than names of a few lines.
VAGUE_IN_PUBLIC = VAGUE | {"found", "held", "kept", "said"}
# Of `guards`: what messages call the part that is held out; what tells rows apart without a value.
ALLOWED = {"held", "told_by_absence", "_told_rightly"}


def modules() -> list[Path]:
    return [
        each for room in ("throughline", "flows", "tasks") for each in ROOT.glob(f"{room}/**/*.py")
    ]


def all_names(tree: ast.AST) -> Iterator[str]:
    """Every name that a module gives."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def public_names(tree: ast.AST) -> Iterator[str]:
    """The functions, classes and attributes of classes that a module gives."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        if isinstance(node, ast.ClassDef):
            annotated = (each for each in node.body if isinstance(each, ast.AnnAssign))
            yield from (each.target.id for each in annotated if isinstance(each.target, ast.Name))


def vague(tree: ast.AST) -> set[str]:
    named = {name for name in all_names(tree) if VAGUE & set(name.lower().split("_"))}
    return (named | VAGUE_IN_PUBLIC & set(public_names(tree))) - ALLOWED


def test_vague_names_are_seen() -> None:
    source = "class A:\n    found: str\ndef held_by(told): made_of = 1; found = 2\ndef said(): ..."
    assert vague(ast.parse(source)) == {"found", "told", "made_of", "said"}


def test_no_name_is_vague() -> None:
    assert len(modules()) > 500
    faults = {file: vague(ast.parse(file.read_text(encoding="utf-8"))) for file in modules()}
    assert {str(file.relative_to(ROOT)): names for file, names in faults.items() if names} == {}
