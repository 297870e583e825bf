"""A second person's word for a release in a stage, as a git tag that carries who said it when.

`approvals/iris@v2/production` is annotated and points at the commit of the release. Git does not
prove who somebody is: two addresses of one person count as two people. Where that matters,
`git config tag.gpgSign true` has every tag signed, and `git verify-tag` says by whom.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from throughline.errors import BadPipeline
from throughline.releasing import releases
from throughline.releasing.git import GitRefused, git, require_identity

APPROVALS = "approvals/"


def approved(root: Path, release: str, stage: str) -> str:
    """Note that whoever git knows here approves a release for a stage.

    Args:
        root: the repository.
        release: `NAME@VERSION`.
        stage: such as `production`.

    Returns:
        A line that says so.

    Raises:
        ThroughlineError: no such release, it has no tag, it is approved already, or it was
            released by the same person.
    """
    require_identity(root)
    name, version = releases.parsed(release)
    releases.read(root, name, version)
    tag = releases.tag(root, name, version)
    commit = releases.tagged(root, name, version)
    before = approver(root, name, version, stage)
    if before:
        raise BadPipeline(f"{release} is approved for {stage} already", before)
    me = _person(root, f"{git(root, 'var', 'GIT_COMMITTER_IDENT').rpartition('>')[0]}>")
    releaser = _tagger(root, tag)
    if _address(me) == _address(releaser):
        raise BadPipeline(
            f"{release} must be approved by another person than released it",
            me,
            "Have somebody else run this, with `git config user.email` of their own",
        )
    approval = _approval(root, name, version, stage)
    # One that does not count, because of who made it or where it points.
    with suppress(GitRefused):
        git(root, "tag", "--delete", approval)
    git(root, "tag", "--annotate", "--message", f"Approve {release} for {stage}", approval, commit)
    return f"{release}: approved for {stage} by {me}, {proof(root, name, version, stage)}"


def approver(root: Path, name: str, version: str, stage: str) -> str:
    """Who approved a release for a stage; empty where nobody did whose word counts."""
    tag = _approval(root, name, version, stage)
    if not git(root, "tag", "--list", tag):
        return ""
    who, released = _tagger(root, tag), releases.tag(root, name, version)
    same_commit = git(root, "rev-list", "-n", "1", f"refs/tags/{tag}") == git(
        root, "rev-list", "-n", "1", f"refs/tags/{released}"
    )
    if not who or not same_commit or _address(who) == _address(_tagger(root, released)):
        return ""
    return who


def proof(root: Path, name: str, version: str, stage: str) -> str:
    """What an approver's name rests on, as the end of a line."""
    tag = _approval(root, name, version, stage)
    if git(root, "for-each-ref", "--format=%(contents:signature)", f"refs/tags/{tag}"):
        return f"signed: `git verify-tag {tag}` says by whom"
    return "whom `git config user.email` said (unsigned: nothing proves it)"


def _approval(root: Path, name: str, version: str, stage: str) -> str:
    return f"{APPROVALS}{releases.tag(root, name, version)}/{stage}"


def _tagger(root: Path, tag: str) -> str:
    """`Name <address>` of who made an annotated tag; empty for one that is not."""
    who = git(root, "for-each-ref", "--format=%(taggername) %(taggeremail)", f"refs/tags/{tag}")
    return _person(root, who.strip()) if who.strip() else ""


def _person(root: Path, who: str) -> str:
    """`Name <address>`, one for all that `.mailmap` says are the same person."""
    return git(root, "check-mailmap", "--", who)


def _address(person: str) -> str:
    return person.rpartition("<")[2].rstrip(">").casefold()
