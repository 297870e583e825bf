"""Git's remote, for releases: commits and tags go there as a whole, and come back."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from throughline.cache import CACHE, private
from throughline.errors import ThroughlineError
from throughline.pipeline.yaml_file import YamlFile
from throughline.releasing import releases
from throughline.releasing.git import GitRefused, git, prefix
from throughline.releasing.stages.approval import APPROVALS
from throughline.releasing.stages.standing import artifact


class NotShared(ThroughlineError):
    """What came back from git's remote is not what was sent; the message says what."""


def remote_of(root: Path) -> str:
    """The remote that the branch is pushed to, else `origin`; empty where there is none."""
    known = git(root, "remote").split()
    branch = git(root, "rev-parse", "--abbrev-ref", "HEAD")
    try:
        own = git(root, "config", f"branch.{branch}.remote")
    except GitRefused:
        own = ""
    return next((name for name in (own, "origin", *known[:1]) if name in known), "")


def learn_versions(root: Path, name: str) -> None:
    """Fetch the tags of a pipeline's releases: a version that others have is not given again.

    Raises:
        GitRefused: the remote is away.
        NotShared: it has another release, or another stage, under a tag of ours.
    """
    remote = remote_of(root)
    if not remote:
        return
    patterns = [f"refs/tags/{tag}" for tag in _patterns(root, name)]
    theirs = _by_tag(git(root, "ls-remote", "--refs", remote, *patterns))
    ours = _by_tag(git(root, "for-each-ref", "--format=%(objectname)%09%(refname)", "refs/tags"))
    for tag in sorted(theirs.keys() & ours.keys()):
        if theirs[tag] != ours[tag]:
            raise NotShared(
                f"{tag.removeprefix('refs/tags/')} must mean the same here and on {remote}",
                "two releases of one version, made apart",
                "Take the remote's: `git fetch --tags --force`, `git reset` to its branch, release "
                "again",
            )
    git(root, "fetch", "--quiet", "--no-tags", remote, *(f"{tag}:{tag}" for tag in patterns))


def _by_tag(listing: str) -> dict[str, str]:
    """Objects by the names of their tags, of lines with both."""
    lines = (line.split("\t") for line in listing.splitlines())
    return {tag: digest for digest, tag in lines}


def share(root: Path, name: str) -> str:
    """Send the branch, and a pipeline's releases, stages and approvals, all of them or none.

    Args:
        root: the repository.
        name: the pipeline.

    Returns:
        A line that says what went where.

    Raises:
        GitRefused: the remote is away or refuses: it has commits or tags that are not here.
    """
    remote = remote_of(root)
    if not remote:
        return "git has no remote: commits and tags stay here"
    branch = git(root, "rev-parse", "--abbrev-ref", "HEAD")
    # Without a branch, the tags bring their commits along.
    heads = [] if branch == "HEAD" else [f"HEAD:refs/heads/{branch}"]
    tags = _tags(root, name)
    git(root, "push", "--quiet", "--atomic", remote, *heads, *tags)
    return f"{remote} holds {f'{branch} and ' if heads else ''}{len(tags)} tags"


def prove(root: Path, name: str) -> None:
    """Fetch what `share` sent into an empty folder, and read the newest release there.

    Raises:
        GitRefused: the remote is away, or has less.
        NotShared: it gives something else back.
    """
    remote = remote_of(root)
    if not remote:
        return
    address, tags = git(root, "remote", "get-url", remote), _tags(root, name)
    newest = releases.versions(root, name)[-1]
    path = releases.record_of(Path(), name, newest).as_posix()
    with TemporaryDirectory(dir=private(root / CACHE)) as empty:
        folder = Path(empty)
        git(folder, "init", "--quiet")
        git(folder, "fetch", "--quiet", "--depth", "1", _absolute(root, address),
            *(f"{tag}:{tag}" for tag in tags))  # fmt: skip
        for tag in tags:
            _equal(tag, git(root, "rev-parse", tag), git(folder, "rev-parse", tag))
        own = releases.tag(root, name, newest)
        text = git(folder, "show", f"refs/tags/{own}:{prefix(root)}{path}")
    _equal(path, releases.read(root, name, newest), YamlFile(Path(path), text).content)


def _absolute(root: Path, address: str) -> str:
    """An address that is the same from another folder."""
    local = root / address
    return str(local.resolve()) if "://" not in address and local.exists() else address


def _equal(what: str, sent: object, back: object) -> None:
    if sent != back:
        raise NotShared(f"Git's remote must give {what} back as it was sent", str(back)[:80])


def _tags(root: Path, name: str) -> list[str]:
    """The tags of a pipeline's releases, stages and approvals."""
    approvals = f"{APPROVALS}{releases.tag(root, name, 'v*')}"
    found = git(root, "tag", "--list", *_patterns(root, name), approvals)
    return [f"refs/tags/{tag}" for tag in found.split()]


def _patterns(root: Path, name: str) -> tuple[str, ...]:
    """The tags of a pipeline's releases and stages."""
    return releases.tag(root, name, "v*"), f"{artifact(root, name)}*"
