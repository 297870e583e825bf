"""Alerts of prefect.yaml: automations of Prefect's server that tell a receiver, and no secret."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.flows.deployments.test_deploy import PROJECT, read
from throughline.errors import BadPipeline
from throughline.pipeline.yaml_file import YamlFile
from throughline.running.prefect import alerts
from throughline.running.prefect.deploy import apply_to, pool_of
from throughline.running.prefect.schedules import standing

TOKEN = "s3cr3tT0kenOfAReceiver9"
DEPLOYMENT = {
    "name": "tea",
    "entrypoint": "flows/retrain.py:retrain",
    "parameters": {"name": "tea"},
    "work_pool": {"name": "local"},
    "schedules": [],
}


def file(root: Path, *entries: Any) -> Path:
    """A file of one deployment and some alerts."""
    content = {"name": "x", "deployments": [DEPLOYMENT], "alerts": [*entries]}
    content["pull"] = yaml.safe_load((PROJECT / "prefect.yaml").read_text())["pull"]
    (root / "own.yaml").write_text(yaml.safe_dump(content))
    return root / "own.yaml"


class TestFile:
    @pytest.mark.parametrize(
        ("entry", "message"),
        [
            ("$HOOK", r"own\.yaml:2: alerts: a mapping"),
            ({"to": "$HOOK", "at": "noon"}, "no such key.*at"),
            ({}, "either 'to'"),
            ({"to": "$HOOK", "block": "ops"}, "either 'to'"),
            ({"to": f"https://example.org/{TOKEN}"}, "must hold no secret"),
            ({"to": "$HOOK", "format": "slak"}, "Did you mean 'slack'"),
            ({"to": "$HOOK", "tell": ["failing"]}, "Did you mean 'failed'"),
            ({"to": "$HOOK", "tell": True}, "nothing to tell.*True"),
        ],
    )
    def test_mistakes_are_named_by_line(self, tmp_path: Path, entry: Any, message: str) -> None:
        with pytest.raises(BadPipeline, match=message) as refusal:
            alerts.written(YamlFile(file(tmp_path, entry)))
        assert TOKEN not in str(refusal.value)

    def test_a_receiver_stands_once(self, tmp_path: Path) -> None:
        path = file(tmp_path, {"to": "$HOOK"}, {"to": "$HOOK", "format": "slack"})
        with pytest.raises(BadPipeline, match="once"):
            alerts.written(YamlFile(path))

    def test_what_is_left_out_has_its_default(self, tmp_path: Path) -> None:
        (found,) = alerts.written(YamlFile(file(tmp_path, {"to": "$HOOK"})))
        assert (found.format, found.tell) == ("json", alerts.USUAL)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefect_server: None) -> Iterator[Path]:
    """A folder with the project's flows; nothing of it is left on the server."""
    from prefect.client.orchestration import get_client

    for name in ("flows", "tasks"):
        (tmp_path / name).symlink_to(PROJECT / name)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    with get_client(sync_client=True) as client:
        for each in automations(tmp_path).values():
            client.request("DELETE", f"/automations/{each['id']}")
        for each in standing(client):
            client.request("DELETE", f"/deployments/{each['id']}")


def automations(root: Path) -> dict[str, Any]:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        return dict(alerts.standing(client, pool_of(root)))


def applied(root: Path, *entries: Any, **how: bool) -> list[str]:
    """Send a file with these alerts; the lines that tell of alerts."""
    told = apply_to(
        root, os.environ["PREFECT_API_URL"], file(root, *entries).relative_to(root), **how
    )
    return [line for line in told if "alert" in line]


def run_ends(name: str, kind: str, message: str) -> None:
    """A run of the deployment comes into a state."""
    from prefect.client.orchestration import get_client
    from prefect.states import State

    deployment = read("/deployments/name/retrain/tea")["id"]
    with get_client(sync_client=True) as client:
        run = client.create_flow_run_from_deployment(deployment, name="retrain tea")
        client.set_flow_run_state(run.id, State(type=kind, name=name, message=message), force=True)


def until(found: Callable[[], Any], seconds: float = 30) -> Any:
    end = time.monotonic() + seconds
    while not (answer := found()):
        assert time.monotonic() < end, "nothing came"
        time.sleep(0.1)
    return answer


