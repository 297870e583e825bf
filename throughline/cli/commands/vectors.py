"""`throughline vectors`: looks at the word vectors of a pipeline's source."""

from __future__ import annotations

from pathlib import Path

from throughline.errors import BadData, printable
from throughline.paths import Workspace, needed

# Words that the projector shows; more make the browser slow.
PROJECTED = 4000


def vectors(workspace: Workspace, action: str, words: list[str], count: int) -> None:
    """Print the nearest words or an analogy, or write files for TensorBoard's projector.

    Args:
        workspace: of a pipeline whose source has one auxiliary file of vectors.
        action: `nearest` with a word, `analogy` with three words, `projector` with a folder.
        words: what the action takes.
        count: of words.

    Raises:
        BadData: no vectors, a word that they do not have, or too few words.
    """
    from throughline.preprocessing.columns.neighbours import analogy, nearest_words, write_projector
    from throughline.preprocessing.columns.texts.vectors import read_vectors

    wanted = {"nearest": 1, "analogy": 3, "projector": 1}[action]
    if len(words) != wanted:
        raise BadData(f"'vectors {action}' takes {wanted} words", words)
    folder = needed(workspace.raw, "ingest") / "files"
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    if len(files) != 1:
        raise BadData(
            "The source must have one auxiliary file of word vectors",
            [path.name for path in files],
            "Name it in `source.files`",
        )
    held = read_vectors(files[0])
    if action == "projector":
        write_projector(held, Path(words[0]), PROJECTED)
        print(f"wrote {min(PROJECTED, len(held.words))} vectors to {words[0]}")
        return
    if action == "nearest":
        found = nearest_words(held, words[0], count)
    else:
        found = analogy(held, words[0], words[1], words[2], count)
    for word, cosine in found:
        print(f"{printable(word)}\t{cosine:.4f}")
