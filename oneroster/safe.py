"""What strangers wrote, made safe to show: on a terminal and in a log, in JSON, in a cell of a spreadsheet.

Everything that a person reads goes through here, whichever room it is shown in. What machines read, such as answers of
the API and exported bundles, is given as it came.
"""

import re
import struct
import unicodedata
from functools import lru_cache

PRESENTATION = "\ufe0e\ufe0f"
"""Asks for a glyph as text or emoji; terminals disagree about the width that makes, so it is left out."""

UNSEEN = {"Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"}
"""Control, format (bidi and zero-width marks among them), line ends, surrogates, private and unassigned."""

PILED = {"Mn", "Me"}
MARKS = 4
"""Marks over one another that a script may need; a flood of them would paint over other lines."""

FORMULA = ("=", "+", "-", "@", "|", "%", "＝", "＋", "－", "＠")
"""What makes a spreadsheet compute a cell that begins so."""

BLANKS = " \u3000"
AFTER = re.compile(rf";(?=[{BLANKS}]*[{re.escape(''.join(FORMULA))}])")


@lru_cache(maxsize=4096)
def shown(text: str) -> str:
    """On one line: control characters as `^[`, and every other character that steers or hides as `\\u202e`."""
    if text.isascii() and text.isprintable():
        return text
    found, marks = [], 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in PILED else 0
        if character not in PRESENTATION:
            found.append(_escaped(character) if marks > MARKS else _seen(character))
    return "".join(found)


def lines(text: str) -> str:
    """The same for a text of several lines."""
    return "\n".join(shown(line) for line in text.split("\n"))


def cell(text: str) -> str:
    """For a CSV file that people open: a cell that shows what it holds, and computes nothing.

    Where semicolons divide cells, as they do in some countries, a part of the text would be a cell of its own.
    """
    seen = AFTER.sub(";'", shown(text))
    begins = (text[:1], seen.lstrip(BLANKS)[:1])
    return f"'{seen}" if any(one and (one in FORMULA or _hides(one)) for one in begins) else seen


def json(encoded: str) -> str:
    """JSON that says the same, with all that steers or hides in its strings escaped."""
    if encoded.isascii() and "\x7f" not in encoded:
        return encoded
    found, marks = [], 0
    for one in encoded:
        marks = marks + 1 if unicodedata.category(one) in PILED else 0
        # Raw line breaks stand between members only.
        found.append(_units(one) if marks > MARKS or (one != "\n" and _hides(one)) else one)
    return "".join(found)


def _hides(character: str) -> bool:
    return unicodedata.category(character) in UNSEEN


def _seen(character: str) -> str:
    code = ord(character)
    if code < 0x20 or code == 0x7F:
        return "^" + chr(code ^ 0x40)
    if not _hides(character):
        return " " if character.isspace() and character != "\u3000" else character
    return _escaped(character)


def _escaped(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _units(character: str) -> str:
    """UTF-16, as escapes of JSON are."""
    encoded = character.encode("utf-16-le", "surrogatepass")
    return "".join(f"\\u{unit:04x}" for unit in struct.unpack(f"<{len(encoded) // 2}H", encoded))
