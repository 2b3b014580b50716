"""Reading rosters: every statement names the tenant, history stands in for what is not published, plans use keys."""

import re

import pytest
from psycopg.sql import SQL

from oneroster import entities, filters
from sql import database, predicates, reading, revisions, rosters
from sql.rosters import Order, Selection, Shown

ORGS = [{"sourcedId": f"o-{number:03}", "name": f"Org {number}", "type": "school"} for number in range(50)]


async def shown(pool, board):
    async with database.tenant(pool, board.tenant.id) as conn:
        snapshot = await revisions.snapshot(conn, board.tenant.id)
    sealer = board.tenant.sealer(board.master)
    return Shown(snapshot.published, snapshot.committed > snapshot.published, sealer)


def every_condition():
    return (
        predicates.Is("type", "school"),
        predicates.IsNot("type", "district"),
        predicates.Either(
            (
                predicates.Is("sourced_id", "{id}"),
                predicates.Among("sourced_id", entities.CLASSES, "term_sourced_ids", (), listed=True),
                predicates.Among("sourced_id", entities.ROLES, "org_sourced_id", (predicates.Is("role", "x"),)),
            )
        ),
    )


@pytest.mark.parametrize("behind", [False, True])
def test_every_table_is_read_under_its_tenants_number_and_the_revision(behind):
    params = {"path_id": "x"}
    where = [predicates.condition(one, params, behind=behind) for one in every_condition()]
    for entity in entities.EXPOSED:
        text = rosters._statement(entity, where, Order(), bound=100, behind=behind).as_string(None)
        # children of an org or a session are in its document; there is no other way to a table than this one
        tables = len(re.findall(r'FROM "\w+" AS t\b', text))
        assert tables == (10 if behind else 3)
        assert text.count("t.tenant_id = %(tenant)s AND t.changed <= %(revision)s") == tables
        assert text.count("t.until > %(revision)s") == (5 if behind else 0)


async def test_a_page_in_the_past_is_the_page_that_was(board, pool):
    one = await board("one")
    await one.load({"orgs": ORGS})
    orders = [Order(), Order("name", True), Order("dateLastModified", True), Order("sourcedId", True)]
    pages = [(limit, offset, order) for limit in (1, 7, 100) for offset in (0, 6, 49, 60) for order in orders]

    async def read():
        at = await shown(pool, one)
        (total,), *answers = await reading.ask(
            pool,
            one.tenant.id,
            [
                rosters.total(at, "orgs"),
                *(
                    rosters.page(at, Selection(entities.ORGS), {}, limit=limit, skip=offset, order=order)
                    for limit, offset, order in pages
                ),
            ],
        )
        found = [rosters.picked(answer) for answer in answers]
        seen = {revision for page in found for revision in page.changed}
        (stamps,) = await reading.ask(pool, one.tenant.id, [rosters.stamps(seen)])
        return int(total[0]), [rosters.records(rows, entities.ORGS, at.sealer, dict(stamps)) for rows in found]

    before = await read()
    kept = [{**org, "name": f"{org['name']}x"} if number % 3 else org for number, org in enumerate(ORGS)]
    await one.load(
        {"orgs": [*kept[:20], *kept[25:], {"sourcedId": "o-0000", "name": "A", "type": "school"}]}, publish=False
    )
    await one.load({"orgs": [*kept[5:], {"sourcedId": "a", "name": "Z", "type": "school"}]}, publish=False)
    assert await read() == before
    await one.publish()
    after = await read()
    assert after != before
    assert (before[0], after[0]) == (50, 52)


async def test_a_count_is_of_the_revision_and_the_filter(board, pool):
    one = await board("one")
    await one.load({"orgs": ORGS})
    before = await shown(pool, one)
    await one.load({"orgs": [{**org, "name": "x"} for org in ORGS]})
    chosen, orgs = filters.parse("name~'org 1'", entities.ORGS), Selection(entities.ORGS)
    after = await shown(pool, one)
    assert (before.revision, after.revision) == (1, 2)
    queries = [rosters.count(Shown(at.revision, True, at.sealer), orgs, {}, chosen) for at in (before, after)]
    assert await reading.ask(pool, one.tenant.id, queries) == [[(b"11",)], [(b"0",)]]


async def test_a_tenant_without_its_number_set_reads_nothing(board, pool):
    one = await board("one")
    await one.load({"orgs": ORGS})
    async with database.hub(pool, "api", read_only=True) as conn:
        for table in ("orgs", "orgs_history", "users", "revisions", "totals"):
            assert await database.fetch_value(conn, SQL("SELECT count(*) FROM " + table), {}) == 0


async def test_a_single_record_and_a_page_are_found_by_key(board, pool):
    """No read of one record or of the first page walks a table."""
    one = await board("one")
    await one.load({"orgs": [{"sourcedId": f"o-{n}", "name": "x", "type": "school"} for n in range(3000)]})
    params = {"tenant": one.tenant.id, "revision": 1, "limit": 10, "offset": 0, "end": 10, "path_id": "o-5"}
    for where in ([], [predicates.condition(predicates.Is("sourced_id", "{id}"), params, behind=False)]):
        statement = rosters._statement(entities.ORGS, where, Order(), bound=100, behind=False)
        async with database.tenant(pool, one.tenant.id) as conn:
            cursor = await conn.execute(SQL("EXPLAIN {}").format(statement), params)
            plan = "\n".join(row[0] for row in await cursor.fetchall())
        assert "Index" in plan and "Seq Scan on orgs" not in plan, plan
