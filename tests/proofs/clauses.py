"""Clauses of a filter, right and wrong, as the sheet has them (REST section 2.5).

What the sheet leaves open is asked with every answer that it allows, or not at all.
"""

import random
import string
from collections.abc import Iterator

import msgspec

from tests.proofs.document import Document

Answers = frozenset[tuple[int, str]]
OK, BAD_FILTER = (200, ""), (400, "invalid_filter_field")
ODD = "'\"\\%_$;:,.<>()[]{}|&=+~!?#@/`^*- \t\n\x00\x7fé髙﨑日本ｱ\u200b\u202e\u0301\U0001f34e"
WORDS = ("active", "tobedeleted", "student", "teacher", "true", "false", "school", "term", "y-1", "t/1", "u/000", "09",
         "09,10", "O'Brien", "日本", "a' AND b", "x' OR 'y", "%", "_", "\\", "", " ", "''", "urn:uuid:x")  # fmt: skip
DAYS = ("2026-04-01", "2012-02-29", "0001-01-01", "9999-12-31")
INSTANTS = (*DAYS, "2026-08-30T07:15:00Z", "2026-08-30T07:15:00.123Z", "2026-08-30T07:15:00.123456+09:00",
            "1970-01-01T00:00:00-12:00", "2099-12-31T23:59:59Z")  # fmt: skip
NO_DAYS = ("yesterday", "2026-02-30", "2026-13-01", "01/04/2026", "令和8年", "2026", "2026-4-1", "\U0001f34e")
SIX = ("=", "!=", ">", ">=", "<", "<=")


class Leaf(msgspec.Struct, frozen=True):
    """A value of a record that can be filtered by: its dotted name, and what it is: text, date, instant or list."""

    name: str
    kind: str


def leaves(document: Document, element: str, before: str = "") -> Iterator[Leaf]:
    """All that records of that schema can be filtered by."""
    for name, one in document.schemas[element]["properties"].items():
        if name == "password" or before.count("."):
            continue  # nobody shows them; and what credentials hold is not asked for
        inner = one.get("items", one)
        part = inner.get("$ref", "").rpartition("/")[2]
        if part == "MetadataDType":
            yield from (Leaf(f"metadata.{path}", "text") for path in ("jp.kanaFamilyName", "a.b.c", "日本", "x-1"))
        elif "GUIDRef" in part:
            yield Leaf(f"{before}{name}.sourcedId", "list" if "items" in one else "text")
        elif part == "CredentialDType":
            continue
        elif part:
            yield from leaves(document, part, f"{name}.")
        else:
            kinds = {"date": "date", "date-time": "instant"}
            yield Leaf(f"{before}{name}", "list" if "items" in one else kinds.get(inner.get("format", ""), "text"))


def right(leaf: Leaf, chance: random.Random) -> tuple[str, Answers]:
    """A clause of the right form; what compares with no date is refused, and what the sheet leaves open may be."""
    predicate, allows = chance.choice((*SIX, "~")), frozenset({OK})
    if leaf.name.startswith("metadata.") and chance.random() < 0.3:
        name = "".join(sorted(set(odd(chance, 1, 5)) - set(" \t\n.'=!<>~"))) or "x"
        leaf, allows = Leaf(f"metadata.{name}", leaf.kind), frozenset({OK, BAD_FILTER})
    if leaf.kind == "list":
        predicate = chance.choice(("=", "!=", "~"))
    if leaf.kind in ("date", "instant"):
        if predicate == "~":
            allows |= {BAD_FILTER}
        value = chance.choice(DAYS if leaf.kind == "date" else INSTANTS)
        if chance.random() < 0.25 and predicate != "~":
            value, allows = chance.choice(NO_DAYS), frozenset({BAD_FILTER})
    else:
        value = chance.choice((*WORDS, odd(chance, 0, 20).replace("\x00", "")))
        if "." in leaf.name and predicate not in ("=", "!=", "~"):
            allows |= {BAD_FILTER}
    return f"{leaf.name}{predicate}'{value.replace(chr(39), chr(39) * 2)}'", allows


def wrong(name: str, chance: random.Random) -> str:
    """A filter that no reading of the grammar can apply."""
    noise = odd(chance, 0, 20).replace("'", "")
    return chance.choice((
        "", " ", "'", "''", "=", name, f"{name}=", f"{name}=x", f"{name}=x'", f"{name}='x", f'{name}="x"',
        f"{name}=='x'", f"{name}<>'x'", f"{name} = 'x'", f" {name}='x'", f"{name}='x' ", f"{name}='x' AND ",
        f"{name}='x' AND", f"AND {name}='x'", f"{name}='x' AND {name}='y' OR {name}='z'", f"({name}='x')",
        f"{name}='x' AND nonsense", f"{name}='x' AND {name}", "nonsense='x'", "familyname='x'", "SOURCEDID='x'",
        f"{name}.nonsense='x'", f".{name}='x'", f"{name}.='x'", "='x'", f"!{name}='x'", f"{name}!'x'", noise,
        f"{name}={noise}", f"{name}=%27x%27", f"{name} eq 'x'", f"{name} LIKE 'x'", "1=1", "'1'='1'", f"{name}=‘x’",
        "status='active';",
    ))  # fmt: skip


def odd(chance: random.Random, least: int, most: int) -> str:
    """A text of so many characters, most of which mean something to somebody."""
    letters = ODD if chance.random() < 0.5 else ODD + string.ascii_letters + string.digits
    return "".join(chance.choices(letters, k=chance.randint(least, most)))
