"""Staging: checked rows become COPY text in private temporary tables, sealed fields already sealed.

Tenant bytes never go to COPY: every line is put together here from cells, and rows read are compared with rows staged.
"""

import json.encoder
from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from typing import Any

import msgspec
import xxhash
from psycopg.sql import SQL, Identifier

from oneroster import kinds
from oneroster.entities import Entity
from oneroster.headers import Column
from oneroster.kinds import Kind
from oneroster.met import Modes
from oneroster.rows import Batch
from sql import columns, database
from sql.database import Connection
from sql.seal import Sealer

STANDARD = ("sourcedId", "status", "dateLastModified")

GIVEN = "+active"
"""How a given `active` is told from a blank one where first rows are staged in place."""
PLACED = {"": "active", "active": GIVEN}

Texts = Sequence[str]
"""The cells of a column."""

_quoted: Callable[[str], str] = json.encoder.encode_basestring


def table(entity: Entity) -> Identifier:
    """The rows of an entity as they are staged."""
    return Identifier(f"staged_{entity.table}")


class Staged(msgspec.Struct, frozen=True):
    """What the files of a bundle brought, noted down while they are staged."""

    rows: dict[str, int] = {}
    """Data rows by entity name."""
    placed: dict[Entity, int] = {}
    """First rows, so many, that were staged in the table which becomes the partition."""
    compared: set[Entity] = set()
    """Staged by what differs from the bundle that the roster is of."""
    same: set[Entity] = set()
    """Nothing of it differs."""
    modes: dict[Entity, Modes] = {}
    """What the rows of files that were read whole say of their mode."""
    unique: set[Entity] = set()
    """No id stands twice in it, as was seen while it was read."""
    led: set[tuple[Entity, str]] = set()
    """Columns of which every id is that of a staged row, as was seen while they were read."""

    @property
    def alike(self) -> set[Entity]:
        """All that was not read whole."""
        return self.compared | self.same


class Place(msgspec.Struct, frozen=True):
    """Where COPY puts the rows of a file; `table(entity)` shows them in either case."""

    entity: Entity
    target: Identifier
    first: bool
    """It is the table that becomes the tenant's partition."""


async def create(conn: Connection, entity: Entity) -> Place:
    """A temporary table, which vanishes with the transaction."""
    await create_table(conn, table(entity), entity)
    return Place(entity, table(entity), first=False)


async def create_table(conn: Connection, name: Identifier, entity: Entity) -> None:
    """A temporary table for rows of an entity."""
    parts = [
        SQL("{} {}{}").format(
            Identifier(one.name),
            SQL(one.type),
            SQL(' COLLATE "C"') if one.type in ("text", "text[]") else SQL(""),
        )
        for one in columns.staged(entity)
    ]
    await conn.execute(SQL("CREATE TEMPORARY TABLE {} ({}) ON COMMIT DROP").format(name, SQL(", ").join(parts)))


async def create_first(conn: Connection, entity: Entity, revision: int) -> Place:
    """The tenant's partition, for an entity that needs nothing but the rows: they are written once instead of twice.

    `table(entity)` is a view of it until `keep_first`, with the status as the file has it.
    """
    params = {"table": entity.table, "revision": revision}
    name = await database.fetch_value(conn, "SELECT stage_partition(%(table)s, %(revision)s)", params)
    given = SQL("CASE status WHEN 'active' THEN NULL WHEN {} THEN 'active' ELSE status END AS status").format(GIVEN)
    names = [given if one.name == "status" else Identifier(one.name) for one in columns.staged(entity)]
    target = Identifier("public", name)
    await conn.execute(
        SQL("CREATE TEMPORARY VIEW {} AS SELECT {} FROM {}").format(table(entity), SQL(", ").join(names), target)
    )
    return Place(entity, target, first=True)


async def key_first(conn: Connection, entity: Entity) -> bool:
    """Make the key of rows staged in place, which they need anyway; False where an id stands twice."""
    return bool(await database.fetch_value(conn, "SELECT key_partition(%(table)s)", {"table": entity.table}))


async def keep_first(conn: Connection, tenant_id: int, entity: Entity, mode: str) -> None:
    """Nobody looks at the rows as staged any more: have them as they are to stay."""
    await conn.execute(SQL("DROP VIEW {}").format(table(entity)))
    if mode == "delta":
        target = Identifier("public", f"{entity.table}_t{tenant_id}")
        await conn.execute(SQL("DELETE FROM {} WHERE status = 'tobedeleted'").format(target))
        await conn.execute(SQL("UPDATE {} SET status = 'active' WHERE status = {}").format(target, GIVEN))


