"""Checks of users: their roles, their class, and who leads a class (CSV binding section 5, Japan sheet 3 and 7)."""

from psycopg.sql import SQL, Composed, Literal

from oneroster.entities import ENROLLMENTS, ROLES, USERS, Entity
from sql import prospect, staging
from sql.database import Connection
from sql.prospect import Answer, Prospect


def _touched(work: Prospect, entity: Entity, rows: Composed) -> Composed:
    """Of these rows those about users of whom anything has changed, they themselves or their roles."""
    column = "sourced_id" if entity is USERS else "user_sourced_id"
    return prospect.touching(work, entity, rows, column, (USERS, "sourced_id"), (ROLES, "user_sourced_id"))


async def roleless(conn: Connection, work: Prospect) -> Answer:
    """Users of this bundle that have no role."""
    failing = SQL(
        "SELECT s.line, s.sourced_id AS value FROM {} s WHERE s.sourced_id IS NOT NULL"
        " AND NOT EXISTS (SELECT FROM {} r WHERE r.user_sourced_id = s.sourced_id)"
    ).format(
        _touched(work, USERS, prospect.staged(USERS)),
        _touched(work, ROLES, prospect.coming(work, ROLES, "user_sourced_id")),
    )
    return await prospect.find(conn, failing, "W-NO-ROLE", USERS.file, "sourcedId", "")


async def primary_twice(conn: Connection, work: Prospect) -> Answer:
    """Primary roles of a user in an org where he has one already."""
    failing = SQL(
        "SELECT line, user_sourced_id AS value, 'In org ' || org_sourced_id || '.' AS detail FROM"
        " (SELECT *, row_number() OVER (PARTITION BY user_sourced_id, org_sourced_id ORDER BY line) AS nth FROM {} r"
        " WHERE role_type = 'primary' AND user_sourced_id IS NOT NULL AND org_sourced_id IS NOT NULL) AS primaries"
        " WHERE nth > 1 AND line > 0"
    ).format(_touched(work, ROLES, prospect.coming(work, ROLES, "user_sourced_id", "org_sourced_id", "role_type")))
    return await prospect.find(conn, failing, "E-PRIMARY-TWICE", ROLES.file, "roleType")


async def no_primary(conn: Connection, work: Prospect) -> Answer:
    """Users with roles but no primary one, at the first row of the file that is about them.

    Of a user who does not exist it is said that he does not.
    """
    failing = SQL(
        "WITH lacking AS MATERIALIZED (SELECT s.line, s.user_sourced_id AS value FROM"
        " (SELECT user_sourced_id, coalesce(min(line) FILTER (WHERE status IS DISTINCT FROM 'tobedeleted'), min(line))"
        " AS line FROM {} f WHERE user_sourced_id IS NOT NULL GROUP BY user_sourced_id) s"
        # A role type that could not be read may be the primary one.
        " JOIN (SELECT user_sourced_id FROM {} r GROUP BY user_sourced_id"
        " HAVING NOT bool_or(coalesce(role_type = 'primary', true))) r USING (user_sourced_id))"
        " SELECT line, value FROM lacking WHERE EXISTS (SELECT FROM {} u WHERE u.sourced_id = value)"
    ).format(
        _touched(work, ROLES, SQL("{}").format(staging.table(ROLES))),
        prospect.coming(work, ROLES, "user_sourced_id", "role_type"),
        prospect.known(work, USERS),
    )
    return await prospect.find(conn, failing, "E-PRIMARY-NONE", ROLES.file, "roleType", "")


async def homeless(conn: Connection, work: Prospect) -> Answer:
    """Pupils of this bundle without a class of their own."""
    failing = SQL(
        "SELECT s.line, s.sourced_id AS value FROM {} s WHERE s.metadata #>> '{{jp,homeClass}}' IS NULL"
        " AND EXISTS (SELECT FROM {} r WHERE r.user_sourced_id = s.sourced_id AND r.role = 'student')"
    ).format(
        _touched(work, USERS, prospect.staged(USERS, "metadata")),
        _touched(work, ROLES, prospect.coming(work, ROLES, "user_sourced_id", "role")),
    )
    return await prospect.find(conn, failing, "W-HOME-CLASS", USERS.file, "metadata.jp.homeClass", "")


async def master_twice(conn: Connection, work: Prospect) -> Answer:
    """Users whose userMasterIdentifier another one has already."""
    failing = SQL(
        "SELECT line, user_master_identifier AS value FROM"
        " (SELECT *, row_number() OVER (PARTITION BY user_master_identifier_folded ORDER BY line) AS nth FROM {} u"
        " WHERE user_master_identifier_folded IS NOT NULL) AS named WHERE nth > 1 AND line > 0"
    ).format(
        prospect.touching(
            work,
            USERS,
            prospect.coming(work, USERS, "user_master_identifier", "user_master_identifier_folded"),
            "user_master_identifier_folded",
            (USERS, "user_master_identifier_folded"),
        )
    )
    return await prospect.find(conn, failing, "E-DUPLICATE", USERS.file, "userMasterIdentifier", "")


async def primary_teachers(conn: Connection, work: Prospect) -> Answer:
    """Primary teachers of a class that has another at the same time; the one who begins later is named.

    A last day is the day after in the base, and the last day itself in Japan.
    """
    failing = SQL(
        "WITH heads AS MATERIALIZED (SELECT line, class_sourced_id AS class, user_sourced_id AS person,"
        " coalesce(begin_date, '-infinity') AS begun, coalesce(end_date + {day}, 'infinity') AS ended FROM {rows} e"
        " WHERE role = 'teacher' AND \"primary\" AND class_sourced_id IS NOT NULL),"
        " ranked AS (SELECT *, max(ended) OVER (PARTITION BY class ORDER BY begun, line"
        " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS others_end,"
        # A stored one that begins later is named by nobody else.
        # Told backwards: a frame whose beginning moves is summed anew for every row.
        " min(begun) FILTER (WHERE line = 0) OVER (PARTITION BY class ORDER BY begun DESC, line DESC"
        " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS stored_begins FROM heads WHERE class IN"
        " (SELECT class FROM heads GROUP BY class HAVING count(DISTINCT person) > 1))"
        " SELECT line, 'true' AS value, 'Class ' || class || '.' AS detail FROM ranked"
        " WHERE line > 0 AND (begun < others_end OR stored_begins < ended)"
    ).format(
        day=Literal(int(work.profile.japanese)),
        rows=prospect.touching(
            work,
            ENROLLMENTS,
            prospect.coming(
                work, ENROLLMENTS, "class_sourced_id", "user_sourced_id", "role", "primary", "begin_date", "end_date"
            ),
            "class_sourced_id",
            (ENROLLMENTS, "class_sourced_id"),
        ),
    )
    return await prospect.find(conn, failing, "W-PRIMARY-TEACHER", ENROLLMENTS.file, "primary")
