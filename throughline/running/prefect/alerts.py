"""Section `alerts` of prefect.yaml: who is told of runs, as automations on Prefect's server.

The server calls an address when a run of this project's deployments ends or comes late. The address
lies in a block of Prefect's, encrypted; the file names variables for what in it is secret.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from throughline.errors import BadPipeline, nearest
from throughline.pipeline.yaml_file import YamlFile
from throughline.running.prefect import webhook

SECTION = "alerts"
# `on` would be YAML for true.
KEYS = ("to", "block", "format", "tell")
# What may be told, by the names that a run's state has then.
STATES = {
    "failed": ("Failed", "TimedOut"),
    "crashed": ("Crashed",),
    "late": ("Late",),
    "released": ("Released",),
    "kept": ("Kept",),
    "unchanged": ("Unchanged",),
}
USUAL = ("failed", "crashed", "late", "released", "kept")
EVENT = "prefect.flow-run."
# Prefect gives a template the event; names and messages come from strangers' files, so they are
# written as JSON.
RESOURCE = "event.resource['prefect.{}']"
LINE = (
    f"({RESOURCE.format('resource.name')} ~ ': ' ~ {RESOURCE.format('state-name')} ~ ' ' ~ "
    f"({RESOURCE.format('state-message')} or ''))"
)
PAYLOADS = {
    "json": (
        f'{{"run": {{{{ {RESOURCE.format("resource.name")} | tojson }}}}, '
        f'"state": {{{{ {RESOURCE.format("state-name")} | tojson }}}}, '
        f'"message": {{{{ ({RESOURCE.format("state-message")} or "") | tojson }}}}, '
        '"event": {{ event.event | tojson }}, "occurred": {{ event.occurred | string | tojson }}}'
    ),
    # Slack takes these three for a link, a name or all members of a channel.
    "slack": (
        f"{{\"text\": {{{{ ({LINE}) | replace('&', '&amp;') | replace('<', '&lt;') "
        "| replace('>', '&gt;') | tojson }}}"
    ),
    # As Teams' workflows take it.
    "teams": (
        '{"type": "message", "attachments": [{"contentType": '
        '"application/vnd.microsoft.card.adaptive", "content": {"type": "AdaptiveCard", '
        '"version": "1.4", "body": [{"type": "TextBlock", "wrap": true, "text": '
        f"{{{{ {LINE} | tojson }}}}}}]}}}}]}}"
    ),
}


@dataclass(frozen=True)
class Alert:
    """Who is told of what.

    Attributes:
        to: an address, its secrets as `$NAME`; or empty.
        block: the name of a webhook block that a person made on Prefect's pages; or empty.
        format: of what is sent: `json`, `slack` or `teams`.
        tell: what is told, such as `failed`.
    """

    to: str
    block: str
    format: str
    tell: tuple[str, ...]

    @property
    def where(self) -> str:
        """Whom it tells, as the file says it."""
        return self.to or f"block {self.block}"

    @property
    def description(self) -> str:
        """What tells one from another that tells the same receiver."""
        return f"{', '.join(self.tell)} as {self.format}"


def written(file: YamlFile) -> list[Alert]:
    """The alerts of a file of deployments, checked.

    Raises:
        BadPipeline: names file, line, what was found and what was expected.
    """
    section = file.content.get(SECTION) or []
    if not isinstance(section, list):
        raise BadPipeline(f"{file.path}:{file.line((SECTION,))}: '{SECTION}' is a list", section)
    found = [_checked(file, number, entry) for number, entry in enumerate(section)]
    for number, alert in enumerate(found):
        if alert.where in [other.where for other in found[:number]]:
            place = f"{file.path}:{file.line((SECTION, number))}"
            raise BadPipeline(f"{place}: each receiver stands once in '{SECTION}'", alert.where)
    return found


def _checked(file: YamlFile, number: int, entry: Any) -> Alert:
    place = f"{file.path}:{file.line((SECTION, number))}: {SECTION}"
    if not isinstance(entry, Mapping):
        raise BadPipeline(f"{place}: a mapping such as {{to: $ALERTS_URL}}", entry)
    for key in entry:
        if key not in KEYS:
            raise BadPipeline(f"{place}: no such key", key, nearest(str(key), KEYS))
    to, block = (str(entry.get(key) or "") for key in ("to", "block"))
    if bool(to) == bool(block):
        raise BadPipeline(
            f"{place}: either 'to', an address, or 'block', a webhook of Prefect's", dict(entry)
        )
    webhook.check(to, f"{place}: to")
    form = str(entry.get("format", "json"))
    if form not in PAYLOADS:
        raise BadPipeline(f"{place}: format", form, nearest(form, PAYLOADS))
    given = entry.get("tell", USUAL)
    states = [str(name) for name in (given if isinstance(given, list | tuple) else [given])]
    for name in states:
        if name not in STATES:
            raise BadPipeline(f"{place}: nothing to tell", name, nearest(name, STATES))
    return Alert(to, block, form, tuple(name for name in STATES if name in states))


def standing(client: Any, owner: str) -> dict[str, Mapping[str, Any]]:
    """A project's automations on a server, by whom they tell.

    Args:
        client: of the server.
        owner: the project's name there.
    """
    found = client.request("POST", "/automations/filter", json={"limit": 200}).json()
    beginning = _name(owner, "")
    return {
        each["name"].removeprefix(beginning): each
        for each in found
        if each["name"].startswith(beginning)
    }


def plan(wanted: Sequence[Alert], known: Mapping[str, Mapping[str, Any]], prune: bool, resume: bool
         ) -> list[str]:  # fmt: skip
    """What `settle` will do, one kind a line."""
    by_name = {alert.where: alert for alert in wanted}
    both = [name for name in by_name if name in known]
    changed = [n for n in both if by_name[n].description != known[n]["description"]]
    idle = [name for name in both if not known[name]["enabled"]]
    kinds = {
        "new alerts": [name for name in by_name if name not in known],
        "changed alerts": changed,
        "unchanged alerts": [name for name in both if name not in changed],
        "alerts gone, removed" if prune else
        "alerts gone from the file, stopped (--prune removes)":
            [name for name in known if name not in by_name],
        "alerts resumed" if resume else "alerts stay off by a person (--resume ends that)": idle,
    }  # fmt: skip
    return [f"{kind}: {', '.join(names)}" for kind, names in kinds.items() if names]


def settle(
    client: Any,
    wanted: Sequence[Alert],
    known: Mapping[str, Mapping[str, Any]],
    owner: str,
    deployments: Sequence[str],
    *,
    prune: bool = False,
    resume: bool = False,
) -> None:
    """Make a server's automations those of the file.

    Args:
        client: of the server.
        wanted: of the file.
        known: what the server has, see `standing`.
        owner: the project's name there.
        deployments: identifiers of those whose runs are told.
        prune: remove what the file no longer has. Default: it is stopped.
        resume: start what a person stopped. Default: it stays so.

    Raises:
        BadPipeline: a variable is not set, or there is no such block.
    """
    for alert in wanted:
        old = known.get(alert.where)
        content = {
            "name": _name(owner, alert.where),
            "description": alert.description,
            "enabled": resume or old is None or bool(old["enabled"]),
            "trigger": _trigger(alert, deployments),
            "actions": [
                {
                    "type": "call-webhook",
                    "block_document_id": _block(client, alert, owner),
                    "payload": PAYLOADS[alert.format],
                }
            ],
        }
        if old is None:
            client.request("POST", "/automations/", json=content)
        else:
            client.request("PUT", f"/automations/{old['id']}", json=content)
    names = [alert.where for alert in wanted]
    for name, old in known.items():
        if name not in names and prune:
            client.request("DELETE", f"/automations/{old['id']}")
            _forget(client, owner, name)
        elif name not in names and old["enabled"]:
            client.request("PATCH", f"/automations/{old['id']}", json={"enabled": False})


def _trigger(alert: Alert, deployments: Sequence[str]) -> dict[str, Any]:
    """Every run of the deployments that comes into one of the states, at once."""
    return {
        "type": "event",
        "posture": "Reactive",
        "expect": [f"{EVENT}{state}" for name in alert.tell for state in STATES[name]],
        "match": {"prefect.resource.id": f"{EVENT}*"},
        "match_related": {
            "prefect.resource.role": "deployment",
            # An empty list would match the runs of all projects.
            "prefect.resource.id": [f"prefect.deployment.{each}" for each in deployments]
            or ["prefect.deployment.none"],
        },
        "for_each": ["prefect.resource.id"],
        "threshold": 1,
        "within": 0,
    }


def _block(client: Any, alert: Alert, owner: str) -> str:
    """The identifier of the block that holds the address."""
    from prefect.blocks.webhook import Webhook
    from prefect.exceptions import ObjectNotFound
    from prefect.types import SecretDict
    from pydantic import SecretStr

    if alert.block:
        try:
            return str(client.read_block_document_by_name(alert.block, "webhook").id)
        except ObjectNotFound:
            raise BadPipeline(
                f"A webhook block '{alert.block}' must be on Prefect's server", "none",
                "Make it on the page Blocks, or say 'to: $NAME'",
            ) from None  # fmt: skip
    block = Webhook(
        url=SecretStr(webhook.resolved(alert.to)),
        headers=SecretDict({"Content-Type": "application/json"}),
    )
    return str(block.save(_block_name(owner, alert.where), overwrite=True))


def _forget(client: Any, owner: str, where: str) -> None:
    """Remove the address of an alert that is gone; a block that a person made stays."""
    from prefect.exceptions import ObjectNotFound

    try:
        found = client.read_block_document_by_name(_block_name(owner, where), "webhook")
    except ObjectNotFound:
        return
    client.delete_block_document(found.id)


def _name(owner: str, where: str) -> str:
    return f"{owner} → {where}"


def _block_name(owner: str, where: str) -> str:
    """Prefect allows small letters, digits and dashes."""
    return f"{owner}-{hashlib.sha256(where.encode()).hexdigest()[:8]}"
