"""The file is the truth of schedules: what differs on a server, and what makes it so."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from throughline.errors import BadPipeline

Deployment = Mapping[str, Any]
KINDS = ("cron", "interval", "rrule")
# What of a deployment the file says; of the rest, Prefect keeps the books.
SAID = ("description", "tags", "parameters")
PAGE = 200
PART = re.compile(r"\b([A-Z]+=[^;\s]+)")


@dataclass(frozen=True)
class Plan:
    """What `deploy apply` does.

    Attributes:
        new: in the file alone.
        changed: in both, and not equal.
        same: in both, and equal.
        gone: of this project and on the server alone; stopped, or removed where that is asked for.
        paused: that a person paused, or paused a schedule of; they stay so.
    """

    new: tuple[str, ...]
    changed: tuple[str, ...]
    same: tuple[str, ...]
    gone: tuple[str, ...]
    paused: tuple[str, ...]

    def lines(self, prune: bool, resume: bool) -> list[str]:
        """The plan for people, one kind a line."""
        gone = "gone, removed" if prune else "gone from the file, stopped (--prune removes)"
        paused = "resumed" if resume else "stays paused by a person (--resume ends that)"
        kinds = {
            "new": self.new,
            "changed": self.changed,
            "unchanged": self.same,
            gone: self.gone,
            paused: self.paused,
        }
        return [f"{kind}: {', '.join(names)}" for kind, names in kinds.items() if names]


def standing(client: Any) -> list[Deployment]:
    """All deployments of a server."""
    found: list[Deployment] = []
    while True:
        page = {"limit": PAGE, "offset": len(found)}
        more = client.request("POST", "/deployments/filter", json=page).json()
        found += more
        if len(more) < PAGE:
            return found


def identifiers(written: Sequence[Deployment], known: Iterable[Deployment]) -> list[str]:
    """A server's identifiers of the deployments of a file."""
    names = {_name(each) for each in written}
    return sorted(str(each["id"]) for each in known if _name(each) in names)


def folder(deployment: Deployment) -> str:
    """Where runs of a deployment work: the checkout that it belongs to."""
    for step in deployment.get("pull_steps") or []:
        for content in step.values():
            if "directory" in content:
                return str(content["directory"])
    return ""


def plan(
    written: Sequence[Deployment], known: Iterable[Deployment], root: str, others: Collection[str]
) -> Plan:
    """Compare a file's deployments with a server's.

    Args:
        written: of the file.
        known: of the server.
        root: the checkout; what runs there is this project's.
        others: folders of other checkouts.

    Raises:
        BadPipeline: another checkout has a deployment of the same name there.
    """
    own = {_name(each): each for each in known}
    names = [_name(each) for each in written]
    for name in names:
        if name in own and folder(own[name]) in others:
            raise BadPipeline(
                f"Deployment {name} must be this project's own on the server",
                f"that of {folder(own[name])}",
                "Give it another name in the file, or use a server of your own",
            )
    both = {
        name: (each, own[name]) for name, each in zip(names, written, strict=True) if name in own
    }
    changed = tuple(name for name, pair in both.items() if not _equal(*pair))
    return Plan(
        new=tuple(name for name in names if name not in own),
        changed=changed,
        same=tuple(name for name in both if name not in changed),
        gone=tuple(name for name in own if name not in names and folder(own[name]) == root),
        paused=tuple(name for name, pair in both.items() if _paused(*pair)),
    )


def settle(
    client: Any,
    written: Sequence[Deployment],
    before: Iterable[Deployment],
    root: str,
    *,
    prune: bool = False,
    resume: bool = False,
) -> None:
    """Do what Prefect's own `deploy` leaves undone.

    It keeps the schedules of a file without any, starts what was paused, and knows nothing of
    deployments that the file no longer has.

    Args:
        client: of the server; the file's deployments have been sent.
        written: of the file.
        before: what the server had.
        root: the checkout; what runs there and is not in the file is gone.
        prune: remove what is gone. Default: it is paused.
        resume: start what was paused. Default: it stays paused.
    """
    was = {_name(each): each for each in before}
    now = {_name(each): each for each in standing(client)}
    said = {_name(each): each for each in written}
    for name in now.keys() & said.keys():
        _settle_schedules(client, said[name], now[name], _idle(was.get(name), resume))
        paused = bool(said[name].get("paused")) or (
            not resume and bool(was.get(name, {}).get("paused"))
        )
        if bool(now[name].get("paused")) != paused:
            client.request("PATCH", f"/deployments/{now[name]['id']}", json={"paused": paused})
    for name in (name for name in now if name not in said and folder(now[name]) == root):
        address = f"/deployments/{now[name]['id']}"
        if prune:
            client.request("DELETE", address)
        elif not now[name].get("paused"):
            client.request("PATCH", address, json={"paused": True})


def _settle_schedules(
    client: Any, written: Deployment, standing: Deployment, idle: set[str]
) -> None:
    """Drop the schedules that the file does not have; pause those that were."""
    wanted = {_key(each): each for each in written.get("schedules") or []}
    for each in standing.get("schedules") or []:
        key = _key(each["schedule"])
        address = f"/deployments/{standing['id']}/schedules/{each['id']}"
        if key not in wanted:
            client.request("DELETE", address)
            continue
        active = wanted[key].get("active", True) and key not in idle
        if each["active"] != active:
            client.request("PATCH", address, json={"active": active})


def _idle(deployment: Deployment | None, resume: bool) -> set[str]:
    """The schedules that a person stopped."""
    if deployment is None or resume:
        return set()
    schedules = deployment.get("schedules") or []
    return {_key(each["schedule"]) for each in schedules if not each["active"]}


def _paused(written: Deployment, known: Deployment) -> bool:
    """Whether the server holds back what the file does not."""
    meant = {_key(each) for each in written.get("schedules") or [] if each.get("active", True)}
    held = bool(known.get("paused")) and not written.get("paused")
    return held or bool(meant & _idle(known, resume=False))


def _equal(written: Deployment, known: Deployment) -> bool:
    meant = {_key(each) for each in written.get("schedules") or []}
    there = {_key(each["schedule"]) for each in known.get("schedules") or []}
    # A parameter that the file does not name has its default.
    return meant == there and all(
        (written.get(key) or None) == (known.get(key) or None) for key in SAID
    )


def _name(deployment: Deployment) -> str:
    """A deployment's name with that of the function that it runs."""
    return f"{str(deployment.get('entrypoint', '')).rpartition(':')[2]}/{deployment['name']}"


def _key(schedule: Mapping[str, Any]) -> str:
    """What tells one schedule of a deployment from another, in a file and on a server."""
    kind = next((kind for kind in KINDS if schedule.get(kind) is not None), "")
    value = str(schedule.get(kind))
    if kind == "interval":
        return f"{kind} {float(value)}"
    if kind == "rrule":
        # A server writes the rule's parts its own way, and a start before them.
        value = ";".join(sorted(PART.findall(value)))
    return f"{kind} {value} {schedule.get('timezone') or 'UTC'}"
