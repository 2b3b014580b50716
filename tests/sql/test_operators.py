"""What each role of a person may do: tried deed by deed on the database, where nothing of ours stands in between."""

import datetime
import re
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import psycopg
import pytest

from oneroster.refused import NoReason
from sql import audit, clients, database, decisions, inboxes, jobs, masking, operators, search, tenants
from sql.database import Connection, NotAllowed
from sql.inboxes import Door
from sql.operators import NEEDS, ROLES, Person

ME = audit.Actor("sato", "operator", "198.51.100.7")
MASTER = bytes(range(32))


class Made(msgspec.Struct):
    """What there is to do something with."""

    tenant: int
    held: uuid.UUID
    failed: uuid.UUID
    applied: uuid.UUID
    client: str


async def job(conn: Connection, tenant: int, state: str, revision: int | None = None) -> uuid.UUID:
    return await database.fetch_value(
        conn,
        "INSERT INTO jobs (tenant_id, via, bundle, sha256, bytes, day, state, revision)"
        " VALUES (%(tenant)s, 'hand', 'b.zip', '00', 1, '2026-04-01', %(state)s, %(revision)s) RETURNING id",
        {"tenant": tenant, "state": state, "revision": revision},
    )


@pytest.fixture
async def made(pool) -> Made:
    async with database.hub(pool, "admin") as conn:
        tenant = await tenants.add(conn, "minato", "Minato", "auto", MASTER, audit.SYSTEM)
        client, _ = await clients.add(conn, tenant.id, "lms", [], MASTER, audit.SYSTEM)
        await operators.add(conn, "kato", "viewer", None, audit.SYSTEM)
    async with database.hub(pool, "ingest") as conn:
        found = Made(
            tenant.id,
            await job(conn, tenant.id, "held"),
            await job(conn, tenant.id, "failed"),
            await job(conn, tenant.id, "applied", 1),
            client,
        )
        await conn.execute(
            "INSERT INTO revisions (tenant_id, revision, job_id, published_at) VALUES (%s, 1, %s, now())",
            (tenant.id, found.applied),
        )
    return found


async def receive(conn: Connection, made: Made) -> None:
    day = datetime.date(2026, 4, 2)
    await jobs.receive(conn, made.tenant, inbox=None, via="hand", bundle="c.zip", sha256="1", size=1, day=day)


async def rotate(conn: Connection, made: Made) -> None:
    client = await clients.by_id(conn, made.client)
    await clients.rotate(conn, client, datetime.timedelta(days=1), MASTER, ME)


DEEDS: dict[str, Callable[[Connection, Made], Awaitable[object]]] = {
    "job.approve": lambda c, m: with_job(c, m.held, lambda one: decisions.approve(c, one, None, "seen", ME)),
    "job.reject": lambda c, m: with_job(c, m.held, lambda one: decisions.reject(c, one, "cut off", ME)),
    "job.retry": lambda c, m: with_job(c, m.failed, lambda one: jobs.retry(c, one)),
    "job.rollback": lambda c, m: with_job(
        c, m.applied, lambda one: decisions.roll_back(c, one, "wrong", ME, cascade=False)
    ),
    "bundle.receive": receive,
    "tenant.add": lambda c, m: tenants.add(c, "naha", "Naha", "auto", MASTER, ME),
    "tenant.set": lambda c, m: database.run(
        c, "UPDATE tenants SET name = 'x', settings = '{}' WHERE id = %(tenant)s", {"tenant": m.tenant}
    ),
    "tenant.pause": lambda c, m: database.run(
        c, "UPDATE tenants SET state = 'paused' WHERE id = %(tenant)s", {"tenant": m.tenant}
    ),
    "inbox.add": lambda c, m: inboxes.add(c, m.tenant, Door(kind="drop", path="/srv"), ME),
    "client.add": lambda c, m: clients.add(c, m.tenant, "other", [], MASTER, ME),
    "client.set": lambda c, m: with_client(c, m, lambda one: clients.change(c, one, ME, rate=5)),
    "client.rotate": rotate,
    "client.revoke": lambda c, m: with_client(c, m, lambda one: clients.revoke(c, one, "ended", ME)),
    "operator.add": lambda c, m: operators.add(c, "ito", "admin", None, ME),
    "operator.set": lambda c, m: operators.set_role(c, "kato", "admin", ME),
    "operator.passwd": lambda c, m: operators.set_password(c, "kato", "hash", ME),
    "operator.disable": lambda c, m: operators.disable(c, "kato", ME),
    "operator.enable": lambda c, m: operators.enable(c, "kato", ME),
}
OURS = {
    # Without a right of the database's own: a load under the role of the loader that is given up; reading, of which the
    # entry is the deed; and what comes to the same as another.
    "bundle.rehearse",
    "bundle.export",
    "record.unmask",
    "tenant.resume",
    "inbox.test",
    "inbox.remove",
}


async def with_job(conn: Connection, number: uuid.UUID, do: Callable[[jobs.Job], Awaitable[object]]) -> None:
    await do(await jobs.by_prefix(conn, str(number)))


