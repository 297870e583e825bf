"""The formats of data files: what each is called, which module reads it, how its files end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from throughline.declarations import declarations


class Format(NamedTuple):
    """A format of data files.

    Attributes:
        module: of `throughline.sources.formats`; imported only when a file of the format comes.
        suffixes: of files that are of this format where nothing else says so.
        lines: whether a row is a line, so that rows can be counted before they are read.
    """

    module: str
    suffixes: tuple[str, ...] = ()
    lines: bool = False


# Each reader declares its own as `FORMATS`.
FORMATS: dict[str, Format] = {
    name: Format(module, **said)
    for module, formats in declarations("sources/formats", "FORMATS").items()
    for name, said in formats.items()
}
# Suffix of a file -> its format.
SUFFIXES = {suffix: name for name, each in FORMATS.items() for suffix in each.suffixes}

if TYPE_CHECKING:
    FormatName = str
else:
    FormatName = Literal[tuple(FORMATS)]
