"""What is wrong in a pipeline file, a line each, in the words of who wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

from pydantic import BaseModel, ValidationError

from throughline.errors import ThroughlineError, nearest, printable, sentence, shorten
from throughline.pipeline.places import as_written, kinds_at, valid_keys
from throughline.pipeline.unions import Location, Problem, problems
from throughline.pipeline.yaml_file import YamlFile

# What must stand there, by Pydantic's kind of error; braces hold what it knows of the limit.
EXPECTED = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "string": "text",
    "list": "a list",
    "tuple": "a list",
    "dict": "a mapping",
    "model": "a mapping",
    "none": "null",
    "greater_than_equal": "greater than or equal to {ge}",
    "greater_than": "greater than {gt}",
    "less_than_equal": "less than or equal to {le}",
    "less_than": "less than {lt}",
    "finite_number": "a finite number",
    "too_short": "of at least {min_length} entries",
    "too_long": "of at most {max_length} entries",
    "string_too_short": "a text of at least {min_length} characters",
    "string_too_long": "a text of at most {max_length} characters",
    "invalid_key": "a mapping whose keys are texts",
}
# A key that is put right may hold mistakes of its own.
MOST_REPAIRS = 5
# Hexadecimal digits: the one pattern that a person could not write down.
CHECKSUM = "[0-9a-f]{64}"
TYPED = re.compile(r"(_type|_parsing|_from_float)$")
NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?")


def mistakes_of(
    found: Iterable[Problem],
    file: YamlFile,
    prefix: Sequence[str | int],
    document: Any,
    schema: type[BaseModel],
) -> list[str]:
    """A line for each mistake, in the file's order: file, line, column, key, remedy.

    Args:
        found: the mistakes.
        file: that holds them.
        prefix: keys that lead to the part of the file where `document` was changed.
        document: what was checked.
        schema: of the whole file.
    """
    placed = [
        line
        for problem in _without_missing_twins(list(found), schema)
        for line in _lines(problem, file, prefix, document, schema)
    ]
    return [text for _, text in sorted(placed, key=lambda line: line[0])]


def mended(document: Any, schema: type[BaseModel]) -> dict[str, Any] | None:
    """A document whose mistakes are put right as their messages propose, to look for others.

    Returns:
        None where a mistake has no such remedy.
    """
    found = deepcopy(document)
    for _ in range(MOST_REPAIRS):
        try:
            schema.model_validate(found)
            return dict(found)
        except ValidationError as error:
            wrong = _without_missing_twins(problems(error.errors(), found), schema)
        for problem in wrong:
            if not _mend(problem, found, schema):
                return dict(found) if all(map(_between_sections, wrong)) else None
    return None


def _between_sections(problem: Problem) -> bool:
    return bool(getattr(problem.errors[0].get("ctx", {}).get("error"), "problems", ()))


def _mend(problem: Problem, document: Any, schema: type[BaseModel]) -> bool:
    """Put one mistake right; whether there was a way."""
    keys, held = as_written(problem.keys, document)
    if not keys:
        return False
    inside = as_written(keys[:-1], document)[1]
    if problem.errors[0]["type"] == "extra_forbidden":
        if not isinstance(inside, dict):
            return False
        value = inside.pop(keys[-1])
        if meant := _meant(keys[-1], valid_keys(schema, problem.keys[:-1])):
            inside.setdefault(meant, value)
        return True
    if meant := _meant_value(held, problem.errors):
        inside[keys[-1]] = meant
        return True
    if isinstance(held, str) and NUMBER.fullmatch(held):
        inside[keys[-1]] = float(held) if re.search(r"[.eE]", held) else int(held)
        return True
    return False


def _without_missing_twins(found: list[Problem], schema: type[BaseModel]) -> list[Problem]:
    """A misspelt key is one mistake, although the key that was meant is missing, too."""
    misspelt = {
        (*problem.keys[:-1], meant)
        for problem in found
        if problem.errors[0]["type"] == "extra_forbidden"
        and (meant := _meant(problem.keys[-1], valid_keys(schema, problem.keys[:-1])))
    }
    return [p for p in found if p.errors[0]["type"] != "missing" or p.keys not in misspelt]


def _lines(
    problem: Problem,
    file: YamlFile,
    prefix: Sequence[str | int],
    document: Any,
    schema: type[BaseModel],
) -> Iterator[tuple[tuple[int, int], str]]:
    cause = problem.errors[0].get("ctx", {}).get("error")
    for each in getattr(cause, "problems", (cause,)):
        misplaced = getattr(each, "keys", ())
        keys, held = as_written((*problem.keys, *misplaced), document)
        if problem.errors[0]["type"] == "missing":
            keys = (*as_written(problem.keys[:-1], document)[0], problem.keys[-1])
        reached = (*prefix, *keys) if file.holds((*prefix, *keys[:1])) else keys
        line, column = file.place(reached)
        name = printable(".".join(map(str, (*prefix, *keys)))) or "file"
        what = str(each) if misplaced else _what(problem, keys, held, file, reached, schema)
        yield (line, column), f"{file.path}:{line}:{column}: {name}: {sentence(what)}"


def _what(
    problem: Problem,
    keys: Location,
    held: Any,
    file: YamlFile,
    reached: Location,
    schema: type[BaseModel],
) -> str:
    """What is wrong, and what would be right."""
    error = problem.errors[0]
    if error["type"] == "missing":
        return "this key is required"
    if error["loc"][-1:] == ("[key]",) and error["type"] == "string_type":
        return f"a name must be text. Put it in quotes: '{keys[-1]}'"
    if error["type"] == "extra_forbidden":
        return _unknown(problem.keys, held, schema)
    if error["type"] == "literal_error" and isinstance(error["input"], str):
        # Of a short form `{KIND: ...}` it is the kind.
        held = error["input"]
    received = "" if isinstance(held, (Mapping, list)) else _received(held, problem, file, reached)
    if error["type"] in ("value_error", "assertion_error"):
        cause = error["ctx"]["error"]
        # An error of our own says itself what it received.
        own = isinstance(cause, ThroughlineError) or shorten(held) in str(cause)
        return f"{sentence(str(cause))} {'' if own else received}"
    if isinstance(held, (Mapping, list)):
        received = f"Received: {shorten(held)}." if held else "Received: nothing."
    expected = _expected(problem.errors)
    if expected == "a mapping" and (valid := valid_keys(schema, problem.keys)):
        expected += f" with keys such as {', '.join(valid[:3])}"
    near = _near(held, problem.errors)
    return f"must be {expected}. {received} {near}"


def _unknown(keys: Location, held: Any, schema: type[BaseModel]) -> str:
    valid = [key for key in valid_keys(schema, keys[:-1]) if key != "kind"]
    if str(keys[-1]) in kinds_at(schema, keys[:-1]):
        return (
            f"'{keys[-1]}' holds a mapping, here with keys among {', '.join(valid)}. "
            f"Received: {shorten(held)}"
        )
    return f"no such key. {nearest(str(keys[-1]), valid)}" if valid else "no such key"


def _received(held: Any, problem: Problem, file: YamlFile, reached: Location) -> str:
    kinds = {str(error["type"]).partition("_")[0] for error in problem.errors}
    text = file.verbatim(reached)
    if kinds == {"string"} and not isinstance(held, str | None) and text:
        return f"Received: {text}, which YAML reads as {_meaning(held)}. Put it in quotes."
    if isinstance(held, bool) and text:
        return f"Received: {text}."
    if isinstance(held, str) and NUMBER.fullmatch(held) and kinds & {"int", "float"}:
        return f"Received: '{held}', a text. Write it without quotes."
    return f"Received: {'nothing' if held in (None, '') else shorten(held)}."


def _meaning(held: Any) -> str:
    if isinstance(held, bool):
        return "true" if held else "false"
    return "a number" if isinstance(held, (int, float)) else "a date"


def _near(held: Any, errors: Sequence[Mapping[str, Any]]) -> str:
    """The nearest of the values that a place may have."""
    meant = _meant_value(held, errors)
    return f"Did you mean '{meant}'?" if meant else ""


def _meant_value(held: Any, errors: Sequence[Mapping[str, Any]]) -> str | None:
    valid = [v.strip("'") for error in errors for v in _literals(error) if v.startswith("'")]
    return _meant(held, valid) if isinstance(held, str) else None


def _meant(name: object, valid: Sequence[str]) -> str | None:
    close = re.fullmatch(r"Did you mean '(.*)'\?", nearest(str(name), valid)) if valid else None
    return close[1] if close else None


def _literals(error: Mapping[str, Any]) -> list[str]:
    if error["type"] != "literal_error":
        return []
    return str(error["ctx"]["expected"]).replace(" or ", ", ").split(", ")


def _expected(errors: Sequence[Mapping[str, Any]]) -> str:
    """All that is allowed, as `'auto', true or false`."""
    found: dict[str, None] = {}
    for error in errors:
        kind = str(error["type"])
        if kind == "literal_error":
            found |= dict.fromkeys(_literals(error))
        elif TYPED.search(kind):
            expected = EXPECTED.get(kind.partition("_")[0], "another type of value")
            found |= dict.fromkeys(expected.split(" or "))
        elif kind == "string_pattern_mismatch":
            known = CHECKSUM in error["ctx"]["pattern"]
            found["64 hexadecimal digits" if known else f"like {error['ctx']['pattern']}"] = None
        elif kind not in ("value_error", "assertion_error"):
            found[EXPECTED.get(kind, "another value").format(**error.get("ctx", {}))] = None
    if "a number" in found:
        found.pop("a whole number", None)
    *others, last = found or {"another value": None}
    return f"{', '.join(others)} or {last}" if others else last
