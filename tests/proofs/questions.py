"""Requests to the 41 operations, right and wrong in every way, each with what the sheet says of its answer.

The generator knows whether what it makes is right because it made it so: nothing of the product is asked. Members come
from the official document, ids from the bundles. What the standard leaves open is either asked with every answer that
it allows, or not at all.
"""

import random
import string
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from tests.proofs import clauses
from tests.proofs.clauses import BAD_FILTER, OK
from tests.proofs.document import Document, Expected, Operation
from tests.story.bundles import Files

SCOPES = ("roster.readonly", "roster-core.readonly", "roster-demographics.readonly")
UNKNOWN, BAD, BAD_FIELDS = (404, "unknownobject"), (400, "invaliddata"), (400, "invalid_selection_field")
INT32 = 2**31 - 1
WRONG_COUNTS = (
    "", "-1", "1.5", "1e2", "0x10", "ten", " 5", "5 ", "+5", "１", "٣", "null", "'5'", "5,6", "\n5", str(INT32 + 1),
    str(2**63), "9" * 40, "NaN", "-0.0", "1;2", "\x00", "--1", "1_000",
)  # fmt: skip
RAW = ("%FF", "%ED%A0%80", "%C3%28", "%", "%zz", "%u3042")
"""What no UTF-8 comes from: never more than an unknown id, or a text that nothing holds."""
STRANGE_IDS = ("no-such", "..", ".", "a/../b", " ", "'", "''", "\x00", "%00", "*", "日本", "\U0001f34e", "x" * 300,
               "-1", "null", "undefined", "{sourcedId}", "u/000/", "U/000", "a?b", "a#b", "a;b", "<x>")  # fmt: skip
NAMES = ("foo", "q", "$top", "Limit", "OFFSET", "page", "sortBy", "order", "format", "日本", "a[b]", "filter[]", "")
"""Parameters that are none."""
GZIP, ZSTD = frozenset({"gzip"}), frozenset({"zstd"})
CODINGS: tuple[tuple[str | None, frozenset[str]], ...] = (
    (None, frozenset()), ("identity", frozenset()), ("*;q=0", frozenset()), ("gzip;q=0", frozenset()),
    ("gzip", GZIP), ("zstd", ZSTD), ("gzip, deflate, br", GZIP), ("gzip, deflate, br, zstd", GZIP | ZSTD),
    ("br;q=1.0, gzip;q=0.8", GZIP), ("*, gzip;q=0", ZSTD), ("*;q=0, gzip", GZIP), ("zstd;q=0, *;q=0.1", GZIP),
)  # fmt: skip
"""What a client may say of codings, and which of those that RosterHub may choose are among them."""


class Question(msgspec.Struct, frozen=True):
    """A request, and what its answer must be like."""

    target: str
    headers: Mapping[str, str]
    expected: Expected
    method: str = "GET"


class Part(msgspec.Struct, frozen=True):
    """One kind of parameter in a request: its pairs, and which answers it allows."""

    pairs: Sequence[tuple[str, str]] = ()
    """Values as they stand in the address."""
    allows: frozenset[tuple[int, str]] = frozenset({OK})
    limit: int = 100
    offset: int = 0
    fields: frozenset[str] | None = None


class Known:
    """The ids of a tenant's bundles, by the collection they are found in."""

    def __init__(self, *bundles: Files) -> None:
        self.ids: dict[str, list[str]] = {}
        self.school: dict[str, str] = {}
        """Of a class."""
        for files in bundles:
            self._add(files)
        sessions = set(self.ids["academicSessions"]) - set(self.ids["gradingPeriods"])
        self.ids["some term"] = sorted(sessions)
        """Nested paths below /terms take any session that is no grading period (note N7)."""

    def _add(self, files: Files) -> None:
        names = ("academicSessions", "orgs", "courses", "classes", "users", "enrollments", "demographics")
        found = {name: [row["sourcedId"] for row in files[name]] for name in names}
        for name, file, column, word in (
            ("schools", "orgs", "type", "school"),
            ("terms", "academicSessions", "type", "term"),
            ("gradingPeriods", "academicSessions", "type", "gradingPeriod"),
            ("students", "roles", "role", "student"),
            ("teachers", "roles", "role", "teacher"),
        ):
            key = "userSourcedId" if file == "roles" else "sourcedId"
            found[name] = [row[key] for row in files[file] if row[column] == word]
        for name, ids in found.items():
            self.ids[name] = sorted({*self.ids.get(name, []), *ids})
        self.school |= {row["sourcedId"]: row["schoolSourcedId"] for row in files["classes"]}

    def places(self, operation: Operation) -> list[str]:
        """Where the ids of a path are from, in its order."""
        steps = operation.path.strip("/").split("/")
        owners = [steps[at - 1] for at, step in enumerate(steps) if step.startswith("{")]
        return ["some term" if one == "terms" and operation.many else one for one in owners]


