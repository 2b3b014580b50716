"""Tenants: school boards, each with a key of its own."""

import datetime
import uuid
from collections.abc import Callable
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from oneroster import profiles
from oneroster.refused import NoReason, Refused
from sql import audit, database, dues, seal, settings, statements
from sql.database import Connection
from sql.settings import Settings

STATEMENTS = statements.load("tenants")


class UnknownTenant(Refused):
    """There is no such tenant."""

    hint = "See `rosterhub tenant list`."
    exit_code = 66


class TenantDiffers(Refused):
    """A tenant of this code exists with other values."""

    hint = "See `rosterhub tenant show CODE`; change it with `rosterhub tenant set`."
    exit_code = 73


class BadTenant(Refused):
    """That cannot be a tenant."""

    hint = "A code is 2 to 32 of a-z, 0-9 and hyphen; profiles are auto, base-1.2, jp-1.2, jp-1.2.1, jp-k12-1.0."
    exit_code = 64


class ChangedMeanwhile(Refused):
    """The tenant was changed since you looked at it."""

    hint = "Look at how it stands now, then change what you still want to change."
    exit_code = 73


class NotSo(Refused):
    """The tenant is not in a state that allows this."""

    hint = "See `rosterhub tenant show CODE`: what is active can be paused, what is paused can be resumed."
    exit_code = 73


class Tenant(msgspec.Struct, frozen=True):
    """A school board."""

    id: int
    code: str
    name: str
    profile: str
    state: str
    settings: dict[str, Any]
    wrapped_key: bytes
    version: int = 1
    """One more with every change of name, profile or settings."""
    paused_at: datetime.datetime | None = None
    paused_by: str | None = None
    paused_why: str | None = None

    def sealer(self, master: bytes) -> seal.Sealer:
        return seal.Sealer(master, self.wrapped_key)


class Health(msgspec.Struct, frozen=True):
    """A tenant as the first screen shows it."""

    id: int
    code: str
    name: str
    state: str
    job_id: uuid.UUID | None
    job_state: str | None
    reason: str | None
    reason_japanese: str | None
    received_at: datetime.datetime | None
    records: int
    errors: int
    warnings: int
    days: list[str | None]
    """The state of the last job of each of the last seven days in Japan, oldest first."""
    settings: dict[str, Any]
    created_at: datetime.datetime
    approved: bool
    """Whether its held job is approved, and waits for a worker."""
    delivered_at: datetime.datetime | None
    """When the last bundle came, whatever became of it."""
    paused_at: datetime.datetime | None = None
    paused_by: str | None = None
    paused_why: str | None = None

    def missed(self, now: datetime.datetime) -> datetime.datetime | None:
        """Since when a delivery is missing that was due; None while all is well, or nothing is due."""
        if self.state != "active":
            return None
        return dues.missed(settings.read(self.settings), self.created_at, self.delivered_at, now)


