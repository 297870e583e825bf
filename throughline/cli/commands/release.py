"""Commands about releases: make them, look at them, go back, rebuild them, say where from."""

from __future__ import annotations

import json
from pathlib import Path

import click

from throughline.cli.arguments import COMMIT, FILE, ONE_IF_ANY, PIPELINE, RELEASE
from throughline.cli.groups import Group
from throughline.errors import tell

ROOT = Path()


@click.group(cls=Group)
def release() -> None:
    """Make, list, show and compare releases, or go back to an older one."""


@release.command()
@PIPELINE
@COMMIT
@click.option("--push", is_flag=True, help="Send data and models to DVC's remote first.")
def create(name: str, commit: bool, push: bool) -> None:
    """Release what the pipeline's files hold now."""
    from throughline.releasing.promotion import created

    print(f"released {created(ROOT, name, commit, pushed=push)}")


@release.command()
@RELEASE
def push(release: str) -> None:
    """Send what a release names to DVC's remote, and fetch it again to prove it."""
    from throughline.releasing import releases
    from throughline.releasing.remote import push as pushed

    count = pushed(ROOT, releases.read(ROOT, *releases.parsed(release)))
    print(f"{release}: the remote holds its {count} files")


@release.command("list")
@ONE_IF_ANY
def list_(name: str | None) -> None:
    """All releases; * marks the champion."""
    from throughline.releasing.release import listed

    tell(listed(ROOT, name))


@release.command()
@RELEASE
def show(release: str) -> None:
    """A release's record."""
    from throughline.releasing.release import shown

    tell(shown(ROOT, release))


@release.command()
@click.argument("old", metavar="NAME@VERSION")
@click.argument("new", metavar="NAME@VERSION")
def diff(old: str, new: str) -> None:
    """What differs between two releases."""
    from throughline.releasing.release import compared

    tell(compared(ROOT, old, new))


@release.command()
@RELEASE
@click.argument("stage", metavar="STAGE")
def promote(release: str, stage: str) -> None:
    """Put a release into a stage such as production; an older one takes it back there."""
    from throughline.releasing.standing import promoted

    print(promoted(ROOT, release, stage))


@release.command()
@RELEASE
@COMMIT
def rollback(release: str, commit: bool) -> None:
    """Make an older release the champion again."""
    from throughline.releasing.promotion import rolled_back

    print(rolled_back(ROOT, release, commit))


@click.command()
@RELEASE
@click.option("--from-scratch", is_flag=True, help="Fetch the source again, not its kept copy.")
def reproduce(release: str, from_scratch: bool) -> int:
    """Rebuild a released model and prove that it is the same.

    The exit code is 1 when a file is not equal within tolerance.
    """
    from throughline.releasing.proof import CLOSE, ORDER
    from throughline.releasing.reproduce import reproduced, worst

    found = reproduced(ROOT.resolve(), release, from_scratch)
    return 0 if ORDER.index(worst(found)) <= ORDER.index(CLOSE) else 1


@click.command()
@RELEASE
@click.option(
    "--sbom",
    type=FILE,
    metavar="FILE",
    help="Write the environment as CycloneDX JSON.",
)
def lineage(release: str, sbom: Path | None) -> None:
    """Say what a released model came from, with hashes."""
    from throughline.limits import guarded
    from throughline.paths import replaced
    from throughline.releasing import releases
    from throughline.releasing.lineage import bill, lineage

    record = releases.read(ROOT, *releases.parsed(release))
    with guarded(f"releases/{release}", timed=False):
        tell("\n".join(lineage(record, ROOT)))
    if sbom:
        with replaced(sbom) as draft:
            draft.write_text(json.dumps(bill(), indent=2) + "\n", encoding="utf-8")
        print(f"wrote {sbom}")
