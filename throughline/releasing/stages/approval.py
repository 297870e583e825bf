"""A second person's word for a release in a stage, as a git tag that carries who said it when.

`approvals/iris@v2/production` is annotated and points at the commit of the release. Git does not
prove who somebody is: two addresses of one person count as two people. Where that matters, a stage
asks for `approval: signed`: git must verify the tags of release and approval as signed by those
whom they name.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from throughline.errors import BadPipeline
from throughline.releasing import releases
from throughline.releasing.git import GitRefused, git, require_identity, signer
from throughline.releasing.stages.conditions import SIGNED, asked

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
        ThroughlineError: no such release, it has no tag, it is approved already, it was released
            by the same person, or the stage asks for a signature and git has no key to sign with.
    """
    require_identity(root)
    name, version = releases.parsed(release)
    releases.read(root, name, version)
    tag = releases.tag(root, name, version)
    commit = releases.tagged(root, name, version)
    before = approver(root, name, version, stage)
    signs = any(each.approval == SIGNED for each in asked(root, name, stage))
    if before and not (signs and unproved(root, name, version, stage)):
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
    how = "--sign" if signs else "--annotate"
    git(root, "tag", how, "--message", f"Approve {release} for {stage}", approval, commit)
    # Where ssh finds no key, git up to 2.39 says that all went well.
    if signs and not _signature(root, approval):
        git(root, "tag", "--delete", approval)
        raise GitRefused(
            f"{stage} asks for a signature, and git has no key that signs",
            remedy="Run `git config gpg.format ssh` and `git config user.signingKey KEY`",
        )
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


def unproved(root: Path, name: str, version: str, stage: str) -> list[str]:
    """Which of the tags of release and approval git does not verify as their makers', a line each.

    Both: whoever releases in another's name could else approve their own release.
    """
    found = []
    for tag in (releases.tag(root, name, version), _approval(root, name, version, stage)):
        maker = _address(_tagger(root, tag))
        # What is signed is the object; anybody can lay it under another name.
        named = git(root, "for-each-ref", "--format=%(tag)", f"refs/tags/{tag}")
        if named != tag:
            found.append(f"a signature of the tag {tag} (it is one of {named or 'nothing'})")
            continue
        try:
            signed = _address(_person(root, f"<{signer(root, tag)}>"))
        except GitRefused as error:
            found.append(f"a signature of the tag {tag} ({error})")
            continue
        if signed != maker:
            found.append(f"a signature of the tag {tag} by {maker} (it is signed by {signed})")
    return found


def proof(root: Path, name: str, version: str, stage: str) -> str:
    """What an approver's name rests on, as the end of a line."""
    tag = _approval(root, name, version, stage)
    if _signature(root, tag):
        return f"signed: `git verify-tag {tag}` says by whom"
    return "whom `git config user.email` said (unsigned: nothing proves it)"


def _signature(root: Path, tag: str) -> str:
    return git(root, "for-each-ref", "--format=%(contents:signature)", f"refs/tags/{tag}")


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