async def add(conn: Connection, code: str, name: str, profile: str, master: bytes, actor: audit.Actor) -> Tenant:
    """A new tenant, or the one that is there already with the same values.

    Raises BadTenant (64) on a code or profile that cannot be, TenantDiffers (73) when the code is taken.
    """
    _check_profile(profile)
    if not (2 <= len(code) <= 32 and set(code) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") and code[0] != "-"):
        raise BadTenant(f"Code {code}.")
    params = {"code": code, "name": name, "profile": profile, "wrapped_key": seal.new_tenant_key(master)}
    made = await database.fetch_one(conn, STATEMENTS["add"], Tenant, params)
    if made is not None:
        await audit.write(conn, made.id, actor, "tenant.add", code)
        return made
    there = await by_code(conn, code)
    if (there.name, there.profile) != (name, profile):
        raise TenantDiffers(f"{code} is {there.name} with profile {there.profile}.")
    return there


async def lock(conn: Connection, code: str) -> Tenant:
    """The tenant of that code, which nobody else changes until the transaction ends. Raises UnknownTenant (66)."""
    found = await database.fetch_one(conn, STATEMENTS["lock"], Tenant, {"code": code})
    if found is None:
        raise UnknownTenant(code)
    return found


async def change(
    conn: Connection,
    read: Tenant,
    name: str | None,
    profile: str | None,
    changed: Callable[[Settings], Settings],
    actor: audit.Actor,
) -> Tenant:
    """Change name, profile and settings of a tenant as it was `read`, what is None excepted.

    Raises ChangedMeanwhile (73), which says what, when it is no longer as it was read; UnknownTenant (66), and
    BadTenant (64).
    """
    _check_profile(profile or "auto")
    there = await lock(conn, read.code)
    if there.version != read.version:
        raise ChangedMeanwhile(_told(read, there))
    kept = settings.kept(changed(settings.read(there.settings)))
    params = {"tenant": there.id, "name": name, "profile": profile, "settings": Jsonb(kept)}
    found = await database.fetch_one(conn, STATEMENTS["change"], Tenant, params)
    assert found is not None
    before, after = ({"name": one.name, "profile": one.profile, "settings": one.settings} for one in (there, found))
    await audit.write(conn, found.id, actor, "tenant.set", read.code, detail={"before": before, "after": after})
    return found


def _told(read: Tenant, there: Tenant) -> str:
    """What has changed since."""
    found: dict[str, tuple[object, object]] = {
        name: (getattr(read, name), getattr(there, name))
        for name in ("name", "profile")
        if getattr(read, name) != getattr(there, name)
    }
    found |= settings.differences(settings.read(read.settings), settings.read(there.settings))
    said = [f"{name} {_word(before)} -> {_word(after)}" for name, (before, after) in found.items()]
    return f"{', '.join(said) or 'It was changed and changed back'}."


def _word(value: object) -> str:
    return "none" if value is None else str(value)


async def pause(conn: Connection, code: str, reason: str, actor: audit.Actor) -> Tenant:
    """Let what arrives wait: it is kept, and loaded once the tenant is resumed. A load under way ends.

    Raises UnknownTenant (66), NotSo (73) unless it is active, NoReason (64).
    """
    return await _turn(conn, code, "active", "paused", "tenant.pause", reason, actor)


async def resume(conn: Connection, code: str, reason: str, actor: audit.Actor) -> Tenant:
    """Load what waits, in order. Raises UnknownTenant (66), NotSo (73) unless it is paused, NoReason (64)."""
    return await _turn(conn, code, "paused", "active", "tenant.resume", reason, actor)


async def _turn(
    conn: Connection, code: str, before: str, after: str, action: str, reason: str, actor: audit.Actor
) -> Tenant:
    if not reason.strip():
        raise NoReason
    there = await lock(conn, code)
    if there.state != before:
        raise NotSo(f"{code} is {there.state}.")
    turned = {"tenant": there.id, "state": after, "who": actor.who, "reason": reason}
    found = await database.fetch_one(conn, STATEMENTS["turn"], Tenant, turned)
    assert found is not None
    await audit.write(conn, there.id, actor, action, code, detail={"reason": reason})
    return found


def _check_profile(profile: str) -> None:
    if profile != "auto" and profile not in profiles.BY_NAME:
        raise BadTenant(f"Profile {profile}.")


async def by_code(conn: Connection, code: str) -> Tenant:
    """The tenant of that code; raises UnknownTenant."""
    found = await database.fetch_one(conn, STATEMENTS["by_code"], Tenant, {"code": code})
    if found is None:
        raise UnknownTenant(code)
    return found


async def by_id(conn: Connection, tenant_id: int) -> Tenant:
    """The tenant of that number; raises UnknownTenant."""
    found = await database.fetch_one(conn, STATEMENTS["by_id"], Tenant, {"tenant": tenant_id})
    if found is None:
        raise UnknownTenant(str(tenant_id))
    return found


async def every(conn: Connection) -> list[Tenant]:
    """All tenants by code."""
    return await database.fetch_all(conn, STATEMENTS["all"], Tenant, {})


async def health(conn: Connection) -> list[Health]:
    """All tenants with what an admin wants to see first."""
    return await database.fetch_all(conn, STATEMENTS["health"], Health, {})
