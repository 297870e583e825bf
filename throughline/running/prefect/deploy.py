"""`throughline deploy`: schedules of prefect.yaml, on a server and a worker of this machine."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from throughline.cache import CACHE, private, private_file, store
from throughline.errors import BadPipeline
from throughline.names import named
from throughline.pipeline.yaml_file import YamlFile
from throughline.running.prefect import alerts, deployments, schedules, webhook
from throughline.running.prefect.access import SECRET, keep_secret, speak_to
from throughline.running.prefect.artifacts import key
from throughline.running.prefect.pools import definition, of_processes
from throughline.running.prefect.server import (
    STANDING,
    STAYS,
    NoServer,
    alive,
    answers,
    listening,
    note,
    origin,
    server_command,
    server_environment,
)

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

# As a file of deployments names the pool of this machine's processes; see `pool_of`.
POOL = "local"
# A training takes a GPU for itself, whichever flow it belongs to.
GPU_TAG = "gpu"
OUR_FLOWS = ("flows/pipeline.py:", "flows/retrain.py:")
START_SECONDS = 180.0
STOP_SECONDS = 15.0


def started(root: Path, port: int, file: Path) -> str:
    """Start Prefect's server and a worker, both detached, and apply the schedules.

    Args:
        root: the repository.
        port: of the server on this machine.
        file: the deployments.

    Returns:
        Where to look.

    Raises:
        BadPipeline: they run already.
        NoServer: the port is taken, or the server does not answer.
    """
    running = [process for process in note(root)["processes"] if alive(process)]
    if running:
        raise BadPipeline("Server and worker run already", running[0]["pid"], "Run `make down`")
    with listening(port) as listener:
        url = f"{origin(listener)}/api"
        secret = keep_secret(root)
        speak_to(url, secret)
        start = server_command(listener, STAYS)
        server = _detached(root, "server", start, listener, server_environment(secret))
        _note(root, url, [server])
        _wait(url, server, root)
        plan = apply_to(root, url, file)
        # Flow runs of the worker import this repository.
        imports = {**os.environ, "PYTHONPATH": str(root)}
        start = [*_prefect(), "worker", "start", "--pool", pool_of(root), "--type", "process"]
        worker = _detached(root, "worker", start, listener, imports)
    _note(root, url, [server, worker])
    address = f"Prefect: {url.removesuffix('/api')}  (secret: {SECRET}; end with `make down`)"
    return "\n".join([*plan, address])


def ended(root: Path) -> str:
    """End the worker, then the server; runs of the worker end with it."""
    count = 0
    for process in reversed(note(root)["processes"]):
        count += _ended(process)
    for file in (STANDING, SECRET):
        (root / file).unlink(missing_ok=True)
    return f"ended {count} processes"


def pool_of(root: Path) -> str:
    """The work pool of a checkout's own processes: a worker of another must not take its runs."""
    digest = hashlib.sha256(str(root.resolve()).encode()).hexdigest()
    return f"{POOL}-{key(root.resolve().name) or 'project'}-{digest[:8]}"


def apply_to(
    root: Path,
    url: str,
    file: Path,
    pool: Path | None = None,
    *,
    prune: bool = False,
    resume: bool = False,
) -> list[str]:
    """Make the work pool, the limit for GPUs, deployments and alerts what the file says.

    What a person paused stays paused. Again is no harm.

    Args:
        root: the repository.
        url: of Prefect's server.
        file: the deployments.
        pool: the file of a work pool that all deployments shall use. Default: processes of this
            machine.
        prune: remove this project's deployments that the file no longer has. Default: they stop.
        resume: start what a person paused. Default: it stays paused.

    Returns:
        What was done, a line for each kind.

    Raises:
        NoServer: nothing answers at `url`.
        BadPipeline: a file is wrong, Prefect refuses it, or another checkout has a deployment of
            the same name on that server.
    """
    from prefect.client.orchestration import get_client

    content = deployments.read(root / file)
    _check_parameters(content)
    written, webhooks = content.content.get("deployments") or [], alerts.written(content)
    if not url or not answers(url):
        raise NoServer("A Prefect server must answer", url or "no PREFECT_API_URL", "Run `make up`")
    chosen = definition(pool) if pool else of_processes(root)
    name = pool.stem if pool else pool_of(root)
    directory = str(chosen["directory"])
    for alert in webhooks:
        # Before anything is sent.
        webhook.resolved(alert.to)
    owner = pool_of(root)
    with _refusals(file), get_client(sync_client=True) as client:
        before = schedules.standing(client)
        folders = {schedules.folder(each) for each in before} - {str(root), directory, ""}
        # What no folder of this machine is may be a container's, or this project's elsewhere.
        others = {folder for folder in folders if Path(folder).is_dir()}
        plan = schedules.plan(written, before, str(root), others)
        known = alerts.standing(client, owner)
        lines = [*plan.lines(prune, resume), *alerts.plan(webhooks, known, prune, resume)]
        _prepare_server(client, name, chosen)
        _send(root, url, file, _for_pool(root, content, name, all_of_them=bool(pool)), directory)
        schedules.settle(client, written, before, str(root), prune=prune, resume=resume)
        runs = schedules.identifiers(written, schedules.standing(client))
        alerts.settle(client, webhooks, known, owner, runs, prune=prune, resume=resume)
    return lines


