"""Flows where the system is another: behind a proxy, without a home, beside other accounts."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.flows.shop import commit, git, write
from throughline.cache import NotYours, private
from throughline.project.init import initialised
from throughline.running import flow, work
from throughline.running.graph_run import RAN, StageFailed
from throughline.running.once import claimed
from throughline.running.prefect.environment import pass_proxies

PROXY = "http://proxy.example:3128"
# As in a container whose user has no entry.
HOMELESS = """
import pwd
def unknown(*_):
    raise KeyError("uid not found")
pwd.getpwuid = pwd.getpwnam = unknown
from throughline.processes import need_home
need_home()
import getpass, pathlib
import dvc.repo
dvc.repo.Repo.init(".", no_scm=True).close()
print(pathlib.Path.home(), getpass.getuser())
"""


class TestProxies:
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("", "127.0.0.1,localhost,::1"),
            ("intern.example, 127.0.0.1", "intern.example,127.0.0.1,localhost,::1"),
            ("*", "*"),
        ],
    )
    @pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
    def test_servers_of_this_machine_are_called_past_them(
        self, name: str, before: str, after: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import httpx

        for each in ("no_proxy", "NO_PROXY"):
            monkeypatch.setenv(each, "")
            monkeypatch.delenv(each)
        monkeypatch.setenv("http_proxy", PROXY)
        monkeypatch.setenv(name, before)
        pass_proxies()
        assert os.environ["no_proxy"] == os.environ["NO_PROXY"] == after
        assert urllib.request.proxy_bypass("127.0.0.1")
        if before != "*":
            assert not urllib.request.proxy_bypass("example.org")
            with httpx.Client() as client:
                near, far = (
                    client._transport_for_url(httpx.URL(f"http://{host}/"))
                    for host in ("127.0.0.1:4200", "example.org")
                )
            assert near is client._transport
            assert far is not client._transport


class TestOtherAccounts:
    def test_a_lock_of_theirs_is_one_line_that_names_them(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = private(tmp_path / ".cache/flows")
        (folder / "tea.lock").touch()

        def refused(*_: object) -> None:
            raise PermissionError(1, "Operation not permitted")

        # What the system says of a file that is not this account's.
        monkeypatch.setattr(os, "fchmod", refused)
        with pytest.raises(NotYours, match=r"tea\.lock must belong .* Received: \S+\. Work in a"):
            claimed(tmp_path, ["tea"], print)

    def test_an_owner_without_an_entry_is_a_number(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refused(*_: object, **__: object) -> None:
            raise PermissionError

        def unknown(_: Path) -> str:
            raise KeyError("uid not found")

        monkeypatch.setattr(Path, "mkdir", refused)
        monkeypatch.setattr(Path, "owner", unknown)
        with pytest.raises(NotYours, match=f"user {os.getuid()}"):
            private(tmp_path / "cache/flows")


class TestNoHome:
    def test_a_user_without_entry_and_home_gets_one_in_the_project(self, tmp_path: Path) -> None:
        kept = {"PATH": os.environ["PATH"], "DVC_NO_ANALYTICS": "true"}
        done = subprocess.run(
            [sys.executable, "-c", HOMELESS],
            cwd=tmp_path,
            env=kept,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.split()[-2:] == [str(tmp_path / ".cache/home"), str(os.getuid())]
        assert (tmp_path / ".cache/home").stat().st_mode & 0o777 == 0o700


class TestLineEndings:
    def test_a_clone_that_asks_for_windows_ones_has_the_same_bytes(self, tmp_path: Path) -> None:
        root, other = tmp_path / "project", tmp_path / "clone"
        initialised(root)
        write(root / "pipelines/tea/pipeline.yaml", "title: Tea\n# Mixed\r\n")
        git(tmp_path, "init", "-q", str(root))
        git(root, "config", "user.email", "tester@localhost")
        git(root, "config", "user.name", "Tester")
        commit(root, "A project")
        git(tmp_path, "clone", "-q", "-c", "core.autocrlf=true", str(root), str(other))
        for name in git(root, "ls-files").splitlines():
            assert (other / name).read_bytes() == (root / name).read_bytes(), name


class TestWhatStagesPrint:
    def test_its_end_comes_back_from_the_worker(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log = tmp_path / "worker.log"
        log.write_text("of the stage before\n")
        monkeypatch.setenv(work.LOG_VARIABLE, str(log))

        def stage(*_: object) -> None:
            with log.open("a") as stream:
                stream.write("ä" * 5 * work.LONGEST_LOG + "\nthe end\n")

        monkeypatch.setattr(work, "_run", stage)
        printed = work.run("throughline train tea").log
        assert printed.endswith("the end\n")
        assert len(printed) == work.LONGEST_LOG

    @pytest.mark.parametrize("key", ["titel", "title"])
    def test_what_a_library_fails_of_is_told_by_check(
        self, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        initialised(tmp_path)
        write(tmp_path / "pipelines/tea/pipeline.yaml", f"{key}: Tea\n")

        def stage(*_: object) -> None:
            raise ValueError("`logits` and `labels` must have the same shape")

        monkeypatch.setattr(work, "_run", stage)
        outcome = work.run("throughline train tea", str(tmp_path))
        assert outcome.mistake
        assert "labels" not in outcome.failure
        assert ("tea/pipeline.yaml:1: titel: no such key" in outcome.failure) == (key == "titel")

    def test_of_a_sound_file_it_stands_as_it_is(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        initialised(tmp_path)
        monkeypatch.setattr(work.subprocess, "run", lambda *_, **__: SimpleNamespace(stdout="[]"))
        monkeypatch.setattr(work, "_run", lambda *_: 1 / 0)
        outcome = work.run("throughline train tea", str(tmp_path))
        assert not outcome.mistake
        assert outcome.failure == "ZeroDivisionError: division by zero"

    @pytest.mark.parametrize("fails", [False, True])
    def test_it_stands_with_the_task_run(
        self, fails: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told: list[str] = []
        node = SimpleNamespace(address="tea", label="tea train", is_of_a_pipeline=True)

        class Run(SimpleNamespace):
            def node(self, *_: str) -> Any:
                return node

            def perform(self, _: Any) -> str:
                self.printed["tea"] = "epoch 1\n\nepoch 2\n"
                if fails:
                    raise StageFailed("no room", mistake=True)
                return RAN

        monkeypatch.setattr(flow, "current", lambda: Run(printed={}))
        logger = SimpleNamespace(info=told.append)
        monkeypatch.setattr("prefect.logging.get_run_logger", lambda: logger)
        if fails:
            with pytest.raises(StageFailed):
                flow.perform("tea", "train")
        else:
            flow.perform("tea", "train")
        assert told == ["epoch 1\nepoch 2"]
