"""A MariaDB server of the tests' own: on loopback, in a folder that is thrown away."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SECONDS = 60


def program(name: str) -> str:
    """The path of one of the server's programs; skips the test where it is not installed."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        pytest.skip(f"no MariaDB server is installed ({name}); Debian: mariadb-server")
    return found


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """A server whose data lie in a folder; gives the URL of a user who may do everything."""
    pymysql = pytest.importorskip("pymysql", reason="the driver PyMySQL is not installed")
    install, server = program("mariadb-install-db"), program("mariadbd")
    user = ["--user=root"] if os.geteuid() == 0 else []
    where = ["--no-defaults", f"--datadir={folder / 'data'}", *user]
    options = ["--auth-root-authentication-method=normal", "--skip-test-db"]
    subprocess.run([install, *where, *options], check=True, capture_output=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # The path of a socket has at most 107 characters, so there is none.
    options = ["--bind-address=127.0.0.1", f"--port={port}", "--socket=", "--skip-log-bin"]
    process = subprocess.Popen(
        [server, *where, *options, f"--pid-file={folder / 'pid'}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(10 * SECONDS):
            if process.poll() is not None:
                raise RuntimeError(f"MariaDB ended with {process.returncode}")
            try:
                pymysql.connect(host="127.0.0.1", port=port, user="root").close()
                break
            except pymysql.err.OperationalError:
                time.sleep(0.1)
        else:
            raise RuntimeError(f"MariaDB did not answer within {SECONDS} s")
        yield f"mysql+pymysql://root@127.0.0.1:{port}/shop"
    finally:
        process.terminate()
        process.wait(SECONDS)
