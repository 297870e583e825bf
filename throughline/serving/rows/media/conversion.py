"""Files of kinds that nothing here reads, and what makes files of them that are read."""

from __future__ import annotations

import shlex
from pathlib import PurePath

# `{0}` is the file's name, `{1}` the same without its ending.
PICTURE, SOUND = "magick {0} {1}.jpg", "ffmpeg -i {0} {1}.wav"
DOCUMENT, OFFICE = "pandoc -t plain {0} -o {1}.txt", "soffice --headless --convert-to txt:Text {0}"
COMMANDS = {
    **dict.fromkeys((".heic", ".heif", ".jp2", ".jxl", ".psd", ".svg", ".dng", ".cr2"), PICTURE),
    **dict.fromkeys((".mp3", ".flac", ".ogg", ".m4a", ".aac", ".opus", ".wma"), SOUND),
    **dict.fromkeys((".aif", ".aiff", ".au", ".caf", ".amr"), SOUND),
    **dict.fromkeys((".html", ".htm", ".docx", ".odt", ".rtf", ".epub"), DOCUMENT),
    ".doc": OFFICE,
    ".pdf": "pdftotext {0} {1}.txt",
}


def ending(name: str) -> str:
    """The ending of a file's name, in small letters."""
    return PurePath(name).suffix.lower()


def command(name: str) -> str:
    """What makes a file that is read of one of such a kind, as a shell takes it.

    Args:
        name: of the file; its ending is one of `COMMANDS`.

    >>> command("night 1.flac")
    "ffmpeg -i 'night 1.flac' 'night 1'.wav"
    """
    stem = name.removesuffix(PurePath(name).suffix)
    return COMMANDS[ending(name)].format(shlex.quote(name), shlex.quote(stem))


def remedy(name: str, otherwise: str) -> str:
    """A sentence that says how to convert a file; `otherwise` where its ending says nothing."""
    return f"Convert it: {command(name)}" if ending(name) in COMMANDS else otherwise
