"""Many files on web servers, named by a list: fetched side by side, the failures recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.errors import BadData, ThroughlineError, Unreachable, nearest
from throughline.sources.fetching.addresses import checked, name_in, redacted
from throughline.sources.fetching.download import address_key, downloaded
from throughline.sources.fetching.mirror import local_copy
from throughline.sources.formats.reading import read_bytes
from throughline.sources.gate import taken
from throughline.sources.kinds.file import file_at_hand
from throughline.sources.kinds.folder import items_of, named_by_content
from throughline.sources.registry import Fetched, Surroundings, source

if TYPE_CHECKING:
    import pandas as pd

    from throughline.pipeline.schema.source import Source

# Servers of pictures answer slowly one by one; more at once and they begin to refuse.
SIDE_BY_SIDE = 16
ADDRESS, CHECKSUM = "url", "sha256"


@dataclass(frozen=True)
class Wanted:
    """One line of the list."""

    url: str
    sha256: str | None

    @property
    def name(self) -> str:
        """The file's published name, which tells its format."""
        return name_in(self.url) or "download"


@dataclass(frozen=True)
class Asked:
    """How the addresses are fetched.

    Attributes:
        anew: whatever an earlier run kept.
        from_data: the addresses come from a file, not from the person who wrote the pipeline.
    """

    anew: bool
    from_data: bool


@source("urls")
def bring(settings: Source, surroundings: Surroundings) -> Fetched:
    """One row a file that came, with the columns of the list and the file's content.

    The list is a file with a column `url`, and `sha256` where it is known; or the addresses
    themselves. A file that does not come is recorded in provenance.json under `failed`, and the
    rest is kept, as long as no larger share than `limit` fails.

    Raises:
        MissingFile: there is no such list.
        BadData: the list has no addresses, or too many files are absent or are no data.
        Unreachable: too many files do not come because servers do not answer.
    """
    listing = _listing(settings, surroundings)
    wanted = [
        Wanted(str(url), str(digest) if isinstance(digest, str) and digest else None)
        for url, digest in zip(listing[ADDRESS], _checksums(listing), strict=True)
    ]
    asked = Asked(anew=settings.ingest == "always", from_data=isinstance(settings.urls, str))
    fetched = _fetched(wanted, surroundings, asked)
    rows, problems, digests = _rows(listing, wanted, fetched, settings)
    _refuse_too_many(problems, len(wanted), settings.limit)
    where = settings.urls if isinstance(settings.urls, str) else "addresses in the pipeline file"
    origin = {
        "source": where,
        "files": len(wanted) - len(problems),
        "failed": [
            {"row": row, "url": redacted(wanted[row].url), "problem": str(problem)}
            for row, problem in problems.items()
        ],
        "sha256s": digests,
    }
    return Fetched(rows, origin)


def _listing(settings: Source, surroundings: Surroundings) -> pd.DataFrame:
    import pandas as pd

    if not isinstance(settings.urls, str):
        return pd.DataFrame({ADDRESS: settings.urls or []})
    path = file_at_hand(settings.urls, settings, surroundings)
    content = taken(path, settings.sha256).content
    frame, _ = read_bytes(content, Path(settings.urls).name, settings.read)
    if ADDRESS not in frame.columns:
        raise BadData(
            f"'{settings.urls}' must have a column '{ADDRESS}'",
            ", ".join(map(str, frame.columns)),
            nearest(ADDRESS, map(str, frame.columns)),
        )
    return frame.reset_index(drop=True)


def _checksums(listing: pd.DataFrame) -> Sequence[Any]:
    return list(listing[CHECKSUM]) if CHECKSUM in listing.columns else [None] * len(listing)


def _fetched(
    wanted: Sequence[Wanted], surroundings: Surroundings, asked: Asked
) -> dict[Wanted, Path | ThroughlineError]:
    """The file or the problem of each address; one that is listed twice is fetched once."""
    from tqdm import tqdm

    def one(item: Wanted) -> Path | ThroughlineError:
        try:
            return _one(item, surroundings, asked)
        except ThroughlineError as error:
            return error

    distinct = list(dict.fromkeys(wanted))
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        found = tqdm(pool.map(one, distinct), total=len(distinct), unit="file", disable=None)
        return dict(zip(distinct, found, strict=True))


def _one(item: Wanted, surroundings: Surroundings, asked: Asked) -> Path:
    checked(item.url, "url")
    known = local_copy(item.sha256, item.name, surroundings)
    if known is None and item.sha256 is None:
        kept = surroundings.cache / address_key(item.url)
        known = kept if kept.is_file() and not asked.anew else None
    hosts = surroundings.hosts if asked.from_data else None
    return known or downloaded(item.url, item.sha256, surroundings.cache, bar=False, hosts=hosts)


def _refuse_too_many(problems: Mapping[int, ThroughlineError], count: int, limit: float) -> None:
    if len(problems) <= limit * count and len(problems) < count:
        return
    kind = Unreachable if any(each.may_pass for each in problems.values()) else BadData
    first = f"; the first: {next(iter(problems.values()))}" if problems else ""
    raise kind(
        f"At most {limit:.1%} of the files may fail to come ('source.limit')",
        f"{len(problems)} of {count}",
        f"Run again, mend the list, or raise the limit{first}",
    )


def _rows(
    listing: pd.DataFrame,
    wanted: Sequence[Wanted],
    fetched: Mapping[Wanted, Path | ThroughlineError],
    settings: Source,
) -> tuple[pd.DataFrame, dict[int, ThroughlineError], dict[str, str]]:
    """The rows of the list with the contents, the problems by row, the sha256 by address."""
    import pandas as pd

    frames: list[pd.DataFrame] = []
    problems: dict[int, ThroughlineError] = {}
    digests: dict[str, str] = {}
    listing = listing.drop(columns=[CHECKSUM], errors="ignore")
    for row, one in enumerate(wanted):
        path = fetched[one]
        if isinstance(path, ThroughlineError):
            problems[row] = path
            continue
        try:
            content, digests[redacted(one.url)] = _content(one, path, settings)
        except BadData as error:
            problems[row] = error
            continue
        names = [name for name in content.columns if name not in listing.columns]
        beside = listing.iloc[[row] * len(content)].reset_index(drop=True)
        frames.append(pd.concat([beside, content[names]], axis=1))
        if list(frames[-1].columns) != list(frames[0].columns):
            raise BadData(
                "All files of a list must hold one kind of data", f"{one.name}: {', '.join(names)}"
            )
    rows = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    return rows, problems, digests


def _content(one: Wanted, path: Path, settings: Source) -> tuple[pd.DataFrame, str]:
    """The rows of one file, and its sha256."""
    content, sha256 = taken(path, one.sha256)
    try:
        return items_of([(named_by_content(one.name, content), content)], settings), sha256
    except BadData:
        if one.sha256 is None:
            # Nobody vouches for these bytes; the next run shall ask for them again.
            path.unlink(missing_ok=True)
        raise
