"""Deployments reach Prefect as prefect.yaml says, in work pools that Prefect accepts."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from throughline.errors import BadPipeline
from throughline.running.prefect.deploy import apply_to, pool_of
from throughline.running.prefect.pools import definition, merged, of_processes, stock
from throughline.running.prefect.schedules import folder, standing
from throughline.running.prefect.server import NoServer

PROJECT = Path(__file__).resolve().parents[3]
POOLS = PROJECT / "pools"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the project's flows and schedules."""
    for name in ("flows", "tasks", "prefect.yaml"):
        (tmp_path / name).symlink_to(PROJECT / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(path: str) -> Any:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        return client.request("GET", path).json()


def change(path: str, content: Any) -> None:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        client.request("PATCH", path, json=content)


def standing_of(root: Path) -> list[Any]:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        return [each for each in standing(client) if folder(each) == str(root)]


@pytest.mark.usefixtures("prefect_server")
class TestOnAServer:
    @pytest.fixture(autouse=True)
    def _emptied(self) -> Iterator[None]:
        """Leave nothing on the server: the next test is another checkout."""
        from prefect.client.orchestration import get_client

        yield
        with get_client(sync_client=True) as client:
            for each in standing(client):
                client.request("DELETE", f"/deployments/{each['id']}")

    @pytest.mark.parametrize(
        "pool", [None, "kubernetes", pytest.param("docker", marks=pytest.mark.slow)]
    )
    def test_the_deployments_and_their_pool(self, root: Path, pool: str | None) -> None:
        file = POOLS / f"{pool}.yaml" if pool else None
        apply_to(root, os.environ["PREFECT_API_URL"], Path("prefect.yaml"), file)
        for written in yaml.safe_load((root / "prefect.yaml").read_text())["deployments"]:
            flow = written["entrypoint"].split(":")[1]
            found = read(f"/deployments/name/{flow}/{written['name']}")
            assert found["work_pool_name"] == (pool or pool_of(root))
            assert found["global_concurrency_limit"]["limit"] == 1
            assert found["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
            assert found["tags"] == written["tags"]
            kinds = [next(iter(set(s["schedule"]) & {"cron", "rrule", "interval"}))
                     for s in found["schedules"]]  # fmt: skip
            assert kinds == [next(iter(s)) for s in written["schedules"]]
            directory = found["pull_steps"][0]
            expected = "/srv/throughline" if pool else str(root)
            assert expected in str(directory)
        template = read(f"/work_pools/{pool or pool_of(root)}")["base_job_template"]
        assert not template["variables"]["properties"]
        if pool == "docker":
            assert template["job_configuration"]["image"] == "throughline:latest"
        assert read("/concurrency_limits/tag/gpu")["concurrency_limit"] >= 1

    def test_a_schedule_that_prefect_cannot_read_is_refused(self, root: Path) -> None:
        content = yaml.safe_load((root / "prefect.yaml").read_text())
        content["deployments"][0]["schedules"] = [{"cron": "every night"}]
        (root / "wrong.yaml").write_text(yaml.safe_dump(content))
        with pytest.raises(BadPipeline, match=r"Prefect must accept wrong\.yaml"):
            apply_to(root, os.environ["PREFECT_API_URL"], Path("wrong.yaml"))

    def test_the_file_is_the_truth_and_what_a_person_paused_stays_so(self, root: Path) -> None:
        url, content = os.environ["PREFECT_API_URL"], yaml.safe_load(
            (root / "prefect.yaml").read_text()
        )  # fmt: skip

        def apply(**how: bool) -> list[str]:
            (root / "own.yaml").write_text(yaml.safe_dump(content))
            return apply_to(root, url, Path("own.yaml"), **how)

        def found(name: str) -> Any:
            return read(f"/deployments/name/retrain/{name}")

        apply()
        (first,) = found("wine")["schedules"]
        change(f"/deployments/{found('wine')['id']}/schedules/{first['id']}", {"active": False})
        change(f"/deployments/{found('iris')['id']}", {"paused": True})
        told = apply()
        assert any("stays paused" in line and "wine" in line and "iris" in line for line in told)
        assert found("iris")["paused"] and not found("wine")["schedules"][0]["active"]
        apply(resume=True)
        assert not found("iris")["paused"] and found("wine")["schedules"][0]["active"]

        wine = content["deployments"].pop()
        content["deployments"][1]["schedules"] = []
        told = apply()
        assert found("iris")["schedules"] == []
        assert found("wine")["paused"] and any("gone" in line for line in told)
        with pytest.raises(BadPipeline, match=f"that of {root}"):
            (root / "second").mkdir()
            apply_to(root / "second", url, root / "own.yaml")
        apply(prune=True)
        names = [each["name"] for each in standing_of(root)]
        assert wine["name"] not in names and "iris" in names

    def test_no_server_is_a_mistake(self, root: Path) -> None:
        with pytest.raises(NoServer, match="make up"):
            apply_to(root, "", Path("prefect.yaml"))


class TestPools:
    def test_a_kubernetes_job_works_in_the_mounted_repository(self) -> None:
        found = definition(POOLS / "kubernetes.yaml")
        base = stock("kubernetes")["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
        spec = found["template"]["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        assert mounts[spec["volumes"][0]["name"]] == found["directory"]
        assert base["containers"][0]["image"] == "{{ image }}"
        assert container["image"] == "throughline:latest"
        environment = {each["name"]: each["value"] for each in container["env"]}
        assert environment["PYTHONPATH"] == found["directory"]

    def test_a_docker_container_mounts_where_it_works(self) -> None:
        found = definition(POOLS / "docker.yaml")
        (volume,) = found["template"]["job_configuration"]["volumes"]
        assert volume.split(":")[1] == found["directory"]

    @pytest.mark.parametrize("kind", ["process", "docker", "kubernetes"])
    def test_nothing_that_a_run_is_asked_for_reaches_its_process_or_container(
        self, kind: str
    ) -> None:
        """One way into Prefect's server looks at no variables: the template alone must hold."""
        from prefect.workers.base import BaseJobConfiguration
        from pydantic import ConfigDict

        class Configuration(BaseJobConfiguration):
            model_config = ConfigDict(extra="allow")

        def made(values: dict[str, Any]) -> dict[str, Any]:
            pool = (
                of_processes(PROJECT) if kind == "process" else definition(POOLS / f"{kind}.yaml")
            )
            make = Configuration.from_template_and_values(pool["template"], values)
            return asyncio.run(make).model_dump()

        hostile = dict.fromkeys(stock(kind)["variables"]["properties"], "touch MARKER")
        hostile |= {"env": {"PYTHONPATH": "/tmp"}, "env.LD_PRELOAD": "x.so", "job_manifest": {}}
        hostile |= {"labels": {"a": "touch MARKER"}}
        assert "command" in hostile
        assert made(hostile) == made({})
        # Where the template is Prefect's own, all of that arrives.
        assert "touch MARKER" in str(
            asyncio.run(Configuration.from_template_and_values(stock(kind), hostile)).model_dump()
        )

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"variables": {"imag": "x"}}, "imag"),
            ({"variables": {"image": 3}}, r"variables\.image"),
            ({"variables": {"image_pull_policy": "Sometimes"}}, "image_pull_policy"),
            ({"type": "submarine"}, "kind of work pool"),
            ({"job_manifest": {}}, "no job_manifest"),
            ({"variables": {"command": "true"}}, "command"),
            ({"variables": {"env": {"A": "b"}}}, r"by ENV in pools/Dockerfile"),
            ({"volumes": []}, "volumes"),
        ],
    )
    def test_what_the_kind_of_pool_does_not_know_is_named(
        self, change: dict[str, Any], message: str, tmp_path: Path
    ) -> None:
        content = yaml.safe_load((POOLS / "docker.yaml").read_text())
        (tmp_path / "docker.yaml").write_text(yaml.safe_dump({**content, **change}))
        with pytest.raises(BadPipeline, match=message):
            definition(tmp_path / "docker.yaml")

    def test_lists_are_laid_over_item_by_item(self) -> None:
        base, changes = {"a": [{"b": 1}, 2], "c": 3}, {"a": [{"d": 4}], "e": 5}
        assert merged(base, changes) == {"a": [{"b": 1, "d": 4}, 2], "c": 3, "e": 5}
