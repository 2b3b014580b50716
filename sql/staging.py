"""Staging: checked rows become COPY text in private temporary tables, sealed fields already sealed.

Tenant bytes never go to COPY: every line is put together here from cells, and rows read are compared with rows staged.
"""

import itertools
import json.encoder
import operator
import re
from collections.abc import AsyncIterable, Callable, Sequence
from typing import Any

from psycopg.sql import SQL, Composed, Identifier

from oneroster import kinds
from oneroster.entities import Entity
from oneroster.headers import Column
from oneroster.rows import Batch
from sql import columns
from sql.database import Connection
from sql.seal import Sealer

_needs_escape = re.compile(r'[\\\t"]').search
_quoted: Callable[[str], str] = json.encoder.encode_basestring


def table(entity: Entity) -> Identifier:
    """The temporary table of an entity's rows."""
    return Identifier(f"staged_{entity.table}")


async def create(conn: Connection, entity: Entity) -> None:
    """Make the staging table; it vanishes with the transaction."""
    parts = [
        SQL("{} {}{}").format(
            Identifier(one.name),
            SQL(one.type),
            SQL(' COLLATE "C"') if one.type in ("text", "text[]") else SQL(""),
        )
        for one in columns.staged(entity)
    ]
    statement = SQL("CREATE TEMPORARY TABLE {} ({}) ON COMMIT DROP").format(table(entity), SQL(", ").join(parts))
    await conn.execute(statement)


async def fill(conn: Connection, entity: Entity, names: Sequence[str], chunks: AsyncIterable[bytes]) -> int:
    """COPY encoded chunks into the staging table; returns the rows PostgreSQL counted."""
    statement = SQL("COPY {} ({}) FROM STDIN WITH (NULL '')").format(
        table(entity), SQL(", ").join(map(Identifier, names))
    )
    async with conn.cursor() as cursor:
        async with cursor.copy(statement) as copy:
            async for chunk in chunks:
                await copy.write(chunk)
        return cursor.rowcount


async def analyze(conn: Connection, entity: Entity) -> None:
    """Statistics of the keys, without which the joins that follow are guesses."""
    keys = ["sourced_id"] + [field.column for field in entity.kept if field.refers and not field.kind.many]
    await conn.execute(_analyze(entity, keys))


def _analyze(entity: Entity, keys: Sequence[str]) -> Composed:
    return SQL("ANALYZE {} ({})").format(table(entity), SQL(", ").join(map(Identifier, keys)))


class Encoder:
    """Turns batches of one file into COPY text, by a plan made once from its columns."""

    def __init__(self, entity: Entity, present: Sequence[Column], sealer: Sealer) -> None:
        at = {column.header: index for index, column in enumerate(present)}
        lacking = len(present)
        # Keys come from the header, and may need escaping where no cell does.
        self._dirty = any(column.metadata and _needs_escape(column.metadata.key) for column in present)
        self._lacks = any(field.name not in at for field in (*entity.kept, *entity.sealed))

        def place(name: str) -> int:
            return at.get(name, lacking)

        plain = [field for field in entity.kept if not field.kind.many]
        many = [field for field in entity.kept if field.kind.many]
        folded = [field for field in entity.kept if field.folded]
        self._entity = entity
        self._seals_metadata = entity.seals_metadata
        self._sealer = sealer
        self._standard = operator.itemgetter(at["sourcedId"], at["status"], at["dateLastModified"])
        # itemgetter of one index gives no tuple, so the blank at the end stands in twice
        self._plain: Callable[[list[str]], tuple[str, ...]] = _getter([place(field.name) for field in plain])
        self._many = [(place(field.name), field.kind) for field in many]
        self._folded = [place(field.name) for field in folded]
        self._sealed = [(f'"{field.member}":', field.column, place(field.name)) for field in entity.sealed]
        self._metadata = _metadata_plan(present)
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
        joined = "\x1f".join(map("\x1f".join, batch.cells))
        dirty = self._dirty or _needs_escape(joined) is not None
        standard, plain_of, metadata_of, mark = self._standard, self._plain, self._metadata, self._sealer.row
        out = []
        for line, cells in zip(batch.lines, batch.cells, strict=True):
            if self._lacks:
                cells = [*cells, ""]
            plain = plain_of(cells)
            metadata = metadata_of(cells)
            values: tuple[str, ...] = (*standard(cells), *plain)
            many: tuple[str, ...] = ()
            if self._many or self._folded:
                many = tuple([kinds.stored(kind, cells[at]) if cells[at] else "" for at, kind in self._many])
                values = (*values, *many, *[cells[at].casefold() for at in self._folded])
            secret, hashes, sealed = self._seal(values[0], cells, metadata) if self._sealed else ("", (), ())
            if not self._seals_metadata:
                values = (*values, metadata)
            if dirty:
                values = tuple([value.replace("\\", "\\\\").replace("\t", "\\t") for value in values])
            digest = mark("\x1f".join((*plain, *many, metadata, secret)))
            out.append("\t".join((*values, *hashes, digest, str(line), *sealed)))
        out.append("")
        return "\n".join(out).encode()

    def _seal(self, sourced_id: str, cells: list[str], metadata: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        """The plain text of what is sealed, the hash columns, and the sealed blob."""
        members = [name + _quoted(cells[index]) for name, _, index in self._sealed if cells[index]]
        if self._seals_metadata and metadata:
            members.append(f'"metadata":{metadata}')
        hash_of = self._sealer.index
        hashes = tuple([hash_of(column, cells[at]) if cells[at] else "" for _, column, at in self._sealed])
        if not members:
            return "", hashes, ("",)
        text = "{" + ",".join(members) + "}"
        blob = self._sealer.seal(f"{self._entity.table}/{sourced_id}", text.encode())
        return text, hashes, ("\\\\x" + blob.hex(),)


def _getter(places: list[int]) -> Callable[[list[str]], tuple[str, ...]]:
    if not places:
        return lambda cells: ()
    if len(places) == 1:
        only = places[0]
        return lambda cells: (cells[only],)
    return operator.itemgetter(*places)


def _metadata_plan(present: Sequence[Column]) -> Callable[[list[str]], str]:
    """A function of a row's cells: the JSON text of its metadata, "" when there is none.

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
    if not leaves:
        return lambda cells: ""
    groups = [(top, list(group)) for top, group in itertools.groupby(leaves, key=lambda leaf: leaf[0][0])]
    if len(groups) == 1 and all(len(path) == 2 for path, _ in leaves):
        head = "{" + _quoted(groups[0][0]) + ":{"
        named = [(_quoted(path[1]) + ":", index) for path, index in leaves]

        def flat(cells: list[str]) -> str:
            inner = ",".join([name + _quoted(cells[index]) for name, index in named if cells[index]])
            return f"{head}{inner}}}}}" if inner else ""

        return flat

    def nested(cells: list[str]) -> str:
        tree: dict[str, Any] = {}
        for path, index in leaves:
            if cells[index]:
                branch = tree
                for step in path[:-1]:
                    if not isinstance(branch.get(step), dict):
                        branch[step] = {}  # `metadata.a.b` beside `metadata.a`: the longer path stands
                    branch = branch[step]
                branch[path[-1]] = cells[index]
        return json.dumps(tree, ensure_ascii=False, separators=(",", ":")) if tree else ""

    return nested
