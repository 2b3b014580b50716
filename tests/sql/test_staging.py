"""Staging: what a row of CSV says stands in the database afterwards, whatever characters it is said in."""

import asyncio
import csv
import datetime
import io
import json
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row

from oneroster import entities, kinds, profiles, rows
from oneroster.entities import Entity, Field
from oneroster.kinds import Kind
from oneroster.profiles import Profile
from sql import columns, database, seal, staging
from sql.seal import Sealer

MASTER = bytes(range(32))
SEALER = Sealer(MASTER, seal.new_tenant_key(MASTER))
BASE = profiles.BY_NAME["base-1.2"]

Row = dict[str, str]

texts = st.text(st.characters(blacklist_categories=["Cs", "Cc"], whitelist_characters="\t\\\"'{},.NULL"), max_size=8)
filled = texts.filter(str.strip)
ids = st.from_regex(r"[A-Za-z0-9.\-_/@]{1,20}", fullmatch=True)
user_id = st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="{}:"), min_size=1, max_size=4)
instants = st.datetimes(datetime.datetime(1, 1, 2), datetime.datetime(9999, 12, 30))
VALUES: dict[Kind, st.SearchStrategy[str]] = {
    kinds.TEXT: filled | st.sampled_from(["\\", "\\.", "\\N", "\\x41", '"', "\t", "ﾃｽﾄ", "𠮷", "NULL", "x" * 3_000]),
    kinds.TEXTS: filled,
    kinds.GUID: ids,
    kinds.GUIDS: st.lists(ids, min_size=1, max_size=3).map(" , ".join),
    kinds.BOOLEAN: st.sampled_from(["true", "false"]),
    kinds.DATE: st.dates().map(str),
    kinds.INSTANT: instants.map(lambda one: one.isoformat(timespec="milliseconds") + "Z"),
    kinds.YEAR: st.integers(0, 9999).map("{:04}".format),
    kinds.INTEGER: st.integers(-999, 999).map(str),
    kinds.USER_IDS: st.lists(st.tuples(user_id, user_id), min_size=1, max_size=3).map(
        lambda pairs: ",".join("{" + ":".join(pair) + "}" for pair in pairs)
    ),
}


def cells(field: Field) -> st.SearchStrategy[str]:
    values = st.sampled_from(field.words.words) if field.words else VALUES[field.kind]
    if field.required:
        return values.filter(str.strip)
    return st.just("") | values


def row_of(entity: Entity, extra: Sequence[str]) -> st.SearchStrategy[Row]:
    return st.fixed_dictionaries({field.name: cells(field) for field in entity.fields} | dict.fromkeys(extra, texts))


async def chunks_of(data: str, entity: Entity, profile: Profile) -> tuple[staging.Encoder, list[bytes], int]:
    reader = rows.Rows(io.BytesIO(data.encode()), entity.file, entity, profile)
    assert reader.usable, reader.problems
    encoder = staging.Encoder(entity, reader.columns, SEALER)
    batches = list(reader.batches())
    # What contradicts another cell of its row is staged as it stands.
    assert {one.code for batch in batches for one in batch.problems} <= {"E-DATE-ORDER", "E-SUBJECTS", "W-PRIMARY"}
    return encoder, [encoder.encode(batch) for batch in batches], sum(len(batch.lines) for batch in batches)


