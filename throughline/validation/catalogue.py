"""The expectations that a pipeline file may name, known without importing Great Expectations.

`python -m throughline.validation.catalogue` writes expectations.json from the installed version.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from throughline.errors import BadPipeline, listed, nearest

FILE = Path(__file__).with_name("expectations.json")

# Arguments that say how Great Expectations reports, which is decided here.
REPORTING = {
    "batch_id", "catch_exceptions", "id", "library_metadata", "rendered_content", "result_format",
    "windows",
}  # fmt: skip

# These ask a database, and the rows are a file.
NEEDS_A_DATABASE = {
    "expect_query_results_to_match_comparison",
    "expect_table_row_count_to_equal_other_table",
    "unexpected_rows_expectation",
}


@cache
def catalogue() -> dict[str, dict[str, Any]]:
    """For each expectation its arguments, those it needs, and whether it judges single rows."""
    return json.loads(FILE.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def problems(rules: Iterable[Mapping[str, Mapping[str, Any] | None]]) -> list[str]:
    """What is wrong with the rules of a pipeline file, as sentences; nothing when all is well.

    Args:
        rules: `expectations.rules`, each one expectation with its arguments.
    """
    found = []
    for number, rule in enumerate(rules):
        for name, arguments in rule.items():
            problem = _problem(name, arguments or {})
            if problem:
                found.append(f"expectations.rules[{number}]: {problem}")
    return found


def check(rules: Iterable[Mapping[str, Mapping[str, Any] | None]]) -> None:
    """Refuse rules that Great Expectations does not know.

    Raises:
        BadPipeline: names the rule and the nearest valid name or argument.
    """
    found = problems(rules)
    if found:
        raise BadPipeline(
            "'expectations' must name expectations of Great Expectations with their arguments",
            remedy=" ".join(found),
        )


def judges_rows(name: str) -> bool:
    """Whether an expectation says of single rows that they break it."""
    return bool(catalogue()[name]["rows"])


def _problem(name: str, arguments: Mapping[str, Any]) -> str:
    known = catalogue()
    if name in NEEDS_A_DATABASE:
        return f"'{name}' asks a database and cannot judge a file."
    if name not in known:
        return f"no expectation '{name}'. {nearest(name, known)}"
    valid = known[name]["arguments"]
    for argument in arguments:
        if argument not in valid:
            return f"'{name}' takes no '{argument}'. {nearest(argument, valid)}"
    missing = [argument for argument in known[name]["required"] if argument not in arguments]
    if missing:
        return f"'{name}' needs {listed(missing)}."
    return ""


def installed() -> dict[str, dict[str, Any]]:
    """The same as `catalogue`, from the installed Great Expectations."""
    import inspect

    import great_expectations.expectations as known
    from great_expectations.expectations import expectation as base

    by_row = (
        base.ColumnMapExpectation,
        base.ColumnPairMapExpectation,
        base.MulticolumnMapExpectation,
    )
    entries = {}
    kinds: list[Any] = [kind for _, kind in inspect.getmembers(known, inspect.isclass)]
    for kind in kinds:
        name = getattr(kind, "expectation_type", "")
        if not issubclass(kind, base.Expectation) or not name or name in NEEDS_A_DATABASE:
            continue
        fields = {key: field for key, field in kind.__fields__.items() if key not in REPORTING}
        entries[name] = {
            "arguments": sorted(fields),
            "required": sorted(key for key, field in fields.items() if field.required),
            "rows": issubclass(kind, by_row),
            "class": kind.__name__,
        }
    return dict(sorted(entries.items()))


def main() -> None:
    """Write the catalogue of the installed version."""
    FILE.write_text(json.dumps(installed(), indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