@contextmanager
def _refusals(file: Path) -> Iterator[None]:
    """One line of what the server answers to a request that it refuses, or does not answer."""
    import httpx

    try:
        yield
    except httpx.HTTPError as error:
        message = " ".join(f"{type(error).__name__}: {error}".split())
        raise NoServer(f"Prefect's server must take {file}", message, "Run it again") from error


def _send(root: Path, url: str, file: Path, written: Path, directory: str) -> None:
    """Have Prefect create or replace deployments."""
    environment = {**os.environ, "THROUGHLINE_ROOT": directory, "PREFECT_API_URL": url}
    done = subprocess.run(
        [*_prefect(), "--no-prompt", "deploy", "--all", "--prefect-file", str(written)],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise BadPipeline(f"Prefect must accept {file}", (done.stderr + done.stdout)[-500:])


def _check_parameters(file: YamlFile) -> None:
    """Refuse deployments of our flows for what can be no pipeline, and secrets for everybody.

    Raises:
        BadName: names file, line and what was found.
        BadPipeline: the address of a webhook holds a secret.
    """
    for number, deployment in enumerate(file.content.get("deployments") or []):
        if not str(deployment.get("entrypoint", "")).startswith(OUR_FLOWS):
            continue
        parameters = deployments.parameters(file, number)
        place = f"{file.path}:{file.line(('deployments', number, 'parameters'))}"
        for name in [*(parameters.names or []), parameters.name]:
            if name is not None:
                named(name, f"{place}: the name of a pipeline")
        webhook.check(parameters.webhook or "", f"{place}: webhook")


def _prepare_server(client: SyncPrefectClient, name: str, chosen: dict[str, Any]) -> None:
    from prefect.client.schemas.actions import WorkPoolCreate

    from throughline.running.workers import gpu_ids

    pool = WorkPoolCreate(name=name, type=chosen["type"], base_job_template=chosen["template"])
    client.create_work_pool(pool, overwrite=True)
    client.create_concurrency_limit(GPU_TAG, max(1, len(gpu_ids())))


def _for_pool(root: Path, file: YamlFile, name: str, all_of_them: bool) -> Path:
    """The deployments of a file with those for this machine, or all of them, in one work pool."""
    content = deepcopy(file.content)
    content.pop(alerts.SECTION, None)
    for deployment in content.get("deployments") or []:
        if all_of_them or (deployment.get("work_pool") or {}).get("name", POOL) == POOL:
            deployment["work_pool"] = {**(deployment.get("work_pool") or {}), "name": name}
    path = root / CACHE / "flows" / f"deployments-{name}.yaml"
    return store(path, yaml.safe_dump(content, sort_keys=False).encode())


def _prefect() -> list[str]:
    return [sys.executable, "-m", "prefect"]


def _detached(
    root: Path,
    name: str,
    arguments: list[str],
    listener: socket.socket,
    variables: dict[str, str],
) -> dict[str, Any]:
    """Start a command that outlives this process; its output goes to a log.

    It holds the server's socket, the worker as well: should the server die, nobody else can take
    its place and give the worker orders.
    """
    import psutil  # type: ignore[import-untyped]

    log = private(root / CACHE / "flows") / f"standing-{name}.log"
    log.unlink(missing_ok=True)
    # Appended to, so that it can be cut while it is written.
    with private_file(log, "ab") as output:
        process = subprocess.Popen(
            arguments,
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=[listener.fileno()],
            env=variables,
        )
    return {"name": name, "pid": process.pid, "born": psutil.Process(process.pid).create_time()}


def _wait(url: str, server: dict[str, Any], root: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while not answers(url):
        if time.monotonic() > end or not alive(server):
            log = root / CACHE / "flows" / "standing-server.log"
            raise NoServer(f"Prefect's server must answer at {url}", "no answer", f"See {log}")
        time.sleep(0.5)


def _note(root: Path, url: str, processes: list[dict[str, Any]]) -> None:
    store(root / STANDING, json.dumps({"url": url, "processes": processes}).encode())


def _ended(process: dict[str, Any]) -> bool:
    import psutil

    if not alive(process):
        return False
    parent = psutil.Process(process["pid"])
    family = [*parent.children(recursive=True), parent]
    for member in family:
        with suppress(psutil.NoSuchProcess):
            member.terminate()
    _, left = psutil.wait_procs(family, timeout=STOP_SECONDS)
    for member in left:
        with suppress(psutil.NoSuchProcess):
            member.kill()
    return True
