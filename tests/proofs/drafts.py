"""Queries as Hypothesis draws them: most are right and find something, the others are wrong in every way we know of.

Values mostly stand in the roster, or nearly so.
"""

import urllib.parse
from collections.abc import Callable, Iterator, Sequence

import msgspec
from hypothesis import strategies as st

from tests.proofs import evaluator
from tests.proofs.evaluator import MEMBERS, Record

METADATA = [f"metadata.{name}" for name in (
    "note", "メモ", "印.色", "jp.kanaGivenName", "jp.kanaFamilyName", "jp.homeClass", "jp.specialNeeds",
    "jp.ShussekiNo", "jp.shussekiNo", "jp.publicFlg", "jp", "nothing", "a.b.c",
)]  # fmt: skip
STRANGE = ("nothing", "familyname", "FamilyName", "SourcedId", "school", "roles", "terms", "metadata", "metadata.",
           "school.href", "school.type", "user.type", "roles.org", "roles.sourcedId", "grades.x", "givenName.x",
           "userIds.x", "roles..role", ".title", "title.", "", "givenName,familyName", "'", "*", "roles[0].role",
           "children", "parent", "orgs", "role")  # fmt: skip
PREDICATES = ("=", "=", "=", "!=", "!=", "~", "~", ">", ">=", "<", "<=")
BAD_PREDICATES = ("==", "<>", "=>", "=~", "!", "", "!~", ">>", " = ", " LIKE ")
INTEGERS = ("0", "-1", "1.0", "", "abc", "1e2", "2147483648", "99999999999999999999", "٣", "１", " 1", "0x1", "null")
DAYS = ("2026-02-30", "2026-13-01", "0000-01-01", "9999-12-31", "0001-01-01", "2026-4-1", "20260401", "2026-04", "2026",
        "2026-04-01T00:00:00Z", "01/04/2026", "令和8年4月1日", "２０２６-04-01",
        "2024-02-29", "1900-02-29", "2000-02-29")  # fmt: skip
INSTANTS = ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00.000+09:00", "2999-12-31T23:59:59.999Z", "2026-02-30T00:00:00Z",
            "2026-01-01T24:00:00Z", "2026-01-01T25:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:00",
            "2026-01-01 00:00:00Z", "now", "today", "infinity", "1767225600", "2026-W01-1", "2026-01-01T00:00:00+0900",
            "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00.1234567890123Z", "2026-01-01T00:00:00-23:59")  # fmt: skip
ODD = st.text("aAbＡß'',. %_\\花ﾊ𠮷İ-~=AND OR", max_size=6)


class Place(msgspec.Struct, frozen=True):
    """A collection, or a single record: what it gives without a query, and which values stand under which member."""

    path: str
    key: str
    element: str
    records: list[Record]
    values: dict[str, list[str]]
    single: bool = False


class Asked(msgspec.Struct, frozen=True):
    """A query to a place, decoded and as it is sent."""

    place: Place
    pairs: list[tuple[str, str]]
    sent: str


def members(element: str, before: str = "") -> Iterator[str]:
    """Every member that can be compared, with dots."""
    for name, fact in MEMBERS[element].items():
        if fact["type"] == "Metadata":
            yield from METADATA
        elif fact["type"].endswith("GUIDRef"):
            yield f"{before}{name}.sourcedId"
        elif fact["type"] == "string":
            yield f"{before}{name}"
        else:
            yield from members(fact["type"], f"{before}{name}.")


@st.composite
def queries(draw: st.DrawFn, places: Sequence[Place]) -> Asked:
    """A query to one of these places: most are right, and most of these find something."""
    place = draw(st.sampled_from(places))
    pairs: list[tuple[str, str]] = []
    if not place.single:
        if draw(_once_in(6)):
            pairs.append(("sort", draw(st.sampled_from([*MEMBERS[place.element], *members(place.element), *STRANGE]))))
        elif draw(_once_in(2)):
            pairs.append(("sort", draw(st.sampled_from([name for name in place.values if "." not in name]))))
        if draw(_once_in(3)):
            order = ("asc", "desc") if not draw(_once_in(30)) else ("DESC", "", "descending", "asc,desc")
            pairs.append(("orderBy", draw(st.sampled_from(order))))
        if not draw(_once_in(5)):
            pairs.append(("filter", draw(filters(place))))
        for name, most in (("limit", 12), ("offset", 30)):
            if draw(_once_in(2)):
                pairs.append((name, str(draw(st.integers(0 if name == "offset" else 1, most)))))
            elif draw(_once_in(12)):
                usual = st.sampled_from(("100", "10000", "10001", "2147483647"))
                pairs.append((name, draw(st.one_of(usual, st.sampled_from(INTEGERS)))))
                if draw(_once_in(8)):
                    pairs.append((name, "5"))
    if draw(_once_in(3)):
        pairs += [("fields", one) for one in draw(selections(place.element))]
    if draw(_once_in(20)):
        pairs.append(draw(st.sampled_from((("after_x", "1"), ("Limit", "2"), ("q", "花'子&"), ("filter[]", "x")))))
    pairs = draw(st.permutations(pairs))
    quote: Callable[[str], str] = draw(st.sampled_from((_fully, _fully, urllib.parse.quote_plus, _lightly)))
    sent = "&".join(f"{_fully(name)}={quote(value)}" for name, value in pairs)
    return Asked(place, list(pairs), sent)


