"""What a container runs, in a namespace where the repository lies as the pool's file says.

No image is built: the libraries are those of this environment. The user is the image's, not root,
and all that the process knows is what the Dockerfile gives it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.flows.shop import PROJECT, git
from throughline.running.prefect.deploy import apply_to
from throughline.running.prefect.pools import definition

POOL = PROJECT / "pools/docker.yaml"
DEPLOYMENTS = """name: x
pull:
- prefect.deployments.steps.set_working_directory:
    directory: "{{ $THROUGHLINE_ROOT }}"
deployments:
- name: one
  entrypoint: flows/pipeline.py:pipeline
  parameters: {names: [one], workers: 1}
  schedules: []
"""


def image() -> dict[str, str]:
    """What the Dockerfile sets in the environment."""
    text = (PROJECT / "pools/Dockerfile").read_text().replace("\\\n", " ")
    return dict(pair.split("=", 1) for line in re.findall(r"^ENV (.*)$", text, re.MULTILINE)
                for pair in line.split())  # fmt: skip


def user() -> str:
    """The number of the Dockerfile's user."""
    text = (PROJECT / "pools/Dockerfile").read_text()
    name = re.findall(r"^USER (\w+)$", text, re.MULTILINE)[-1]
    return re.findall(rf"useradd --uid (\d+) .*{name}", text)[0]


def contained(root: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a container of the pool does: user, folder and environment are its own."""
    pool = definition(POOL)
    directory = str(pool["directory"])
    known = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        **image(),
        # The library is installed in the image.
        "PYTHONPATH": f"{image()['PYTHONPATH']}:{PROJECT}",
        **variables,
    }
    # The mount is seen in there alone.
    mounted = 'mount --bind "$1" "$2" && cd "$2" && shift 2 && exec "$@"'
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", mounted, "sh", str(root), directory,
         "unshare", "--user", f"--map-user={user()}", f"--map-group={user()}",
         "env", "--ignore-environment", *(f"{k}={v}" for k, v in known.items()), *command],
        capture_output=True,
        text=True,
    )  # fmt: skip


@pytest.fixture
def mounted(repository: Path) -> Iterator[Path]:
    """The repository, where a namespace can be had and its folder can be made."""
    if not shutil.which("unshare") or os.getuid() != 0:
        pytest.skip("a namespace with a mount takes unshare and the rights of root")
    place = Path(definition(POOL)["directory"])
    made = not place.exists()
    place.mkdir(parents=True, exist_ok=True)
    if contained(repository, "true").returncode:
        pytest.skip("the system gives no namespaces")
    yield repository
    if made:
        place.rmdir()


def test_it_is_not_root_and_git_knows_who_releases(mounted: Path) -> None:
    for key in ("user.name", "user.email"):
        git(mounted, "config", "--unset", key)
    assert contained(mounted, "id", "-u").stdout.strip() == user() != "0"
    done = contained(mounted, "git", "commit", "--allow-empty", "-qm", "Release x@v1")
    assert done.returncode == 0, done.stderr
    assert git(mounted, "log", "-1", "--format=%an <%ae>") == "throughline <throughline@localhost>"


def test_kubernetes_runs_the_images_user_without_rights() -> None:
    manifest = definition(PROJECT / "pools/kubernetes.yaml")["template"]["job_configuration"][
        "job_manifest"
    ]["spec"]["template"]["spec"]
    assert manifest["securityContext"]["runAsUser"] == int(user())
    assert manifest["securityContext"]["runAsNonRoot"] is True
    (container,) = manifest["containers"]
    assert container["securityContext"]["allowPrivilegeEscalation"] is False


@pytest.mark.slow
@pytest.mark.usefixtures("prefect_server")
def test_prefects_entry_runs_the_flow(mounted: Path, run: Callable[..., str]) -> None:
    """The command that a worker gives to a container, for a run of a deployment of the pool."""
    from prefect.client.orchestration import get_client
    from prefect.workers.base import BaseJobConfiguration

    url = os.environ["PREFECT_API_URL"]
    (mounted / "own.yaml").write_text(DEPLOYMENTS)
    apply_to(mounted, url, Path("own.yaml"), POOL)
    with get_client(sync_client=True) as client:
        found: Any = client.request("GET", "/deployments/name/pipeline/one").json()
        made = client.create_flow_run_from_deployment(found["id"])
        entry = BaseJobConfiguration._base_flow_run_command().split()
        done = contained(
            mounted,
            *entry,
            PREFECT_API_URL=url,
            PREFECT_API_AUTH_STRING=os.environ["PREFECT_API_AUTH_STRING"],
            PREFECT__FLOW_RUN_ID=str(made.id),
        )
        state = client.request("GET", f"/flow_runs/{made.id}").json()["state"]
    assert state["type"] == "COMPLETED", (state, done.stdout, done.stderr)
    assert "stage" in state["message"] or state["message"], state
    assert yaml.safe_load((mounted / "pipelines/one/dvc.lock").read_text())["stages"].keys() == {
        "ingest", "prepare", "train",
    }  # fmt: skip
    assert "up to date" in run(mounted, "dvc", "status", "pipelines/one/dvc.yaml")
