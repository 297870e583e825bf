"""A change of the champion that happens as a whole, or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from throughline.cache import CACHE, private
from throughline.paths import linked
from throughline.releasing import releases
from throughline.releasing.git import GitRefused, commit, git
from throughline.releasing.stages.standing import artifact


@contextmanager
def all_or_nothing(root: Path, name: str, committed: bool) -> Iterator[None]:
    """Take back records, commit and tags of a block that fails; the champion's record is as before.

    A hook may refuse the commit, git may not know who commits, a key may be missing for the tag,
    the disk may be full: what is undone needs no room on it.

    Args:
        root: the repository.
        name: the pipeline whose champion changes.
        committed: whether the block commits and tags.
    """
    crown = releases.folder_of(root, name) / releases.CHAMPION
    kept = root / CACHE / f"{name}-{releases.CHAMPION}"
    private(kept.parent)
    kept.unlink(missing_ok=True)
    if crown.exists():
        # Another name of the same file: the new one takes its place and does not write into it.
        linked(crown, kept)
    records = set(crown.parent.glob("v*.yaml"))
    head, tags = (commit(root), _tags(root, name)) if committed else ("", set())
    try:
        yield
    except BaseException:
        if committed:
            _take_back(root, name, head, tags)
        for record in set(crown.parent.glob("v*.yaml")) - records:
            record.unlink()
        if kept.exists():
            shutil.move(kept, crown)
        else:
            crown.unlink(missing_ok=True)
        raise
    finally:
        kept.unlink(missing_ok=True)


def _take_back(root: Path, name: str, head: str, tags: set[str]) -> None:
    """Remove the tags and the commit that came since; what failed first is what is told."""
    with suppress(GitRefused):
        new = sorted(_tags(root, name) - tags)
        if new:
            git(root, "tag", "--delete", *new)
    with suppress(GitRefused):
        # No commit but the one of this release: somebody else may have made another.
        if commit(root) != head and git(root, "rev-parse", "HEAD^") == head:
            git(root, "reset", "--quiet", "--soft", head)
    with suppress(GitRefused):
        git(root, "reset", "--quiet", "--", releases.folder_of(Path(), name).as_posix())


def _tags(root: Path, name: str) -> set[str]:
    every = (releases.tag(root, name, "v*"), f"{artifact(root, name)}[@#]*")
    return set(git(root, "tag", "--list", *every).split())
