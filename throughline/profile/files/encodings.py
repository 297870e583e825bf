"""In which encoding the bytes of a text are, where that can be told."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from throughline.errors import BadData

# Of the bytes of a text in UTF-16 every other is 0, as far as it is in Latin letters.
ZEROS, BYTES_LOOKED_AT = 0.4, 2000
WESTERN = "cp1252"
# What nobody can tell apart by bytes alone; a reading is offered where it is all words.
OTHERS = (
    "cp949", "cp932", "gb18030", "big5", "cp1251", "koi8-r", "cp1253", "cp1255", "cp1256",
    "cp874", "cp1250", "cp437", "mac-roman",
)  # fmt: skip
MOST_OFFERED, LONGEST_SHOWN = 4, 9
# Lines that hold more than ASCII are looked at, up to so many bytes.
MOST_LOOKED_AT = 1 << 16
BEYOND_ASCII = re.compile(rb"[\x80-\xff]+")
# Western words hardly have three letters with accents in a row; others have little else.
LONG_RUN, STRANGE, WORDS = 3, 0.2, 0.9
# What Western texts have beside letters.
USUAL = frozenset("’‘“”„–—…€£°«»§½¼¾²³±·®©™¿¡•×÷\u00a0")
# Two bytes of these begin the characters in daily use, and others the rare ones.
DAILY = {
    "cp932": (b"\x81", b"\x98"), "gb18030": (b"\xa1", b"\xd7"), "big5": (b"\xa1", b"\xc6"),
    "cp949": (b"\xb0", b"\xc8"),
}  # fmt: skip


def encoding_of(content: bytes, name: str) -> str:
    """The encoding that a text may be in: UTF-8 where it can be, else that of Western Europe.

    Args:
        content: of the file.
        name: of the file, for messages.

    Raises:
        BadData: the bytes are neither; names the readings that are words.
    """
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    start = content[:BYTES_LOOKED_AT]
    zeros = [start[place::2].count(0) / max(1, len(start) / 2) for place in (0, 1)]
    if max(zeros) > ZEROS and min(zeros) == 0:
        return "utf-16-le" if zeros[1] else "utf-16-be"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        return "utf-8"
    lines = _beyond_ascii(content)
    if _is_western(lines):
        return WESTERN
    offered = _readings(lines)
    raise BadData(
        f"'{name}' must be in UTF-8, or its encoding be named: its bytes alone do not tell it",
        ", ".join(f"'{word}' in {encoding}" for encoding, word in offered) or "no words in any",
        "Give the encoding that shows the words as they are by --encoding (source.read.encoding)",
    )


def shown(content: bytes, encoding: str) -> str:
    """A word of the file that tells a wrong encoding to whoever knows the file."""
    return _word(_beyond_ascii(content).decode(encoding, "replace"))


def _beyond_ascii(content: bytes) -> bytes:
    found, size = [], 0
    for line in content.split(b"\n"):
        if not line.isascii():
            found.append(line)
            size += len(line)
            if size > MOST_LOOKED_AT:
                break
    return b"\n".join(found)


def _is_western(lines: bytes) -> bool:
    """Whether the bytes are words in cp1252, as far as one can tell."""
    try:
        text = lines.decode(WESTERN)
    except UnicodeDecodeError:
        return False
    runs = [len(run) for run in BEYOND_ASCII.findall(lines)]
    in_words = sum(run for run in runs if run >= LONG_RUN)
    strange = sum(not _is_usual(text, place) for place, c in enumerate(text) if not c.isascii())
    return max(in_words, strange) <= STRANGE * sum(runs)


def _is_usual(text: str, place: int) -> bool:
    """Whether a character stands where Western texts have it: no sign within a word."""
    if unicodedata.category(text[place])[0] == "L" and text[place] != "ƒ":
        return True
    before, behind = text[place - 1 : place], text[place + 1 : place + 2]
    within = before.isalpha() and behind.isalpha() and text[place] not in "’–—…·°"
    return (text[place] in USUAL and not within) or (text[place] == "¥" and behind.isdigit())


def _readings(lines: bytes) -> list[tuple[str, str]]:
    """Encodings in which the bytes are words, with one of these; likeliest first."""
    found = []
    for encoding in OTHERS:
        try:
            text = lines.decode(encoding)
        except UnicodeDecodeError:
            continue
        beyond = [c for c in text if not c.isascii()]
        letters = sum(unicodedata.category(c)[0] in "LM" for c in beyond)
        if letters >= WORDS * len(beyond):
            found.append((_likely(text, encoding), encoding, _word(text)))
    found.sort(key=lambda each: -each[0])
    return [(encoding, word) for _, encoding, word in found[:MOST_OFFERED]]


def _likely(text: str, encoding: str) -> float:
    """The share of characters that are in daily use, or in the case that words have."""
    beyond = [c for c in text if not c.isascii()]
    if encoding in DAILY:
        first, last = DAILY[encoding]
        return sum(first <= c.encode(encoding)[:1] <= last for c in beyond) / len(beyond)
    words = re.findall(r"[^\W\d_]+", text)
    cased = sum(len(word) for word in words if word.islower() or word.istitle() or word.isupper())
    uncased = sum(len(word) for word in words if word.lower() == word.upper())
    scripts = Counter(unicodedata.name(c, "?").split()[0] for c in beyond)
    one = scripts.most_common(1)[0][1] / len(beyond)
    return one * (cased + uncased) / max(1, sum(map(len, words)))


def _word(text: str) -> str:
    words = [word for word in re.findall(r"[^\W\d_]+", text) if not word.isascii()]
    return max(words, key=len, default="")[:LONGEST_SHOWN]
