"""The dozen kinds of value a OneRoster cell can hold: how a filled cell looks, and what it means.

Every kind knows three things: a regular expression for a filled cell (CSV binding section 2, Types), the
code of the problem when it does not match, and the PostgreSQL type its value is stored in.
"""

import datetime
import functools
import re
from collections.abc import Sequence

import msgspec


class Kind(msgspec.Struct, frozen=True):
    """A kind of value."""

    name: str
    pattern: str
    code: str
    """The problem code of a cell that does not match."""
    sql: str
    """The type of the column it is stored in."""
    many: bool = False
    """A comma-separated list in one cell."""


_GUID = r"[A-Za-z0-9.\-_/@]{1,255}"
_CONTROL = r"\x00-\x08\x0a-\x1f\x7f"
_USER_ID = rf"\{{[^{{}}:{_CONTROL}]+:[^{{}}{_CONTROL}]+\}}"

TEXT = Kind("text", rf"[^{_CONTROL}]*", "E-TEXT", "text")
TEXTS = Kind("list of texts", rf"[^{_CONTROL}]*", "E-TEXT", "text[]", many=True)
GUID = Kind("id", _GUID, "E-GUID", "text")
GUIDS = Kind("list of ids", rf" *{_GUID} *(?:, *{_GUID} *)*", "E-GUID", "text[]", many=True)
WORD = Kind("word of a vocabulary", r".+", "E-ENUM", "text")
BOOLEAN = Kind("boolean", r"true|false", "E-BOOL", "boolean")
DATE = Kind("date", r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "E-DATE", "date")
INSTANT = Kind(
    "instant",
    # PostgreSQL takes offsets below 16 hours.
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-](?:0[0-9]|1[0-5]):[0-5][0-9])",
    "E-INSTANT",
    "timestamptz",
)
YEAR = Kind("year", r"[0-9]{4}", "E-YEAR", "text")
INTEGER = Kind("integer", r"-?[0-9]{1,9}", "E-INTEGER", "integer")
USER_IDS = Kind("list of {type:identifier}", rf" *{_USER_ID} *(?:, *{_USER_ID} *)*", "E-USERIDS", "json", many=True)

ALL = (TEXT, TEXTS, GUID, GUIDS, WORD, BOOLEAN, DATE, INSTANT, YEAR, INTEGER, USER_IDS)


@functools.lru_cache(maxsize=20_000)
def is_date(text: str) -> bool:
    """Whether a text of the right form names a day of the calendar."""
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return True


@functools.lru_cache(maxsize=2_000)
def is_instant(text: str) -> bool:
    """Whether a text of the right form names an instant, in the years 1 to 9999 also where it is told as UTC."""
    try:
        datetime.datetime.fromisoformat(text).astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        return False
    return True


def items(text: str) -> list[str]:
    """The items of a comma-separated cell, blanks around them and blank items left out (CSV binding section 2)."""
    return [item for item in map(str.strip, text.split(",")) if item]


def user_ids(text: str) -> list[dict[str, str]]:
    """`{LDAP:abc},{LTI:x}` as the JSON binding has it (REST section 4.7)."""
    return [
        {"type": kind.strip(), "identifier": identifier.strip()}
        for kind, identifier in re.findall(r"\{([^{}:]+):([^{}]+)\}", text)
    ]


def array_literal(values: Sequence[str]) -> str:
    """A PostgreSQL array literal of texts."""
    text = '","'.join([value.replace("\\", "\\\\").replace('"', '\\"') for value in values])
    return f'{{"{text}"}}' if values else "{}"


def stored(kind: Kind, text: str) -> str:
    """A filled, checked cell as the input text of the column type `kind.sql`; "" where it holds nothing."""
    if kind is USER_IDS:
        return msgspec.json.encode(user_ids(text)).decode()
    if kind.many:
        values = items(text)
        return array_literal(values) if values else ""
    return text


def csv_text(kind: Kind, value: object) -> str:
    """A stored value as a CSV cell: the inverse of `stored` for values read back from the database."""
    if value is None:
        return ""
    if kind is USER_IDS:
        return ",".join("{" + f"{one['type']}:{one['identifier']}" + "}" for one in value)  # type: ignore[attr-defined]
    if kind.many:
        return ",".join(value)  # type: ignore[arg-type]
    if kind is BOOLEAN:
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        fine = "microseconds" if value.microsecond % 1000 else "milliseconds"
        return value.astimezone(datetime.UTC).isoformat(timespec=fine).replace("+00:00", "Z")
    return str(value)