async def fill(conn: Connection, place: Place, names: Sequence[str], chunks: AsyncIterable[bytes]) -> int:
    """COPY encoded chunks into their place; returns the rows PostgreSQL counted."""
    # Nobody can see the table before this transaction has ended, so its rows may as well be born frozen.
    statement = SQL("COPY {} ({}) FROM STDIN WITH (NULL ''{})").format(
        place.target, SQL(", ").join(map(Identifier, names)), SQL(", FREEZE" if place.first else "")
    )
    async with conn.cursor() as cursor:
        async with cursor.copy(statement) as copy:
            async for chunk in chunks:
                await copy.write(chunk)
        return cursor.rowcount


async def analyze(conn: Connection, place: Place) -> None:
    """Statistics, of the keys at least, without which the joins that follow are guesses."""
    entity = place.entity
    if place.first:
        await database.fetch_value(conn, "SELECT analyze_partition(%(table)s)", {"table": entity.table})
        return
    keys = ["sourced_id"] + [field.column for field in entity.kept if field.refers and not field.kind.many]
    await conn.execute(SQL("ANALYZE {} ({})").format(place.target, SQL(", ").join(map(Identifier, keys))))


def _needs_escape(text: str) -> bool:
    """Backslash and tab mean something to COPY; a quote becomes a backslash and a quote in JSON and in arrays."""
    return "\\" in text or "\t" in text or '"' in text


class Encoder:
    """Turns batches of one file into COPY text, column by column, by a plan made once from the file's columns."""

    def __init__(self, entity: Entity, present: Sequence[Column], sealer: Sealer, *, first: bool = False) -> None:
        """`first` as in the `Place` that is filled."""
        at = {column.header: index for index, column in enumerate(present)}
        lacking = len(present)

        def place(name: str) -> int:
            return at.get(name, lacking)

        plain = [field for field in entity.kept if not field.kind.many]
        many = [field for field in entity.kept if field.kind.many]
        folded = [field for field in entity.kept if field.folded]
        self._entity = entity
        self._sealer = sealer
        self._first = first
        self._plain = [place(name) for name in STANDARD] + [place(field.name) for field in plain]
        self._many = [(place(field.name), field.kind) for field in many]
        self._folded = [place(field.name) for field in folded]
        self._sealed = [(field.column, place(field.name)) for field in entity.sealed]
        self._members = [(f'"{field.member}":', place(field.name)) for field in entity.sealed]
        self._metadata = _metadata_plan(present)
        # Keys come from the header, and may need escaping where no cell does.
        self._dirty = any(column.metadata and _needs_escape(column.metadata.key) for column in present)
        self.names = [
            "sourced_id",
            "status",
            "source_modified",
            *(field.column for field in plain),
            *(field.column for field in many),
            *(f"{field.column}_folded" for field in folded),
            *(() if entity.seals_metadata else ("metadata",)),
            *(f"{field.column}_hash" for field in entity.sealed),
            "row_hash",
            "line",
            *(("sealed",) if entity.sealed else ()),
        ]

    def encode(self, batch: Batch) -> bytes:
        """The lines of a batch, ready for COPY in text format with NULL ''."""
        cells: list[Texts] = [*batch.columns, _blank(len(batch.lines))]
        dirty = self._dirty or (not batch.plain and any(map(_needs_escape, map("".join, cells))))
        plain = [cells[at] for at in self._plain]
        many = [_stored(kind, cells[at]) for at, kind in self._many]
        metadata = self._metadata(cells)
        hashes, secret, blobs = self._seal(cells, metadata) if self._sealed else ([], [], [])
        texts = _rows("\x1f", [*plain[len(STANDARD) :], *many, metadata, *secret])
        digest = self._sealer.rows(texts) if secret else _marks(texts)
        if self._first:
            plain[1] = _each(lambda status: PLACED.get(status, status), plain[1])
        shown = [*plain, *many, *(_folded(cells[at]) for at in self._folded)]
        if not self._entity.seals_metadata:
            shown.append(metadata)
        if dirty:
            shown = [_escaped(column) for column in shown]
        lines = list(map(str, batch.lines))
        return "\n".join([*_rows("\t", [*shown, *hashes, digest, lines, *blobs]), ""]).encode()

    def _seal(self, cells: Sequence[Texts], metadata: Texts) -> tuple[list[Texts], list[Texts], list[Texts]]:
        """The hash columns, then one column of the plain text of what is sealed, and one of the sealed blobs."""
        hashes: list[Texts] = [self._sealer.indexes(column, cells[at]) for column, at in self._sealed]
        members = [(name, cells[at]) for name, at in self._members]
        if self._entity.seals_metadata:
            members.append(('"metadata":', metadata))
        quoted = [_members(name, column, raw=column is metadata) for name, column in members if any(column)]
        texts = ["{" + text + "}" if text else "" for text in _listed(quoted, len(metadata))]
        table = self._entity.table
        places = [f"{table}/{one}" for one in cells[self._plain[0]]]
        blobs = ["\\\\x" + blob.hex() if blob else "" for blob in self._sealer.seal_all(places, texts)]
        return hashes, [texts], [blobs]


