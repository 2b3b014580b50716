"""A hub of one's own: real database, archive and worker; bundles go in by delivery, rows come out by SQL."""

import csv
import io
import zipfile
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from psycopg.types.json import Jsonb

from daemon import config, delivery, work
from sql import audit, database, jobs, tenants
from sql.database import Pool

STEMS = [
    "academicSessions",
    "categories",
    "classes",
    "classResources",
    "courses",
    "courseResources",
    "demographics",
    "enrollments",
    "lineItemLearningObjectiveIds",
    "lineItems",
    "lineItemScoreScales",
    "orgs",
    "resources",
    "resultLearningObjectiveIds",
    "results",
    "resultScoreScales",
    "roles",
    "scoreScales",
    "userProfiles",
    "userResources",
    "users",
]

HEADERS = {
    "orgs": "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId",
    "academicSessions": "sourcedId,status,dateLastModified,title,type,startDate,endDate,parentSourcedId,schoolYear",
    "courses": "sourcedId,status,dateLastModified,schoolYearSourcedId,title,courseCode,grades,orgSourcedId,subjects,"
    "subjectCodes",
    "classes": "sourcedId,status,dateLastModified,title,grades,courseSourcedId,classCode,classType,location,"
    "schoolSourcedId,termSourcedIds,subjects,subjectCodes,periods",
    "users": "sourcedId,status,dateLastModified,enabledUser,username,userIds,givenName,familyName,middleName,"
    "identifier,email,sms,phone,agentSourcedIds,grades,password,userMasterIdentifier,resourceSourcedIds,preferredGivenName,"
    "preferredMiddleName,preferredFamilyName,primaryOrgSourcedId,pronouns",
    "roles": "sourcedId,status,dateLastModified,userSourcedId,roleType,role,beginDate,endDate,orgSourcedId,"
    "userProfileSourcedId",
    "userProfiles": "sourcedId,status,dateLastModified,userSourcedId,profileType,vendorId,applicationId,description,"
    "credentialType,username,password",
    "enrollments": "sourcedId,status,dateLastModified,classSourcedId,schoolSourcedId,userSourcedId,role,primary,"
    "beginDate,endDate",
    "demographics": "sourcedId,status,dateLastModified,birthDate,sex,americanIndianOrAlaskaNative,asian,"
    "blackOrAfricanAmerican,nativeHawaiianOrOtherPacificIslander,white,demographicRaceTwoOrMoreRaces,"
    "hispanicOrLatinoEthnicity,countryOfBirthCode,stateOfBirthAbbreviation,cityOfBirth,publicSchoolResidenceStatus",
}
"""Base 1.2, typed from the standard's list (CSV binding section 5)."""

Row = dict[str, str]
Roster = dict[str, list[Row]]


def manifest(modes: Mapping[str, str], version: str = "1.2") -> str:
    lines = ["propertyName,value", "manifest.version,1.0", f"oneroster.version,{version}"]
    return "\n".join(lines + [f"file.{stem},{modes.get(stem, 'absent')}" for stem in STEMS]) + "\n"