def text_of(header: Sequence[str], given_rows: Sequence[Row]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, header, restval="", lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(given_rows)
    return out.getvalue()


async def staged(
    conninfo: str, entity: Entity, header: Sequence[str], given_rows: Sequence[Row], profile: Profile = BASE
) -> list[dict[str, Any]]:
    """The rows as PostgreSQL has them, in the order of the file."""
    encoder, chunks, count = await chunks_of(text_of(header, given_rows), entity, profile)

    async def ready() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    async with database.connect(conninfo) as conn, conn.transaction():
        place = await staging.create(conn, entity)
        assert await staging.fill(conn, place, encoder.names, ready()) == count == len(given_rows)
        await staging.analyze(conn, place)
        async with conn.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(f"SELECT * FROM staged_{entity.table} ORDER BY line")
            return await cursor.fetchall()


def meant(kind: Kind, cell: str) -> Any:
    """What a cell means, told without the code under test."""
    if not cell:
        return None
    if kind is kinds.USER_IDS:
        pairs = (one.split(":", 1) for one in cell[1:-1].split("},{"))
        return [{"type": kind.strip(), "identifier": name.strip()} for kind, name in pairs]
    if kind.many:
        return [one.strip() for one in cell.split(",") if one.strip()] or None
    if kind is kinds.BOOLEAN:
        return cell == "true"
    if kind is kinds.DATE:
        return datetime.date.fromisoformat(cell)
    return datetime.datetime.fromisoformat(cell) if kind is kinds.INSTANT else cell


def metadata(row: Row, extra: Sequence[str]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name in extra:
        if row[name]:
            *path, last = name.split(".")[1:]
            branch = tree
            for step in path:
                branch = branch.setdefault(step, {})
            branch[last] = row[name]
    return tree


def compare(entity: Entity, row: Row, found: dict[str, Any], extra: Sequence[str]) -> None:
    assert found["sourced_id"] == row["sourcedId"]
    assert found["status"] == (row["status"] or None)
    assert found["source_modified"] == meant(kinds.INSTANT, row["dateLastModified"])
    for field in entity.kept:
        assert found[field.column] == meant(field.kind, row[field.name]), field.name
        if field.folded:
            assert found[f"{field.column}_folded"] == (row[field.name].casefold() or None)
    secret = {field.member: row[field.name] for field in entity.sealed if row[field.name]}
    if entity.seals_metadata:
        secret |= {"metadata": metadata(row, extra)} if metadata(row, extra) else {}
    else:
        assert found["metadata"] == (metadata(row, extra) or None)
    for field in entity.sealed:
        hashed = found[f"{field.column}_hash"]
        value = row[field.name]
        assert hashed == (uuid.UUID(SEALER.index(field.column, value)) if value else None)
    if secret:
        place = f"{entity.table}/{row['sourcedId']}"
        assert json.loads(SEALER.open(place, found["sealed"])) == secret
    elif entity.sealed:
        assert found["sealed"] is None


EXTRA = ("metadata.jp.a", "metadata.jp.b.c", 'metadata.x"y\\z', "metadata.名前")


@pytest.mark.parametrize("entity", entities.ALL, ids=lambda entity: entity.name)
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_value_stands_in_the_database_as_the_file_has_it(
    conninfo: str, entity: Entity, data: st.DataObject
) -> None:
    extra = data.draw(st.sampled_from([(), EXTRA, EXTRA[:1], EXTRA[2:3]]))
    header = [*BASE.header(entity), *extra]
    given_rows = data.draw(st.lists(row_of(entity, extra), min_size=1, max_size=8))
    found = asyncio.run(staged(conninfo, entity, header, given_rows))
    for number, (row, one) in enumerate(zip(given_rows, found, strict=True)):
        assert one["line"] == number + 2
        compare(entity, row, one, extra)


def test_the_columns_are_those_of_the_table(conninfo: str) -> None:
    for entity in entities.ALL:
        (found,) = asyncio.run(staged(conninfo, entity, BASE.header(entity), [plain(entity)]))
        assert tuple(found) == tuple(one.name for one in columns.staged(entity))


ONE, OTHER = "0d5d7a4e-6a0f-4f5f-9d8b-3c1c9e1f7a10", "7f0ed03c-52c8-4b3c-9c1f-9a4a4d9f5e10"


def plain(entity: Entity) -> Row:
    """A row with a value in every cell."""
    words = {kinds.GUID: ONE, kinds.GUIDS: f"{ONE},{OTHER}", kinds.TEXT: "a", kinds.TEXTS: "a,b",
             kinds.DATE: "2026-04-01", kinds.BOOLEAN: "true", kinds.YEAR: "2026", kinds.INSTANT: "2026-04-01T00:00:00Z",
             kinds.USER_IDS: "{a:b}"}  # fmt: skip
    return {field.name: field.words.words[0] if field.words else words[field.kind] for field in entity.fields}


def row_hash(entity: Entity, header: Sequence[str], row: Row, profile: Profile = BASE) -> str:
    encoder, chunks, _ = asyncio.run(chunks_of(text_of(header, [row]), entity, profile))
    return chunks[0].decode().rstrip("\n").split("\t")[encoder.names.index("row_hash")]


@pytest.mark.parametrize("entity", entities.ALL, ids=lambda entity: entity.name)
def test_the_hash_of_a_row_knows_no_order_of_columns_and_no_date(entity: Entity) -> None:
    row = plain(entity) | {"metadata.b.c": "1", "metadata.a": "2"}
    header = [*BASE.header(entity), "metadata.b.c", "metadata.a"]
    once = row_hash(entity, header, row)
    assert row_hash(entity, list(reversed(header)), row) == once
    for name, value in (("status", ""), ("status", "tobedeleted"), ("dateLastModified", "")):
        assert row_hash(entity, header, row | {name: value}) == once


@pytest.mark.parametrize("entity", entities.ALL, ids=lambda entity: entity.name)
def test_the_hash_of_a_row_changes_with_any_cell_that_is_kept(entity: Entity) -> None:
    other = {kinds.GUID: OTHER, kinds.GUIDS: f"{OTHER},{ONE}", kinds.TEXT: "A", kinds.TEXTS: "a",
             kinds.DATE: "2026-04-02", kinds.BOOLEAN: "false", kinds.YEAR: "2027", kinds.USER_IDS: "{a:c}"}  # fmt: skip
    row = plain(entity) | {"metadata.a": "1"}
    header = [*BASE.header(entity), "metadata.a"]
    hashes = [row_hash(entity, header, row), row_hash(entity, header, row | {"metadata.a": ""})]
    for field in (*entity.kept, *entity.sealed):
        changed = field.words.words[1] if field.words else other[field.kind]
        hashes.append(row_hash(entity, header, row | {field.name: changed}))
        if not field.required:
            hashes.append(row_hash(entity, header, row | {field.name: ""}))
    assert len(set(hashes)) == len(hashes)
    for field in entity.fields:
        if field.dropped:
            assert row_hash(entity, header, row | {field.name: "other"}) == hashes[0]


def test_a_value_that_moves_to_the_next_column_is_a_change() -> None:
    row = plain(entities.USERS) | {"middleName": "x", "identifier": ""}
    header = BASE.header(entities.USERS)
    moved = row | {"middleName": "", "identifier": "x"}
    assert row_hash(entities.USERS, header, row) != row_hash(entities.USERS, header, moved)


def test_editions_of_a_profile_that_spell_a_column_otherwise_hash_alike() -> None:
    old, new = profiles.BY_NAME["jp-1.2"], profiles.BY_NAME["jp-k12-1.0"]
    row = plain(entities.ENROLLMENTS)
    before = row | {"metadata.jp.ShussekiNo": "7", "metadata.jp.PublicFlg": "true"}
    after = row | {"metadata.jp.shussekiNo": "7", "metadata.jp.publicFlg": "true"}
    hashes = {
        row_hash(entities.ENROLLMENTS, old.header(entities.ENROLLMENTS), before, old),
        row_hash(entities.ENROLLMENTS, new.header(entities.ENROLLMENTS), after, new),
        # in the base profile both are free metadata
        row_hash(entities.ENROLLMENTS, [*BASE.header(entities.ENROLLMENTS), *list(after)[-2:]], after),
    }
    assert len(hashes) == 1


def test_a_column_that_may_lack_counts_as_a_blank_one() -> None:
    row = plain(entities.USERS) | {"resourceSourcedIds": ""}
    header = BASE.header(entities.USERS)
    without = [name for name in header if name != "resourceSourcedIds"]
    lacking = {name: row[name] for name in without}
    assert row_hash(entities.USERS, header, row) == row_hash(entities.USERS, without, lacking)


def test_one_key_in_two_spellings_is_kept_once_and_the_profiles_own_wins(conninfo: str) -> None:
    profile = profiles.BY_NAME["jp-1.2"]
    header = [*profile.header(entities.ENROLLMENTS), "metadata.jp.shussekiNo"]
    row = plain(entities.ENROLLMENTS) | {"metadata.jp.ShussekiNo": "7", "metadata.jp.shussekiNo": "8"}
    (found,) = asyncio.run(staged(conninfo, entities.ENROLLMENTS, header, [row], profile))
    assert found["metadata"] == {"jp": {"shussekiNo": "7"}}


def test_a_longer_path_stands_where_a_shorter_one_is_filled_too(conninfo: str) -> None:
    header = [*BASE.header(entities.ORGS), "metadata.a", "metadata.a.b"]
    both = plain(entities.ORGS) | {"metadata.a": "1", "metadata.a.b": "2"}
    found = asyncio.run(staged(conninfo, entities.ORGS, header, [both, both | {"metadata.a.b": ""}]))
    assert [one["metadata"] for one in found] == [{"a": {"b": "2"}}, {"a": "1"}]


def test_no_password_reaches_the_lines_for_the_database() -> None:
    for entity in (entities.USERS, entities.USER_PROFILES):
        row = plain(entity) | {"password": "open sesame"}
        _, chunks, _ = asyncio.run(chunks_of(text_of(BASE.header(entity), [row]), entity, BASE))
        assert b"sesame" not in b"".join(chunks)


def test_values_that_are_sealed_stand_nowhere_in_the_lines_for_the_database() -> None:
    row = plain(entities.USERS) | {"email": "taro@example.jp", "phone": "03-0000-0001"}
    _, chunks, _ = asyncio.run(chunks_of(text_of(BASE.header(entities.USERS), [row]), entities.USERS, BASE))
    assert b"taro" not in b"".join(chunks)
    assert b"03-0000" not in b"".join(chunks)
