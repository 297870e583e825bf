"""The formats of data files: what each is called, which module reads it, how its files end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple


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


FORMATS: dict[str, Format] = {
    "csv": Format("delimited", (".csv", ".tsv", ".tab", ".data"), lines=True),
    "fixed": Format("fixed_width", lines=True),
    "lines": Format("lines", (".txt",), lines=True),
    "jsonl": Format("json_lines", (".jsonl", ".ndjson"), lines=True),
    "json": Format("json_lines", (".json",)),
    "parquet": Format("parquet", (".parquet",)),
    "npz": Format("arrays", (".npz",)),
    "npy": Format("arrays", (".npy",)),
    "pickle": Format("pickled", (".pkl", ".pickle")),
    "idx": Format("arrays", (".idx",)),
    "wav": Format("wav", (".wav",)),
    "sound": Format("sound"),
    "arff": Format("arff", (".arff",), lines=True),
}
# Suffix of a file -> its format.
SUFFIXES = {suffix: name for name, each in FORMATS.items() for suffix in each.suffixes}

if TYPE_CHECKING:
    FormatName = str
else:
    FormatName = Literal[tuple(FORMATS)]
