"""What a name may be that becomes a path, a tag, a stage or a word of a command."""

from __future__ import annotations

import re
from typing import Annotated, Any

from throughline.errors import BadPipeline

LONGEST_NAME = 64
# Safe for every shell, disk and git reference that a pipeline meets.
PATTERN = rf"(?!.*\.\.)[A-Za-z0-9](?:[A-Za-z0-9_.-]{{0,{LONGEST_NAME - 2}}}[A-Za-z0-9_-])?"
# Of a stage that releases stand in: a part of git tags, as GTO and DVC read them.
STAGE = r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$"
# The stage whose release is the champion.
PRODUCTION = "production"
# Git keeps this ending for its own files, whatever the disk makes of capitals.
RESERVED_ENDING = ".lock"
# Windows opens the device instead of a file of this name, whatever its ending.
DEVICES = frozenset(
    ("con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10)))
)


class BadName(BadPipeline):
    """A name that cannot be a path, a tag and a word of a command alike; choose another."""


# A function or class of the user's own.
REFERENCE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def is_reference(name: object) -> bool:
    """Whether a value of the pipeline file is `package.module:name`."""
    return isinstance(name, str) and REFERENCE.fullmatch(name) is not None


def named(text: object, what: str = "A name") -> str:
    """`text` itself, once it is certain that it is a name.

    Args:
        text: what a file, a command or data say.
        what: is named, for the message.

    Raises:
        BadName: it is none.

    Example:
        >>> named("imdb-variants")
        'imdb-variants'
    """
    problem = _problem(text)
    if problem or not isinstance(text, str):
        raise BadName(f"{what} must {problem}", repr(text), "Choose another name")
    return text


def _problem(text: object) -> str:
    """What a name must do and `text` does not; empty when it is one."""
    if not isinstance(text, str) or not re.fullmatch(PATTERN, text):
        return (
            "consist of letters A to Z, digits, '-', '_' and single '.', begin with a letter or "
            f"digit, not end with '.', and have at most {LONGEST_NAME} characters"
        )
    if text.lower().endswith(RESERVED_ENDING):
        return f"not end with '{RESERVED_ENDING}', which git keeps for itself"
    if text.partition(".")[0].lower() in DEVICES:
        return "not be that of a Windows device"
    return ""


class _Checked:
    """How pydantic checks a `Name`; here, so that who needs names alone needs no pydantic."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(named, handler(source))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Any:
        return {**handler(schema), "pattern": f"^{PATTERN}$"}


# In a section of a pipeline file pydantic checks it; elsewhere `named` does.
Name = Annotated[str, _Checked()]