def _rows(separator: str, columns: Sequence[Texts]) -> Iterable[str]:
    return map(separator.join, zip(*columns, strict=True))


def _marks(texts: Iterable[str]) -> Texts:
    """32 hex digits for each text that holds nothing secret: a keyed hash would take four times as long."""
    return [xxhash.xxh3_128_hexdigest(text.encode()) for text in texts]


def _blank(rows: int) -> Texts:
    return ("",) * rows


def _each(made: Callable[[str], str], column: Texts) -> Texts:
    """What is made of each cell, for each once: most repeat."""
    known = {cell: made(cell) for cell in set(column)}
    return [*map(known.__getitem__, column)]


def _stored(kind: Kind, column: Texts) -> Texts:
    return _each(lambda cell: kinds.stored(kind, cell) if cell else "", column) if any(column) else column


def _folded(column: Texts) -> Texts:
    """Folded in one go; most are in lower case already, or in none."""
    text = "\n".join(column)
    folded = text.casefold()
    return column if folded == text else folded.split("\n")


def _escaped(column: Texts) -> Texts:
    return [value.replace("\\", "\\\\").replace("\t", "\\t") for value in column]


def _members(name: str, column: Texts, *, raw: bool = False) -> Texts:
    """`"name":"value"` of each filled cell, or of JSON text as it stands."""
    return [name + (cell if raw else _quoted(cell)) if cell else "" for cell in column]


def _listed(columns: Sequence[Texts], rows: int) -> Texts:
    """What is filled of each row, with commas between."""
    if not columns:
        return _blank(rows)
    return [",".join(filter(None, row)) for row in zip(*columns, strict=True)]


def _by_row(made: Callable[[Sequence[Texts]], Texts], columns: Sequence[Texts]) -> Texts:
    """What is made of each row of some columns; for each combination once where they repeat."""
    rows = [*zip(*columns, strict=True)]
    met = {*rows}
    if 2 * len(met) > len(rows):
        return made(columns)
    known = dict(zip(met, made([*zip(*met, strict=True)]), strict=True))
    return [*map(known.__getitem__, rows)]


def _metadata_plan(present: Sequence[Column]) -> Callable[[Sequence[Texts]], Texts]:
    """A function of the columns: the JSON text of each row's metadata, "" when there is none.

    `metadata.a.b` is `{"a": {"b": "..."}}`, string values, blanks left out. Keys are sorted, so that the order of the
    columns does not count as a change.
    """
    # Two spellings of one key: the profile's own comes first in a file's columns, and wins.
    places = {
        tuple(column.metadata.key.split(".")[1:]): index
        for index, column in reversed(list(enumerate(present)))
        if column.metadata is not None
    }
    leaves = sorted(places.items())
    groups = {path[0] for path, _ in leaves}
    if len(groups) == 1 and all(len(path) == 2 for path, _ in leaves):
        head = "{" + _quoted(*groups) + ":{"
        named = [(_quoted(path[1]) + ":", index) for path, index in leaves]

        def joined(columns: Sequence[Texts]) -> Texts:
            filled = [_members(name, column) for (name, _), column in zip(named, columns, strict=True) if any(column)]
            return [f"{head}{inner}}}}}" if inner else "" for inner in _listed(filled, len(columns[0]))]

        def flat(cells: Sequence[Texts]) -> Texts:
            return _by_row(joined, [cells[index] for _, index in named])

        return flat

    def nested(row: Sequence[str]) -> str:
        tree: dict[str, Any] = {}
        for (path, _), cell in zip(leaves, row, strict=True):
            if cell:
                branch = tree
                for step in path[:-1]:
                    if not isinstance(branch.get(step), dict):
                        branch[step] = {}  # `metadata.a.b` beside `metadata.a`: the longer path stands
                    branch = branch[step]
                branch[path[-1]] = cell
        return json.dumps(tree, ensure_ascii=False, separators=(",", ":")) if tree else ""

    def deep(cells: Sequence[Texts]) -> Texts:
        if not leaves:
            return _blank(len(cells[0]))
        return list(map(nested, zip(*(cells[index] for _, index in leaves), strict=True)))

    return deep
