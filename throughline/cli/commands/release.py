"""Commands about releases: make them, look at them, go back, rebuild them, say where from."""

from __future__ import annotations

import json
from pathlib import Path

import click

from throughline.cli.arguments import COMMIT, FILE, ONE_IF_ANY, PIPELINE, PIPELINES, RELEASE
from throughline.cli.command_groups import Group, refuse_code
from throughline.errors import tell
from throughline.names import PRODUCTION

ROOT = Path()
STAGE = click.argument("stage", metavar="STAGE")


# What git does for them starts hooks, filters and transports that `.git/config` names.
WRITING = ("create", "push", "pull", "approve", "promote", "rollback")


@click.group(cls=Group)
@click.pass_context
def release(context: click.Context) -> None:
    """Make, list, show and compare releases, or go back to an older one."""
    refuse_code(context.invoked_subcommand, WRITING, "programs that .git/config names")


@release.command()
@PIPELINE
@COMMIT
@click.option(
    "--push", is_flag=True, help="Send data and models to DVC's remote, commits and tags to git's."
)
def create(name: str, commit: bool, push: bool) -> None:
    """Release what the pipeline's files hold now; it becomes the champion if production takes it.

    What production asks for stands in section `stages` of params.yaml and of the pipeline's file.
    """
    from throughline.releasing.promotion import awaited, created

    released = created(ROOT, name, commit, pushed=push)
    tell(f"released {released}{awaited(ROOT, released)}")


@release.command()
@RELEASE
def push(release: str) -> None:
    """Send a release to the remotes of DVC and git, and fetch it again to prove it."""
    from throughline.releasing import releases
    from throughline.releasing.remote import push as pushed
    from throughline.releasing.sharing import prove, share

    name, version = releases.parsed(release)
    count = pushed(ROOT, releases.read(ROOT, name, version))
    print(f"{release}: DVC's remote holds its {count} files")
    summary = share(ROOT, name)
    prove(ROOT, name)
    tell(summary)


@release.command()
@PIPELINES
def pull(names: tuple[str, ...]) -> None:
    """Give servers the champions that git names, by default of all pipelines.

    After `git pull`: models come from DVC's cache or remote.
    """
    from throughline.releasing import releases
    from throughline.releasing.promotion import champion_file, settle

    for name in names or releases.pipelines(ROOT):
        settle(ROOT, name, committed=False)
        version = releases.champion(ROOT, name) or "none yet"
        tell(f"{name}: champion {version}  {champion_file(ROOT, name) if version else ''}".rstrip())


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
@STAGE
def approve(release: str, stage: str) -> None:
    """Say, as another person than released it, that a release may stand in a stage."""
    from throughline.releasing.stages.approval import approved

    tell(approved(ROOT, release, stage))


@release.command()
@RELEASE
@STAGE
def promote(release: str, stage: str) -> None:
    """Put a release into a stage, if it has all that the stage asks for.

    What stands in `production` is the champion.
    """
    from throughline.releasing.stages.moving import promoted

    tell(promoted(ROOT, release, stage))


@release.command()
@RELEASE
@click.argument("stage", default=PRODUCTION, metavar="[STAGE]")
@COMMIT
def rollback(release: str, stage: str, commit: bool) -> None:
    """Put a release back into a stage that it stood in, by default production: the champion."""
    from throughline.releasing.stages.moving import rolled_back

    tell(rolled_back(ROOT, release, stage, commit))


@click.command()
@RELEASE
@click.option("--from-scratch", is_flag=True, help="Fetch the source again, not its kept copy.")
def reproduce(release: str, from_scratch: bool) -> int:
    """Rebuild a released model and prove that it is the same.

    The exit code is 1 when a file is not equal within tolerance.
    """
    from throughline.releasing.reproducing.proof import CLOSE, ORDER
    from throughline.releasing.reproducing.reproduce import reproduced, worst

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
