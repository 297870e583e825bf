"""Files of a source: its parts and its auxiliary files; and samples cut out of running texts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from throughline.pipeline.strict import Strict


class SourceFile(Strict):
    """One file, from exactly one place.

    Args:
        url: an address.
        archive: a file inside a package, as in `source.archive`.
        file: a path inside the project.
        sha256: of the file; demanded.
    """

    url: str | None = None
    archive: str | None = None
    file: str | None = None
    sha256: str = Field(pattern="^[0-9a-f]{64}$")

    @model_validator(mode="after")
    def _exactly_one_place(self) -> SourceFile:
        given = [kind for kind in ("url", "archive", "file") if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError(
                f"exactly one of url, archive, file is needed, found {given or 'none'}"
            )
        return self


class Labels(Strict):
    """A table that says what the files of a folder or an archive are: its columns join theirs.

    Files that it does not name are left out, and counted in provenance.json.

    Args:
        file: the table, from the folder or the top of the archive; read by `source.read`.
        name: its column of file names, with or without folders and endings.
    """

    file: str
    name: str


class Samples(Strict):
    """Rows that are cut out of running texts, so that the labels come from the texts themselves.

    windows: every run of `length` tokens (`context`) with the token after it (`next`); a text ends
    with the token `end`, if one is given, and with `most`, rows whose next token is not among the
    `most` frequent ones are left out. skip-grams: every word (`centre`) with each word at most
    `window` places from it (`context`, label 1) and with `negatives` words drawn at random from the
    text (label 0). The column `text_number` says which text a row was cut from.

    Args:
        kind: `windows` or `skip-grams`.
        column: of the texts.
        of: `words`, in lower case, or `characters`.
        length: tokens before the one that is to be told.
        end: the token that ends every text.
        most: how many next tokens there are.
        window: places on each side.
        negatives: drawn pairs for each true one.
        seed: of the draw.
    """

    kind: Literal["windows", "skip-grams"]
    column: str = "text"
    of: Literal["words", "characters"] = "words"
    length: int | None = Field(default=None, ge=1)
    end: str = ""
    most: int | None = Field(default=None, ge=2)
    window: int | None = Field(default=None, ge=1)
    negatives: int = Field(default=0, ge=0)
    seed: int = 0

    @model_validator(mode="after")
    def _settings_that_have_an_effect(self) -> Samples:
        windows = self.kind == "windows"
        if windows != (self.length is not None):
            raise ValueError("'windows' needs 'length', and only 'windows' takes it")
        if windows == (self.window is not None):
            raise ValueError("'skip-grams' needs 'window', and only 'skip-grams' takes it")
        if windows and self.negatives:
            raise ValueError("'negatives' has an effect on 'skip-grams' only")
        if not windows and (self.end or self.most or self.of == "characters"):
            raise ValueError("'end', 'most' and 'of: characters' have an effect on 'windows' only")
        return self