class Asker:
    """Makes questions, the same for the same chance."""

    def __init__(self, document: Document, known: Known, tokens: Mapping[frozenset[str], str], chance: random.Random):
        self._document, self._known, self._tokens, self._chance = document, known, tokens, chance
        self._leaves = {
            one: tuple(clauses.leaves(document, one)) for one in {each.element for each in document.operations}
        }

    def plain(self, operation: Operation) -> Question:
        """The operation as it is meant, with ids that are known where there are any."""
        ids, known = self._known_ids(operation)
        path = self._path(operation, [urllib.parse.quote(one, safe="") for one in ids])
        right = Expected(
            operation, frozenset({OK if known else UNKNOWN}), target=path, sourced_id=ids[-1] if ids else ""
        )
        return Question(path, {"Authorization": f"Bearer {self._tokens[frozenset(SCOPES)]}"}, right)

    def any(self, operation: Operation) -> Question:
        """The operation with anything."""
        chance = self._chance
        ids, known = self._known_ids(operation) if chance.random() < 0.85 else self._some_ids(operation)
        texts = [one if isinstance(one, Raw) else self._encoded(one, path=True) for one in ids]
        parts = list(self._parts(operation))
        pairs = [pair for part in parts for pair in part.pairs]
        if chance.random() < 0.3:
            chance.shuffle(pairs)  # of one name the order is the same to us
        query = "&".join(f"{name}={value}" for name, value in pairs)
        path = self._path(operation, texts)
        target = f"{path}?{query}" if query or chance.random() < 0.02 else path
        headers, method, refused = self._around(operation)
        allows = refused or self._allowed(parts, known=known)
        place = Expected(
            operation,
            allows,
            fields=next((part.fields for part in parts if part.fields is not None), None),
            limit=next((part.limit for part in parts if part.limit != 100), 100),
            offset=next((part.offset for part in parts if part.offset), 0),
            target=target,
            sourced_id=ids[-1] if ids else "",
            codings=self._codings,
        )
        return Question(target, headers, place, method)

    def _path(self, operation: Operation, texts: Sequence[str]) -> str:
        found = iter(texts)
        steps = operation.path.split("/")
        return self._document.base + "/".join(next(found) if step.startswith("{") else step for step in steps)

    def _known_ids(self, operation: Operation) -> tuple[list[str], bool]:
        """Ids for the path, and whether there are such: Japanese rosters have no terms."""
        places = self._known.places(operation)
        ids = [self._chance.choice(self._known.ids[place] or ["none"]) for place in places]
        if places == ["schools", "classes"] and self._chance.random() < 0.8:
            ids[0] = self._known.school[ids[1]]
        return ids, all(one in self._known.ids[place] for one, place in zip(ids, places, strict=True))

    def _some_ids(self, operation: Operation) -> tuple[list[str], bool]:
        """One of the ids is perhaps none of those; whether all are known."""
        ids, _ = self._known_ids(operation)
        if not ids:
            return ids, True
        at, places = self._chance.randrange(len(ids)), self._known.places(operation)
        kind = self._chance.randrange(4)
        if kind == 0:
            ids[at] = self._chance.choice(STRANGE_IDS)
        elif kind == 1:
            ids[at] = Raw(self._chance.choice(RAW))
        elif kind == 2:
            ids[at] = clauses.odd(self._chance, 1, 30)
        else:  # of another kind
            ids[at] = self._chance.choice(self._known.ids[self._chance.choice(sorted(self._known.ids))] or ["none"])
        return ids, all(one in self._known.ids[place] for one, place in zip(ids, places, strict=True))

    def _allowed(self, parts: Sequence[Part], *, known: bool) -> frozenset[tuple[int, str]]:
        """What is wrong for certain rules out a 200; which of several faults is told is open."""
        allows = [part.allows for part in parts] + ([] if known else [frozenset({UNKNOWN})])
        every = frozenset().union({OK}, *allows)
        return every if all(OK in one for one in allows) else every - {OK}

    def _around(self, operation: Operation) -> tuple[dict[str, str], str, frozenset[tuple[int, str]] | None]:
        """Headers and method, and what they are refused with, if they are."""
        chance = self._chance
        headers = {"Accept": chance.choice(("application/json", "*/*", "application/json;q=0.9, text/html"))}
        coding, self._codings = chance.choice(CODINGS)
        if coding is not None:
            headers["Accept-Encoding"] = coding
        full = self._tokens[frozenset(SCOPES)]
        dice = chance.random()
        if dice < 0.04:
            headers["Authorization"] = f"Bearer {full}"
            return headers, chance.choice(("HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")), frozenset({(405, "")})
        if dice < 0.10:
            wrong = self._wrong_token(full)
            if wrong is not None:
                headers["Authorization"] = wrong
            return headers, "GET", frozenset({(401, "unauthorisedrequest")})
        if dice < 0.30:
            scopes = chance.choice(sorted(self._tokens, key=sorted))
        else:
            scopes = chance.choice([one for one in sorted(self._tokens, key=sorted) if one & operation.scopes])
        scheme = chance.choice(("Bearer", "Bearer", "Bearer", "bearer", "BEARER"))
        headers["Authorization"] = f"{scheme} {self._tokens[scopes]}"
        return headers, "GET", None if scopes & operation.scopes else frozenset({(403, "forbidden")})

    def _wrong_token(self, good: str) -> str | None:
        at = self._chance.randrange(len(good) - 1)  # the last character may hold bits that say nothing
        other = self._chance.choice([one for one in string.ascii_letters if one != good[at]])
        return self._chance.choice((
            None, "", "Bearer", "Bearer ", "Basic dTpw", f"Basic {good}", good, f"Token {good}", "Bearer null",
            f"Bearer {good[:at]}{other}{good[at + 1:]}", f"Bearer {good[:at]}", f"Bearer {good}.{good}",
            f"Bearer {'x' * 2000}", "Bearer eyJhbGciOiJub25lIn0.e30.", "Bearer \xe9\xff", f"Bearer {good} {good}",
        ))  # fmt: skip

    def _parts(self, operation: Operation) -> Iterator[Part]:
        """Each kind of parameter now and then; those of collections say nothing to single records."""
        chance = self._chance
        makers: list[tuple[float, Callable[[Operation], Part]]] = [
            (0.45, self._limit), (0.3, self._offset), (0.3, self._sort), (0.2, self._order), (0.4, self._filter),
        ]  # fmt: skip
        for likely, make in makers:
            if chance.random() < (likely if operation.many else 0.1):
                part = make(operation)
                yield part if operation.many else Part(part.pairs)
        if chance.random() < 0.3:
            yield self._fields(operation)
        if chance.random() < 0.15:
            yield Part(
                [(urllib.parse.quote(chance.choice(NAMES), safe="$[]"), self._encoded(clauses.odd(chance, 0, 20)))]
            )

    def _limit(self, _: Operation) -> Part:
        chance = self._chance
        if chance.random() < 0.6:
            limit = chance.choice((1, 2, 3, 7, 10, 50, 99, 101, 1000, 9_999, 10_000, 10_001, INT32))
            return Part([("limit", str(limit))], limit=limit)
        return self._wrong_count("limit", "0")

    def _offset(self, _: Operation) -> Part:
        chance = self._chance
        if chance.random() < 0.7:
            offset = chance.choice((0, 1, 2, 5, 13, 50, 100, 1000, 1_000_000, INT32))
            return Part([("offset", str(offset))], offset=offset)
        return self._wrong_count("offset", "-2")

    def _wrong_count(self, name: str, one: str) -> Part:
        if self._chance.random() < 0.2:
            return Part([(name, "5"), (name, self._chance.choice(("5", "6", "x")))], frozenset({BAD}))
        return Part([(name, self._encoded(self._chance.choice((*WRONG_COUNTS, one))))], frozenset({BAD}))

    def _sort(self, operation: Operation) -> Part:
        """Whatever cannot be sorted by is ignored."""
        chance = self._chance
        member = chance.choice(sorted(self._document.schemas[operation.element]["properties"]))
        text = chance.choice(
            (member, member, member, member.upper(), f"{member}.sourcedId", clauses.odd(chance, 1, 20))
        )
        if chance.random() < 0.05:
            return Part([("sort", self._encoded(text)), ("sort", member)], frozenset({BAD}))
        return Part([("sort", self._encoded(text))])

    def _order(self, _: Operation) -> Part:
        chance = self._chance
        if chance.random() < 0.6:
            return Part([("orderBy", chance.choice(("asc", "desc")))])
        if chance.random() < 0.2:
            return Part([("orderBy", "asc"), ("orderBy", chance.choice(("asc", "desc")))], frozenset({BAD}))
        wrong = chance.choice(("ASC", "Desc", "", "descending", "asc ", "asc,desc", "1", clauses.odd(chance, 1, 10)))
        return Part([("orderBy", self._encoded(wrong))], frozenset({BAD}))

    def _fields(self, operation: Operation) -> Part:
        chance = self._chance
        members = sorted(self._document.schemas[operation.element]["properties"])
        names = chance.sample(members, chance.randint(1, min(5, len(members))))
        dice = chance.random()
        if dice < 0.2:
            names.append(chance.choice(("", " ")))
        elif dice < 0.45:
            wrong = (
                clauses.odd(chance, 1, 12).replace(",", "") + "x",
                "SOURCEDID",
                "parent.sourcedId",
                f"{names[0]}.x",
                "*",
            )
            names.append(chance.choice(wrong))
        chance.shuffle(names)
        pairs, rest = [], names
        while rest:  # as a list, repeated, or both
            count = len(rest) if chance.random() < 0.6 else 1
            comma = chance.choice((",", ",", "%2C", ", ".replace(" ", "%20"), " ,".replace(" ", "+")))
            pairs.append(("fields", comma.join(self._encoded(name) for name in rest[:count])))
            rest = rest[count:]
        if any(not name.strip(" ") for name in names):
            return Part(pairs, frozenset({BAD_FIELDS}))
        known = {name.strip(" ") for name in names}
        return Part(pairs, fields=frozenset(known) if known <= set(members) else None)

    def _filter(self, operation: Operation) -> Part:
        chance = self._chance
        leaves = self._leaves[operation.element]
        if chance.random() < 0.05:
            right = "status='active'"
            return Part([("filter", self._encoded(right)), ("filter", right)], frozenset({BAD, BAD_FILTER}))
        if chance.random() < 0.35:
            own = [one.name for one in leaves if not one.name.startswith("metadata.")]  # below which all is free
            text = clauses.wrong(chance.choice(own), chance)
            return Part([("filter", self._encoded(text))], frozenset({BAD_FILTER}))
        operator = chance.choice((" AND ", " OR "))
        found = [clauses.right(chance.choice(leaves), chance) for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 5)))]
        allows = frozenset().union(*(allowed for _, allowed in found))
        if any(OK not in allowed for _, allowed in found):
            allows -= {OK}
        return Part([("filter", self._encoded(operator.join(text for text, _ in found)))], allows)

    def _encoded(self, text: str, *, path: bool = False) -> str:
        """As one client or another writes it: all encoded, quotes left as they are, letters encoded too."""
        kind = self._chance.randrange(4)
        if kind == 0:
            return "".join(f"%{byte:02x}" for byte in text.encode())
        if kind == 1 and not path:
            return urllib.parse.quote_plus(text, safe="'=~!,:@/?()*")
        return urllib.parse.quote(text, safe="'=~!,:@" if kind == 2 else "")


class Raw(str):
    """Percent signs and all as they are to be sent."""

    __slots__ = ()
