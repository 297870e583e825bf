"""A PostgreSQL server of the tests' own: on loopback, in a folder that is thrown away."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

SECONDS = 30
# Debian keeps the server's programs out of the search path.
DEBIAN = Path("/usr/lib/postgresql")
# The server refuses to run as root.
USER = "nobody"


def program(name: str) -> str:
    """The path of one of the server's programs; skips the test where it is not installed."""
    found = shutil.which(name)
    for folder in sorted(DEBIAN.glob("*/bin"), reverse=True):
        found = found or shutil.which(name, path=str(folder))
    if found is None:
        pytest.skip(f"no PostgreSQL server is installed ({name}); Debian: postgresql")
    return found


@contextmanager
def running(folder: Path, word: str = "hush") -> Iterator[str]:
    """A server whose database lies in a folder; gives its SQLAlchemy URL without a driver.

    Args:
        folder: for the database.
        word: the password of its user. Default: `hush`.
    """
    pytest.importorskip("pg8000", reason="the driver pg8000 is not installed")
    initdb, postgres = program("initdb"), program("postgres")
    data = folder / "database"
    data.mkdir()
    owner: dict[str, Any] = {}
    if os.geteuid() == 0:
        shutil.chown(data, USER)
        owner = {"user": USER, "group": "nogroup", "extra_groups": []}
        # The folders of pytest let their owner in alone.
        for above in (folder, *folder.parents):
            if above.stat().st_mode & 0o077 == 0:
                above.chmod(0o755)
    (folder / "password").write_text(word)
    command = [initdb, "-D", str(data), "-U", "tester", "-E", "UTF8", "--no-sync"]
    command += ["--auth=scram-sha-256", f"--pwfile={folder / 'password'}", "--locale=C"]
    subprocess.run(command, check=True, capture_output=True, cwd="/", **owner)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["-D", str(data), "-p", str(port), "-c", "listen_addresses=127.0.0.1"]
    options += ["-c", "unix_socket_directories=", "-c", "fsync=off"]
    server = subprocess.Popen(
        [postgres, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **owner
    )
    try:
        _wait(port, server, word)
        yield f"postgresql://tester:{word}@127.0.0.1:{port}/postgres"
    finally:
        server.terminate()
        server.wait(SECONDS)


def _wait(port: int, server: subprocess.Popen[bytes], word: str) -> None:
    """Until the server lets somebody in."""
    import pg8000.native

    for _ in range(10 * SECONDS):
        if server.poll() is not None:
            raise RuntimeError(f"PostgreSQL ended with {server.returncode}")
        try:
            pg8000.native.Connection(
                "tester", host="127.0.0.1", port=port, password=word, database="postgres"
            ).close()
        except (pg8000.native.InterfaceError, pg8000.native.DatabaseError):
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"PostgreSQL did not answer within {SECONDS} s")
