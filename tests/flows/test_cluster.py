"""The same flow on a cluster of Dask or Ray: the same records, by one setting."""

from __future__ import annotations

import asyncio
import http.client
import shutil
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.flows.test_pipeline import locks, verdicts
from throughline.cli import main
from throughline.running.cluster import Cluster, NoCluster
from throughline.running.flow import execute
from throughline.running.ray_cluster import RayCluster

pytestmark = pytest.mark.usefixtures("prefect_server")


def asked(address: str, security: Any) -> Any:
    """What a scheduler or worker says of itself, asked with some certificate or none."""
    from distributed.core import rpc

    async def ask() -> Any:
        args = security.get_connection_args("client")
        async with rpc(address, connection_args=args, timeout=5) as found:
            return await found.identity()

    return asyncio.run(ask())


def listening_ports() -> set[int]:
    """The ports on which this process and its children listen."""
    own = psutil.Process()
    family = [own, *own.children(recursive=True)]
    return {
        each.laddr.port
        for member in family
        for each in member.net_connections()
        if each.status == psutil.CONN_LISTEN
    }


class TestDask:
    def test_a_cluster_of_ones_own_leaves_the_records_of_dvc_repro(
        self, repository: Path, tmp_path: Path, run: Callable[..., str]
    ) -> None:
        pytest.importorskip("distributed", reason="the extra dask is not installed")
        other = tmp_path / "other"
        shutil.copytree(repository, other)
        run(other, "dvc", "repro", "-q")
        found = execute(repository, [], 2, "dask")
        assert set(verdicts(found).values()) == {"ran"}
        assert locks(repository) == locks(other)
        assert "up to date" in run(repository, "dvc", "status")

    def test_a_scheduler_by_its_address_and_a_worker_that_is_killed(self, repository: Path) -> None:
        distributed = pytest.importorskip("distributed", reason="the extra dask is not installed")
        stage = repository / "code/stage.py"
        kill = "import os, signal\nif stage == 'prepare' and not pathlib.Path('killed').exists():\n"
        kill += "    pathlib.Path('killed').touch()\n    os.kill(os.getppid(), signal.SIGKILL)\n"
        stage.write_text(stage.read_text() + kill)
        with distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
        ) as cluster:
            found = execute(repository, ["one"], 1, cluster.scheduler_address)
        assert set(verdicts(found).values()) == {"ran"}
        assert (repository / "killed").exists()

    def test_a_stranger_on_this_machine_has_nothing_run(self, tmp_path: Path) -> None:
        """Schedulers and workers unpickle what they are sent."""
        distributed = pytest.importorskip("distributed", reason="the extra dask is not installed")
        strangers = [(distributed.Security.temporary, "tls"), (distributed.Security, "tcp")]
        cluster = Cluster(tmp_path, 1, "dask")
        try:
            own = cluster._client.scheduler_info()
            addresses = [
                own["address"],
                *own["workers"],
                *(w["nanny"] for w in own["workers"].values()),
            ]
            assert all(address.startswith("tls://127.0.0.1:") for address in addresses)
            for address in addresses:
                for certificate, way in strangers:
                    with pytest.raises(OSError, match=r"before comm was established|closed"):
                        asked(address.replace("tls:", f"{way}:"), certificate())
            # Its own certificate is another matter: the refusals are no accident of the question.
            assert asked(own["address"], cluster._own.security)["type"] == "Scheduler"
            for port in listening_ports():
                with pytest.raises((OSError, http.client.HTTPException)):
                    urllib.request.urlopen(
                        f"http://127.0.0.1:{port}/info/main/workers.html", timeout=5
                    )
        finally:
            cluster.close()

    def test_without_the_extra_the_way_out_is_named(
        self, repository: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "distributed", None)
        with pytest.raises(NoCluster, match=r"throughline\[dask\]"):
            Cluster(repository, 1, "dask")

    def test_an_address_that_is_none_is_a_mistake(self, repository: Path, capsys: object) -> None:
        pytest.importorskip("distributed", reason="the extra dask is not installed")
        assert main(["flow", "one", "--on", "nowhere"]) == 2


class TestRay:
    @pytest.mark.slow
    def test_a_cluster_of_ones_own_leaves_the_records_of_dvc_repro(
        self, repository: Path, tmp_path: Path, run: Callable[..., str]
    ) -> None:
        """Also where a process is killed in the midst of a stage."""
        pytest.importorskip("ray", reason="the extra ray is not installed")
        other = tmp_path / "other"
        shutil.copytree(repository, other)
        run(other, "dvc", "repro", "-q")
        stage = repository / "code/stage.py"
        text = stage.read_text()
        kill = "import os, signal\nif stage == 'prepare' and not pathlib.Path('killed').exists():\n"
        kill += "    pathlib.Path('killed').touch()\n    os.kill(os.getppid(), signal.SIGKILL)\n"
        stage.write_text(text + kill)
        found = execute(repository, ["one"], 2, "ray")
        assert (repository / "killed").exists()
        assert set(verdicts(found).values()) == {"ran"}
        stage.write_text(text)
        assert not execute(repository, [], 2, "ray").failed
        assert locks(repository) == locks(other)
        assert "up to date" in run(repository, "dvc", "status")

    def test_without_the_extra_the_way_out_is_named(
        self, repository: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "ray", None)
        for address in ("ray", "ray://node:10001"):
            with pytest.raises(NoCluster, match=r"throughline\[ray\]"):
                RayCluster(repository, 1, address)