class TestOnAServer:
    def test_a_receiver_is_told_and_the_secret_is_nowhere(
        self,
        root: Path,
        receiver: tuple[str, list[Any]],
        monkeypatch: pytest.MonkeyPatch,
        capfd: Any,
    ) -> None:
        host, received = receiver
        monkeypatch.setenv("HOOK_TOKEN", TOKEN)
        to = f"http://{host}/$HOOK_TOKEN"
        assert applied(root, {"to": to}) == [f"new alerts: {to}"]
        quoted = 'worse: "1 {{ 7 * 7 }}"'
        states = [
            ("Failed", "FAILED", "S3 is away"),
            ("Crashed", "CRASHED", "killed"),
            ("Late", "SCHEDULED", ""),
            ("Released", "COMPLETED", "tea@v2 better"),
            ("Kept", "COMPLETED", quoted),
            ("Unchanged", "COMPLETED", "as before"),
        ]
        for state in states:
            run_ends(*state)
        until(lambda: len(received) >= 5)
        time.sleep(1)
        told = {content["state"]: content["message"] for path, content in received}
        assert told == {name: message for name, _, message in states if name != "Unchanged"}
        assert {path for path, _ in received} == {f"/{TOKEN}"}
        assert {content["run"] for _, content in received} == {"retrain tea"}
        # Neither in Prefect's database and logs, nor on the screen.
        home = Path(os.environ["PREFECT_HOME"])
        files = [path for path in home.rglob("*") if path.is_file()]
        assert files and not [path for path in files if TOKEN.encode() in path.read_bytes()]
        assert TOKEN not in "".join(capfd.readouterr())

    @pytest.mark.parametrize("form", ["slack", "teams"])
    def test_chats_get_what_they_read(
        self, root: Path, receiver: tuple[str, list[Any]], form: str
    ) -> None:
        host, received = receiver
        applied(root, {"to": f"http://{host}/hook", "format": form, "tell": "failed"})
        run_ends("Failed", "FAILED", 'a "quoted" reason')
        ((_, content),) = until(lambda: received)
        text = (
            content["text"]
            if form == "slack"
            else content["attachments"][0]["content"]["body"][0]["text"]
        )
        assert text == 'retrain tea: Failed a "quoted" reason'

    def test_the_file_is_the_truth(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from prefect.client.orchestration import get_client

        monkeypatch.setenv("A", "http://127.0.0.1:9/a")
        monkeypatch.setenv("B", "http://127.0.0.1:9/b")
        applied(root, {"to": "$A"}, {"to": "$B"})
        with get_client(sync_client=True) as client:
            off = automations(root)["$A"]["id"]
            client.request("PATCH", f"/automations/{off}", json={"enabled": False})
        told = applied(root, {"to": "$A", "format": "slack"})
        assert told[:1] == ["changed alerts: $A"]
        assert "gone from the file" in told[1] and "$B" in told[1]
        assert "stay off by a person" in told[2]
        assert {name: each["enabled"] for name, each in automations(root).items()} == {
            "$A": False,
            "$B": False,
        }
        applied(root, {"to": "$A", "format": "slack"}, resume=True, prune=True)
        assert {name: each["enabled"] for name, each in automations(root).items()} == {"$A": True}
        with get_client(sync_client=True) as client:
            blocks = client.request("POST", "/block_documents/filter", json={}).json()
        assert [each["name"] for each in blocks if each["name"].startswith(pool_of(root))] == [
            alerts._block_name(pool_of(root), "$A")
        ]

    def test_what_cannot_be_told_is_refused_before_anything_is_sent(self, root: Path) -> None:
        with pytest.raises(BadPipeline, match="no HOOK"):
            applied(root, {"to": "$HOOK"})
        assert automations(root) == {}
        with pytest.raises(BadPipeline, match="webhook block 'ops'"):
            applied(root, {"block": "ops"})

    def test_a_block_that_a_person_made(self, root: Path, receiver: tuple[str, list[Any]]) -> None:
        from prefect.blocks.webhook import Webhook

        host, received = receiver
        Webhook(url=f"http://{host}/theirs").save("ops", overwrite=True)
        applied(root, {"block": "ops"})
        run_ends("Kept", "COMPLETED", "equal")
        ((path, content),) = until(lambda: received)
        assert path == "/theirs" and json.dumps(content)
        applied(root, prune=True)
        assert automations(root) == {}
        Webhook.load("ops")
