"""Names are masked in records and in cells, whatever the profile calls the column."""

import pytest

from oneroster import entities, profiles
from sql import masking
from sql.jobs import Fault
from sql.operators import Person

PLAIN = {"sourcedId", "status", "dateLastModified", "enabledUser", "grades", "userSourcedId", "profileType", "vendorId",
         "applicationId", "description", "credentialType", "agentSourcedIds", "resourceSourcedIds",
         "primaryOrgSourcedId"}  # fmt: skip
"""Columns of users and their profiles that tell nobody who it is: written by hand from the sheet of the standard."""


@pytest.mark.parametrize("profile", profiles.ALL, ids=lambda one: one.name)
@pytest.mark.parametrize("entity", [entities.USERS, entities.USER_PROFILES], ids=lambda one: one.name)
def test_every_column_about_a_person_is_masked(profile, entity) -> None:
    for column in profile.header(entity):
        shown = masking.cell(entity.file, column, "山田 太郎")
        last = column.rsplit(".", 1)[-1]
        if last.startswith(("homeClass", "shusseki", "public", "attendance")) or column in PLAIN:
            assert shown == "山田 太郎", column
        elif last.lower().endswith("name"):
            assert shown == "山**", column
        else:
            assert shown == "***", column


def test_other_files_stay_as_they_are_but_for_what_is_sealed() -> None:
    assert masking.cell("orgs.csv", "identifier", "B123") == "B123"
    assert masking.cell("orgs.csv", "name", "港区") == "港区"
    assert masking.cell("demographics.csv", "birthDate", "2015-04-02") == "***"
    assert masking.cell("users.csv", "givenName", "") == ""


def test_what_a_role_is_shown_of_a_problem() -> None:
    found = [Fault("E-TEXT", "error", "users.csv", 3, "givenName", "花子\x07", "")]
    assert masking.faults(found, Person("a", "admin")) == found
    for role in ("viewer", "operator"):
        (one,) = masking.faults(found, Person("a", role))
        assert (one.value, one.line, one.column) == ("花**", 3, "givenName")
        assert masking.faults(found, Person("a", role), unmasked=True) == found
