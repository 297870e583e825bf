"""Files that a user gives, as the model takes them: pictures, sounds and texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from throughline.serving.errors import BadRequest
from throughline.serving.rows.media.conversion import COMMANDS, PICTURE, SOUND
from throughline.serving.rows.packed import STANDARD_INPUT, content_of

ENDINGS = {
    **dict.fromkeys((".jpg", ".jpeg", ".jfif", ".png", ".gif", ".bmp", ".webp"), "image"),
    **dict.fromkeys((".avif", ".tif", ".tiff"), "image"),
    **dict.fromkeys((".wav", ".wave"), "sound"),
    # What reads them says how they are converted.
    **{each: "image" for each, command in COMMANDS.items() if command == PICTURE},
    **{each: "sound" for each, command in COMMANDS.items() if command == SOUND},
}
# Beginnings of texts that say their encoding.
MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def kind_of(files: Sequence[Path]) -> str | None:
    """What files are, image or sound, where all their endings say it; those of texts do not."""
    found = {ENDINGS.get(file.suffix.lower()) for file in files}
    return found.pop() if len(found) == 1 else None


def one_input(kind: str, inputs: Mapping[str, Mapping[str, Any]]) -> tuple[str, Mapping[str, Any]]:
    """The one input of a model that takes files of a kind alone.

    Raises:
        BadRequest: the model takes something else, or several inputs.
    """
    from throughline.serving.rows.media.image_files import picture_input
    from throughline.serving.rows.media.sound import sound_input

    if kind != "text":
        return picture_input(inputs) if kind == "image" else sound_input(inputs)
    names = [name for name, entry in inputs.items() if entry["type"] == "string"]
    if len(names) != 1 or len(inputs) != 1:
        raise BadRequest(
            "--text needs a model whose only input is a text. Received one with "
            f"{', '.join(inputs)}."
        )
    return names[0], inputs[names[0]]


def read_file(path: Path, entry: Mapping[str, Any], encoding: str = "utf-8") -> np.ndarray:
    """A file of the disk as a model takes it, one row; `-` is the standard input.

    Args:
        path: of the file.
        entry: what the model's metadata say of the input.
        encoding: of texts that do not say it themselves and are no UTF-8. Default: there are none.

    Raises:
        BadRequest: no such file, none of the kind, or a broken one.
    """
    piped = str(path) == STANDARD_INPUT
    name = "standard input" if piped else str(path)
    content = content_of(path)
    if entry["type"] == "string":
        text = np.empty(1, dtype=object)
        text[0] = _text(content, name, encoding)
        return text
    return taken_in(content, name, entry)


def _text(content: bytes, name: str, encoding: str) -> str:
    mark = next((each for start, each in MARKS.items() if content.startswith(start)), None)
    for each in [mark] if mark else ["utf-8", encoding]:
        try:
            return content.decode(each)
        except (UnicodeDecodeError, LookupError):
            continue
    raise BadRequest(f"'{name}' must be text in {mark or encoding}.")


def takes_files(entry: Mapping[str, Any]) -> bool:
    """Whether an input of pictures can be given as files: a bare waveform has no rate to read by.

    Args:
        entry: what the model's metadata say of the input.
    """
    return bool(entry.get("rate")) or list(entry["shape"][1:]) != [2, 1]


def taken_in(content: bytes, name: str, entry: Mapping[str, Any]) -> np.ndarray:
    """A picture or a sound file as a model takes it, one row of uint8.

    Args:
        content: of the file.
        name: of the file, for messages.
        entry: what the model's metadata say of the input; a sound has a `rate`.

    Raises:
        BadRequest: no file of the kind, or a broken one.
    """
    if entry.get("rate"):
        from throughline.serving.rows.media.sound import stored_sound

        return stored_sound(content, name, entry["rate"], entry["shape"][0])[0][None]
    from throughline.serving.rows.media.image_files import read_picture

    return read_picture(content, name, entry)