def text(stem: str, rows: list[Row]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, HEADERS[stem].split(","), restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def zipped(target: Path, roster: Roster, modes: Mapping[str, str] | None = None, *, backwards: bool = False) -> Path:
    modes = modes or dict.fromkeys(roster, "bulk")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        members = {"manifest.csv": manifest(modes)}
        members |= {
            f"{stem}.csv": text(stem, list(reversed(rows)) if backwards else rows) for stem, rows in roster.items()
        }
        for name in reversed(list(members)) if backwards else members:
            archive.writestr(name, members[name])
    return target


def small() -> Roster:
    """A district with two schools, a year with two terms, a course, two classes, twelve pupils, a teacher, a parent."""
    pupils = [f"u-{number}" for number in range(1, 13)]
    return {
        "orgs": [
            {"sourcedId": "d-1", "name": "緑ヶ原市教育委員会", "type": "district"},
            {"sourcedId": "s-1", "name": "North", "type": "school", "identifier": "N1", "parentSourcedId": "d-1"},
            {"sourcedId": "s-2", "name": "South", "type": "school", "identifier": "S2", "parentSourcedId": "d-1"},
        ],
        "academicSessions": [
            {"sourcedId": "y-1", "title": "2026", "type": "schoolYear", "startDate": "2026-04-01",
             "endDate": "2027-04-01", "schoolYear": "2027"},
            {"sourcedId": "t-1", "title": "Spring", "type": "term", "startDate": "2026-04-01",
             "endDate": "2026-08-01", "parentSourcedId": "y-1", "schoolYear": "2027"},
        ],
        "courses": [
            {"sourcedId": "co-1", "title": "国語", "orgSourcedId": "s-1", "schoolYearSourcedId": "y-1",
             "grades": "P1,P2", "subjects": "国語", "subjectCodes": "P010"},
        ],
        "classes": [
            {"sourcedId": "c-1", "title": "1-1", "courseSourcedId": "co-1", "classType": "homeroom",
             "schoolSourcedId": "s-1", "termSourcedIds": "t-1,y-1", "periods": "1,2", "location": "Room 1"},
            {"sourcedId": "c-2", "title": "1-2", "courseSourcedId": "co-1", "classType": "scheduled",
             "schoolSourcedId": "s-1", "termSourcedIds": "t-1"},
        ],
        "users": [
            *({"sourcedId": one, "enabledUser": "true", "username": f"name-{one}", "givenName": "太郎",
               "familyName": "山田", "grades": "P1", "email": f"{one}@example.jp", "phone": "03-0000-0001",
               "agentSourcedIds": "g-1" if one == "u-1" else ""} for one in pupils),
            {"sourcedId": "te-1", "enabledUser": "true", "username": "teacher", "givenName": "花子",
             "familyName": "佐藤", "password": "never kept", "userIds": "{LDAP:abc},{LTI:x:1}".replace(":1", "1")},
            {"sourcedId": "g-1", "enabledUser": "false", "username": "parent", "givenName": "次郎",
             "familyName": "山田", "agentSourcedIds": "u-1"},
        ],
        "userProfiles": [
            {"sourcedId": "p-1", "userSourcedId": "te-1", "profileType": "LMS", "vendorId": "v", "applicationId": "a",
             "credentialType": "plain", "username": "teacher", "password": "never kept either"},
        ],
        "roles": [
            *({"sourcedId": f"r-{one}", "userSourcedId": one, "roleType": "primary", "role": "student",
               "orgSourcedId": "s-1"} for one in pupils),
            {"sourcedId": "r-te", "userSourcedId": "te-1", "roleType": "primary", "role": "teacher",
             "orgSourcedId": "s-1", "beginDate": "2026-04-01", "userProfileSourcedId": "p-1"},
            {"sourcedId": "r-g", "userSourcedId": "g-1", "roleType": "primary", "role": "guardian",
             "orgSourcedId": "s-1"},
        ],
        "demographics": [
            {"sourcedId": one, "birthDate": "2019-05-06", "sex": "female", "asian": "true", "cityOfBirth": "Leeds"}
            for one in pupils
        ],
        "enrollments": [
            *({"sourcedId": f"e-{one}", "classSourcedId": "c-1", "schoolSourcedId": "s-1", "userSourcedId": one,
               "role": "student", "primary": "false"} for one in pupils),
            {"sourcedId": "e-te", "classSourcedId": "c-1", "schoolSourcedId": "s-1", "userSourcedId": "te-1",
             "role": "teacher", "primary": "true", "beginDate": "2026-04-01", "endDate": "2027-04-01"},
        ],
    }  # fmt: skip


TABLES = {
    "orgs": "orgs",
    "academicSessions": "academic_sessions",
    "courses": "courses",
    "classes": "classes",
    "users": "users",
    "demographics": "demographics",
    "enrollments": "enrollments",
}


class Hub:
    """One tenant, and the worker that loads its bundles."""

    def __init__(self, pool: Pool, conninfo: str, folder: Path) -> None:
        self.pool, self.conninfo, self.folder = pool, conninfo, folder
        self.settings = config.load(None, folder / "state", {})
        self.worker = work.Worker(self.settings, pool, "test")
        self.tenant: tenants.Tenant

    async def begin(self) -> None:
        async with database.hub(self.pool, "admin") as conn:
            self.tenant = await tenants.add(conn, "board", "Board", "auto", self.worker.master, audit.SYSTEM)

    async def set(self, profile: str, settings: Mapping[str, str]) -> None:
        """What the tenant says of its bundles."""
        async with database.hub(self.pool, "owner") as conn:
            await conn.execute(
                "UPDATE tenants SET profile = %s, settings = %s WHERE id = %s",
                (profile, Jsonb(dict(settings)), self.tenant.id),
            )

    async def deliver(self, bundle: Path, name: str = "RO_20260401_239930.zip") -> jobs.Job:
        """A bundle, delivered and loaded; the job as it ended."""
        number = await delivery.deliver(
            self.pool, self.worker.master, self.settings.state, self.tenant,
            inbox=None, via="hand", bundle=name, source=bundle, actor=audit.SYSTEM,
        )  # fmt: skip
        while await self.worker.turn(self.conninfo):
            pass
        async with database.hub(self.pool, "viewer", read_only=True) as conn:
            return await jobs.by_prefix(conn, str(number))

    async def roster(
        self,
        roster: Roster,
        modes: Mapping[str, str] | None = None,
        *,
        backwards: bool = False,
        name: str = "RO_20260401_239930.zip",
    ) -> jobs.Job:
        """The same from rows."""
        return await self.deliver(zipped(self.folder / "b.zip", roster, modes, backwards=backwards), name)

    async def problems(self, job: jobs.Job) -> list[jobs.Fault]:
        async with database.hub(self.pool, "viewer", read_only=True) as conn:
            return await jobs.problems(conn, job.tenant_id, job.id)

    async def counts(self, job: jobs.Job) -> dict[str, jobs.Count]:
        async with database.hub(self.pool, "viewer", read_only=True) as conn:
            return {one.entity: one for one in await jobs.counts(conn, job.tenant_id, job.id)}

    async def moved(self) -> dict[str, dict[str, tuple[str, int]]]:
        """Of every record its status and the revision that last changed it."""
        found: dict[str, dict[str, tuple[str, int]]] = {}
        async with database.tenant(self.pool, self.tenant.id) as conn:
            for entity, table in TABLES.items():
                cursor = await conn.execute(
                    f"SELECT sourced_id, status, changed FROM {table} WHERE tenant_id = %s", (self.tenant.id,)
                )
                found[entity] = {row[0]: (row[1], row[2]) for row in await cursor.fetchall()}
        return found

    async def document(self, entity: str, number: str) -> dict[str, Any]:
        async with database.tenant(self.pool, self.tenant.id) as conn:
            text = await database.fetch_value(
                conn,
                f"SELECT document FROM {TABLES[entity]} WHERE tenant_id = %(tenant)s AND sourced_id = %(id)s",
                {"tenant": self.tenant.id, "id": number},
            )
        return msgspec.json.decode(text.replace("\x01", "base"))  # type: ignore[no-any-return]

    async def revisions(self) -> int:
        async with database.tenant(self.pool, self.tenant.id) as conn:
            return int(await database.fetch_value(
                conn, "SELECT count(*) FROM revisions WHERE tenant_id = %(tenant)s AND published_at IS NOT NULL",
                {"tenant": self.tenant.id},
            ))  # fmt: skip


def difference(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> set[str]:
    """`users/u-1` of every record that is not as it was."""
    return {
        f"{entity}/{number}"
        for entity in after
        for number in {*before[entity], *after[entity]}
        if before[entity].get(number) != after[entity].get(number)
    }


@pytest.fixture
async def hub(pool: Pool, conninfo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    monkeypatch.setattr(work, "KNOWN_EVERYWHERE", 0.0)  # nobody asks by the API
    one = Hub(pool, conninfo, tmp_path)
    await one.begin()
    yield one


@pytest.fixture
def roster() -> Roster:
    return small()


@pytest.fixture
def changes() -> Callable[..., set[str]]:
    return difference
