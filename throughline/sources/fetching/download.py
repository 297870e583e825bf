"""Fetching a file over HTTP: resumed where it broke off, tried again with growing pauses."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from throughline.cache import private, private_file
from throughline.errors import BadData, Unreachable
from throughline.limits import OverLimit, check, current
from throughline.sources.fetching.addresses import Secrets, answer_of, filled, redacted
from throughline.sources.fetching.mirror import sha256_of

if TYPE_CHECKING:
    import requests

TRIES = 5
FIRST_PAUSE_SECONDS = 0.5
TIMEOUT_SECONDS = 30.0
BLOCK_BYTES = 1 << 18
# Answers that another try will not change.
FINAL = (400, 401, 403, 404, 405, 410, 451)


def downloaded(
    url: str,
    sha256: str | None,
    cache: Path,
    pause: float = FIRST_PAUSE_SECONDS,
    timeout: float = TIMEOUT_SECONDS,
    bar: bool = True,
    hosts: Collection[str] | None = None,
) -> Path:
    """The file at `url`, once its checksum is certain.

    Bytes that came stay in the cache, so a later try, even of another process, asks for the rest
    only.

    Args:
        url: an http or https address; where a person wrote it, `$NAME` in its user, password or
            query comes from the environment, and is in no message.
        sha256: of the file's bytes; None where nobody knows it, and then any file but a web page
            will do.
        cache: the folder that keeps downloads by sha256, or by their address where that is unknown.
        pause: seconds before the second try; each next pause is twice as long.
        timeout: seconds to wait for the server's next bytes.
        bar: whether a terminal shows the progress of this file.
        hosts: where the address comes from data: private servers that may be asked all the same.
            Default: it was written by a person and may lead to any server.

    Returns:
        The file in the cache.

    Raises:
        BadData: the server does not have the file, gives another one, or is private.
        OverLimit: it sends more, or for longer, than params.yaml allows.
        Unreachable: the server does not answer, or breaks off each time.
    """
    private(cache)
    name = sha256 or address_key(url)
    # A name of its own for each process: two of them must not write into one file.
    part = cache / f"{name}.part"
    own = cache / f"{name}.{os.getpid()}.part"
    if part.exists():
        part.replace(own)
    problem, until = "", time.monotonic() + current().seconds
    try:
        for attempt in range(TRIES):
            if attempt:
                time.sleep(pause * 2 ** (attempt - 1))
            problem = _continued(url, own, timeout, bar, hosts, until)
            if not problem:
                _check(url, own, sha256)
                own.replace(cache / name)
                return cache / name
    finally:
        if own.exists():
            own.replace(part)
    raise Unreachable(
        f"{redacted(url)} must deliver the file",
        f"{problem}, {TRIES} times",
        "Run again to go on from the bytes that came, or put the file into a mirror folder",
    )


def address_key(url: str) -> str:
    """The name in the cache of a file whose checksum nobody knows."""
    return f"address-{hashlib.sha256(url.encode('utf-8')).hexdigest()}"


def _check(url: str, path: Path, expected: str | None) -> None:
    """Throw a file away that is not the expected one."""
    from throughline.sources.formats.content import looks_like_html

    found = sha256_of(path)
    if found == expected:
        return
    with path.open("rb") as stream:
        html = looks_like_html(stream.read(512))
    if expected is None and not html:
        return
    size = path.stat().st_size
    path.unlink()
    if html:
        raise BadData(
            f"{redacted(url)} must deliver data",
            f"a web page of {size} bytes",
            "Use the direct address",
        )
    raise BadData(
        f"{redacted(url)} must have sha256 {expected}",
        f"{found} ({size} bytes)",
        "If the publisher replaced the file, look at it and change 'source.sha256'",
    )


def _continued(
    url: str,
    path: Path,
    timeout: float,
    bar: bool,
    hosts: Collection[str] | None,
    until: float,
) -> str:
    """Fetch the bytes that `path` lacks; returns what went wrong, or nothing."""
    import requests
    from urllib3.exceptions import HTTPError, LocationParseError

    have = path.stat().st_size if path.exists() else 0
    # Without this, a server may compress and the bytes would not be the published ones.
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
    secrets = Secrets("source.url")
    # Data that could name a variable would send it to any server.
    address = filled(url, secrets) if hosts is None else url
    try:
        with answer_of(address, hosts, headers=headers, timeout=timeout) as answer:
            if answer.status_code == 416:
                # The file is shorter than what came: begin again.
                path.unlink()
                return "the server refused to continue"
            if answer.status_code in FINAL:
                raise BadData(
                    f"{redacted(url)} must deliver the file",
                    f"HTTP {answer.status_code} {secrets.hide(str(answer.reason))}",
                    "Mend 'source.url', or put the file into a mirror folder",
                )
            if not answer.ok:
                return f"HTTP {answer.status_code} {answer.reason}"
            start = have if answer.status_code == 206 else 0
            return _written(answer, path, start, bar, redacted(url), until)
    except (requests.exceptions.InvalidURL, LocationParseError) as error:
        said = secrets.hide(str(error))
        raise BadData("'source.url' must be an address", redacted(url), said) from None
    except (requests.exceptions.RequestException, HTTPError) as error:
        return f"{type(error).__name__} after {path.stat().st_size if path.exists() else 0} bytes"


def _written(
    answer: requests.Response, path: Path, start: int, bar: bool, name: str, until: float
) -> str:
    from tqdm import tqdm

    length = answer.headers.get("Content-Length", "")
    total = start + int(length) if length.isdecimal() and len(length) < 20 else None
    check(name, "bytes", total or 0)
    with (
        private_file(path, "ab" if start else "wb") as stream,
        # Only on a terminal: a log has no use for it.
        tqdm(
            total=total, initial=start, unit="B", unit_scale=True, disable=None if bar else True
        ) as progress,
    ):
        # `iter_content` waits for whole blocks and would lose the last one of a broken connection.
        while block := answer.raw.read1(BLOCK_BYTES):
            check(name, "bytes", stream.tell() + len(block))
            if time.monotonic() > until:
                raise OverLimit(
                    f"{name} must come within {current().seconds:,} seconds",
                    f"{stream.tell():,} bytes so far",
                    "Raise 'limits.seconds' in params.yaml, or run again to go on",
                )
            stream.write(block)
            progress.update(len(block))
    size = path.stat().st_size
    if total is not None and size < total:
        return f"connection closed after {size} of {total} bytes"
    return ""