def _fully(text: str) -> str:
    return urllib.parse.quote(text, safe="")


def _lightly(text: str) -> str:
    """As many clients do, with quotes and predicates as they are."""
    return urllib.parse.quote(text, safe="'=<>!~,:@/")


def _once_in(count: int) -> st.SearchStrategy[bool]:
    return st.sampled_from([*[False] * (count - 1), True])


@st.composite
def selections(draw: st.DrawFn, element: str) -> list[str]:
    """Values of `fields`, each a list."""
    known = st.sampled_from(list(MEMBERS[element]))
    lists = draw(st.lists(st.lists(known, min_size=1, max_size=4), min_size=1, max_size=3))
    comma = draw(st.sampled_from((",", ",", ", ", " , ")))
    if draw(_once_in(8)):
        lists[0].append(draw(st.sampled_from(("", " ", "nothing", "school.sourcedId", "SourcedId", "role", "*", "花"))))
    return [comma.join(one) for one in lists]


@st.composite
def filters(draw: st.DrawFn, place: Place) -> str:
    """One clause or several, and now and then something broken."""
    count = draw(st.sampled_from((1,) * 12 + (2,) * 9 + (3, 3, 4, 20, 21)))
    clauses = [draw(clauses_of(place)) for _ in range(min(count, 4))]
    clauses += clauses[:1] * (count - len(clauses))
    operator = draw(st.sampled_from((" AND ", " OR ")))
    text = operator.join(clauses)
    if count > 2 and draw(_once_in(6)):
        text = text[::-1].replace(operator[::-1], (" OR " if operator == " AND " else " AND ")[::-1], 1)[::-1]
    if draw(_once_in(15)):
        text = draw(broken(text))
    return text


@st.composite
def broken(draw: st.DrawFn, text: str) -> str:
    """The filter with a small damage, of which some do none."""
    place = draw(st.integers(0, len(text)))
    return draw(
        st.sampled_from(
            (
                text.replace("'", ""),
                text.replace("'", '"'),
                text.replace(" AND ", " and ").replace(" OR ", " or "),
                text.replace(" AND ", "  AND  ").replace(" OR ", " || "),
                text[:place] + text[place + 1 :],
                text[:place] + draw(st.sampled_from("' =()%a")) + text[place:],
                text[:place],
                text + " ",
                " " + text,
                text + " AND ",
                text + " AND x",
                f"({text})",
                f"NOT {text}",
                "",
                "'",
            )
        )
    )


@st.composite
def clauses_of(draw: st.DrawFn, place: Place) -> str:
    """A clause about a member of the place, mostly with a value that stands there."""
    filled = [name for name, values in place.values.items() if values]
    member = draw(st.sampled_from(filled if not draw(_once_in(6)) else list(place.values)))
    values = place.values[member]
    kind = evaluator.kind_of(place.element, member.split("."))
    usual = st.sampled_from(values) if values else ODD
    value = draw(usual)
    if draw(_once_in(2)):
        twisted = {"date": _days, "instant": _instants}.get(kind or "", _texts)(value, draw(usual))
        value = draw(st.sampled_from(twisted)) if not draw(_once_in(4)) else draw(ODD)
    if draw(_once_in(12)):
        value = ""
    if draw(_once_in(40)):
        member = draw(st.sampled_from(STRANGE))
    predicates = PREDICATES[: 7 if kind in evaluator.LISTS and not draw(_once_in(10)) else None]
    predicate = draw(st.sampled_from(predicates if not draw(_once_in(50)) else BAD_PREDICATES))
    value = value.replace("'", "''") if not draw(_once_in(3)) else value
    return f"{member}{predicate}'{value}'"


def _texts(value: str, other: str) -> list[str]:
    middle = len(value) // 2
    return [value.upper(), value.lower(), value.swapcase(), value.casefold(), value[:1], value[-1:], value[middle:],
            value[:middle], value[:-1], value + "a", f"{value},{other}", f"{other}, {value}", f"{value},", f" {value}",
            value + other, value.replace("0", "%"), f"%{value[1:]}", f"_{value[1:]}"]  # fmt: skip


def _days(value: str, other: str) -> list[str]:
    return [*DAYS, value[:7], value[5:], value[:4], f"{value} ", value.replace("-", "/"), other]


def _instants(value: str, other: str) -> list[str]:
    day, clock = value[:10], value[11:23]
    if not clock:
        return list(INSTANTS)
    hour = int(clock[:2])
    return [*INSTANTS, day, f"{day}T{clock}+00:00", f"{day}T{clock[:8]}Z", value.lower(), value.replace("T", " "),
            f"{day}T{clock}000Z", f"{day}T{clock}001Z", f"{day}T{hour:02}:{clock[3:]}-00:00",
            f"{day}T{(hour + 9) % 24:02}{clock[2:]}+09:00", f"{day}T{hour:02}{clock[2:]}+01:30", value[:16], value[:7],
            f"{value[:16]}Z", other]  # fmt: skip