async def with_client(conn: Connection, made: Made, do: Callable[[clients.Client], Awaitable[object]]) -> None:
    await do(await clients.by_id(conn, made.client))


def test_every_deed_is_tried() -> None:
    assert DEEDS.keys() | OURS == NEEDS.keys()
    assert not DEEDS.keys() & OURS


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("deed", DEEDS)
async def test_the_database_allows_a_role_its_deeds_and_no_others(pool, made: Made, deed: str, role: str) -> None:
    allowed = ROLES.index(role) >= ROLES.index(NEEDS[deed])
    assert Person("sato", role).may(deed) == allowed
    if allowed:
        async with database.hub(pool, role) as conn:
            await DEEDS[deed](conn, made)
    else:
        with pytest.raises(NotAllowed, match="permission denied"):
            async with database.hub(pool, role) as conn:
                await DEEDS[deed](conn, made)
        async with database.hub(pool, "admin") as conn:
            await DEEDS[deed](conn, made)  # nothing has been done so far


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM jobs",
        "DELETE FROM tenants",
        "DELETE FROM clients",
        "DELETE FROM operators",
        "UPDATE audit SET who = 'x'",
        "DELETE FROM audit",
        "UPDATE users SET status = 'active'",
        "DELETE FROM enrollments",
        "UPDATE revisions SET published_at = now()",
        "UPDATE jobs SET tenant_id = 1",
        "SELECT password_hash FROM operators",
        "SELECT * FROM find_operator('kato')",
        "SELECT note_operator('kato', true)",
    ],
)
async def test_nobody_who_administers_may_do_this(pool, role: str, statement: str) -> None:
    with pytest.raises(NotAllowed):
        async with database.hub(pool, role) as conn:
            await conn.execute(statement)


async def test_a_refusal_names_the_role_that_is_needed(pool, made: Made) -> None:
    viewer = Person("sato", "viewer", "tty")
    with pytest.raises(NotAllowed) as refused:
        viewer.require("client.rotate")
    assert str(refused.value) == ("Your role does not allow this. client.rotate needs the role admin; sato is viewer.")
    assert refused.value.exit_code == 77
    assert refused.value.deed == "client.rotate"
    Person("sato", "admin").require("client.rotate")


async def test_unmasking_wants_a_reason_and_leaves_an_entry(pool, made: Made) -> None:
    async with database.hub(pool, "operator") as conn:
        with pytest.raises(NoReason):
            await masking.unmask(conn, made.tenant, "users/u1", " ", ME)
        await masking.unmask(conn, made.tenant, "users/u1", "asked by his parents", ME)
        (entry, *_) = (await search.page(conn, search.Asked(tenant="minato"))).entries
    assert (entry.action, entry.target, entry.who) == ("record.unmask", "users/u1", "sato")
    assert entry.detail == {"reason": "asked by his parents"}


async def test_a_login_of_its_own_takes_no_role_that_it_was_not_given(pool, conninfo: str, server: str) -> None:
    name = f"people_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'secret'")
        conn.execute(f"GRANT rosterhub_viewer TO {name}")
    try:
        own = psycopg.conninfo.make_conninfo(conninfo, user=name, password="secret")
        allowed = _lets_in(own)
        if not allowed:
            pytest.skip("the embedded server lets in owners of a database alone")
        async with database.open_pool(own) as theirs:
            async with database.hub(theirs, "viewer") as conn:
                assert await tenants.every(conn) == []
            with pytest.raises(NotAllowed):
                async with database.hub(theirs, "admin") as conn:
                    await conn.execute("SELECT 1")
    finally:
        with psycopg.connect(server, autocommit=True) as conn:
            conn.execute(f"DROP ROLE {name}")


def _lets_in(conninfo: str) -> bool:
    try:
        psycopg.connect(conninfo).close()
    except psycopg.OperationalError:
        return False
    return True


RIGHTS = """
    SELECT relname::text, substring(grantee::regrole::text FROM 11), lower(left(privilege_type, 1))
      FROM (SELECT c.relname, (aclexplode(c.relacl)).* FROM pg_class c
             WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
            UNION
            SELECT c.relname, (aclexplode(a.attacl)).* FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
             WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')) AS rights
     WHERE grantee::regrole::text = ANY (ARRAY['rosterhub_viewer', 'rosterhub_operator', 'rosterhub_admin'])
"""


def test_the_document_says_what_each_role_may_do_table_by_table(conninfo: str) -> None:
    text = (Path(__file__).parents[2] / "docs" / "operators.md").read_text()
    said = set()
    for names, *rights in re.findall(r"^\| (`.*?) \| ([siud ]*) \| ([siud ]*) \| ([siud ]*) \|$", text, re.MULTILINE):
        for table in re.findall(r"`(\w+)`", names):
            said |= {(table, role, right) for role, each in zip(ROLES, rights, strict=True) for right in each.split()}
    with psycopg.connect(conninfo) as conn:
        assert said == set(conn.execute(RIGHTS).fetchall())
