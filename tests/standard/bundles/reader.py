"""Reads the bytes of one CSV file into cells that know the physical line they begin on."""

import collections
import re

Cell = collections.namedtuple("Cell", "line text quoted")
BREAK = re.compile(r"\r\n|\r|\n")
FIELD = re.compile(r'"([^"]*(?:""[^"]*)*)"|([^",\r\n]*)')


def decode(data):
    """Turn bytes into text; return the text (None when it cannot be read) and the problems met."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace"), [("W-UTF16", 1, None, "")]
    problems = [("W-BOM", 1, None, "")] if data.startswith(b"\xef\xbb\xbf") else []
    data = data[3:] if problems else data
    try:
        return data.decode("utf-8"), problems
    except UnicodeDecodeError as error:
        line = 1 + len(re.findall(rb"\r\n|\r|\n", data[: error.start]))
        return None, [*problems, ("E-ENC", line, None, f"{data[error.start]:#04x}{cp932(data)}")]


def cp932(data):
    """Name CP932 when the bytes would decode as such."""
    try:
        data.decode("cp932")
        return " (CP932?)"
    except UnicodeDecodeError:
        return ""


def parse(text):
    """Split text into rows of cells; return rows, line ends as (line, end), and the problem that stopped it."""
    rows, ends, row, line, place = [], [], [], 1, 0
    while place < len(text) or row:
        found = FIELD.match(text, place)
        quoted = found.group(1) is not None
        value = found.group(1).replace('""', '"') if quoted else found.group(2)
        after = found.end()
        row.append(Cell(line, value, quoted))
        end = BREAK.match(text, after)
        if not (end or after == len(text) or text[after] == ","):
            return rows, ends, ("E-CSV", line, len(row) - 1, text[place : after + 10])
        line += len(BREAK.findall(found.group()))
        if end or after == len(text):
            rows.append(row)
            ends.append((line, end.group() if end else ""))
            row, line, place = [], line + 1, end.end() if end else after
        else:
            place = after + 1
    return rows, ends, None
