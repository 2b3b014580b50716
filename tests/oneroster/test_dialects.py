"""What a bundle is written in, and how it was told; formats that only look like OneRoster 1.2."""

from collections.abc import Sequence

import pytest

from oneroster import dialects, entities, profiles
from oneroster.manifest import Manifest

FILES = ("users.csv", "classes.csv", "enrollments.csv", "orgs.csv")
OR11_USERS = [
    "sourcedId",
    "status",
    "dateLastModified",
    "enabledUser",
    "orgSourcedIds",
    "role",
    "username",
    "userIds",
    "givenName",
    "familyName",
    "middleName",
    "identifier",
    "email",
    "sms",
    "phone",
    "agentSourcedIds",
    "grades",
    "password",
]
"""Typed from the standard (CSV binding section 6)."""


def headers(profile: str, *files: str) -> dict[str, tuple[str, ...]]:
    one = profiles.BY_NAME[profile]
    return {entity.file: one.header(entity) for entity in entities.ALL if entity.file in (files or FILES)}


def said(version: str) -> Manifest:
    return Manifest(version, 3, {}, {})


@pytest.mark.parametrize(
    "given, version, expected, word",
    [
        (headers("base-1.2"), "1.2", "base-1.2", "no metadata.jp. column in users.csv, classes.csv, enrollments.csv"),
        (headers("base-1.2"), "1.2_JP", "base-1.2", "no metadata.jp."),
        (headers("jp-1.2"), "1.2", "jp-1.2", "users.csv has resourceSourcedIds"),
        (headers("jp-1.2.1"), "1.2", "jp-1.2.1", "users.csv has metadata.jp.kanaPreferredFamilyName"),
        (headers("jp-1.2.1"), "1.2_JP", "jp-1.2.1", "users.csv has metadata.jp.kanaPreferredFamilyName"),
        (headers("jp-k12-1.0"), "1.2", "jp-k12-1.0", "enrollments.csv has metadata.jp.shussekiNo"),
        (headers("jp-k12-1.0", "users.csv"), "1.2_JP", "jp-k12-1.0", "manifest.csv says 1.2_JP"),
        (headers("jp-k12-1.0", "users.csv"), "1.2.1", "jp-1.2.1", "users.csv has"),
        (headers("jp-1.2", "classes.csv"), "1.2", "jp-1.2", "none of what came later"),
        (headers("jp-1.2", "classes.csv"), "1.2.1", "jp-1.2.1", "metadata.jp.specialNeeds in classes.csv"),
        (headers("jp-1.2", "classes.csv"), "1.2.2", "jp-1.2.1", "manifest.csv says 1.2.2"),
        (headers("jp-1.2", "enrollments.csv"), "1.2", "jp-1.2", "metadata.jp.ShussekiNo in enrollments.csv"),
        (headers("jp-1.2", "orgs.csv"), "1.2_JP", "jp-k12-1.0", "manifest.csv says 1.2_JP"),
        (headers("jp-1.2", "orgs.csv"), "1.2", "base-1.2", "There is no metadata.jp. column."),
        ({}, "1.2", "base-1.2", "There is no metadata.jp. column."),
    ],
)
def test_headers_tell_the_profile_and_then_the_manifest(
    given: dialects.Headers, version: str, expected: str, word: str
) -> None:
    profile, why = dialects.recognise(given, version)
    assert (profile.name, word in why, why[-1]) == (expected, True, "."), why


SDS = [
    ("School.csv", "SIS ID,Name"),
    ("StudentEnrollment.csv", "Section SIS ID,SIS ID"),
    ("users.csv", "sourcedId,username,givenName,familyName,password,activeDirectoryMatchId,email,phone,sms"),
    ("users.csv", "sourcedId,orgSourcedIds,givenName,familyName,username,password,role,grade"),
    ("roles.csv", "userSourcedId,orgSourcedId,role,sessionSourcedId,grade,isPrimary,roleStartDate,roleEndDate"),
    ("classes.csv", "sourcedId,orgSourcedId,title,sessionSourcedIds,courseSourcedId"),
]


@pytest.mark.parametrize("file, header", SDS)
@pytest.mark.parametrize("found", [None, said("1.2"), said("1.1")])
def test_files_of_school_data_sync_are_known(file: str, header: str, found: Manifest | None) -> None:
    one = dialects.foreign({file: header.split(",")}, found)
    assert one is not None
    assert (one.code, one.file, one.line) == ("E-SDS", file, 1)


@pytest.mark.parametrize(
    "users, found, expected",
    [
        (OR11_USERS, said("1.1"), ("E-OR11", "users.csv", 1, "orgSourcedIds")),
        (OR11_USERS, said("1.2"), ("E-OR11", "users.csv", 1, "orgSourcedIds")),
        (OR11_USERS, None, ("E-OR10", "users.csv", 1, "orgSourcedIds")),
        (OR11_USERS, said("1.0"), ("E-OR10", "users.csv", 1, "orgSourcedIds")),
        ((), said("1.1"), ("E-OR11", "manifest.csv", 3, "oneroster.version")),
        ((), said("1.0"), ("E-OR10", "manifest.csv", 3, "oneroster.version")),
        ((), said("1.2"), None),
        ((), None, None),
        (headers("base-1.2")["users.csv"], said("1.1"), None),
        ((*headers("base-1.2")["users.csv"], "orgSourcedIds"), said("1.2"), None),
    ],
)
def test_earlier_editions_are_known_by_their_users_or_their_manifest(
    users: Sequence[str], found: Manifest | None, expected: tuple[str, str, int, str] | None
) -> None:
    one = dialects.foreign({"users.csv": users} if users else {}, found)
    assert expected == (one and (one.code, one.file, one.line, one.column))


def test_what_to_export_instead_is_said() -> None:
    for code in ("E-OR11", "E-OR10", "E-SDS"):
        one = dialects.Problem(code, "users.csv", 1, "", "")
        assert "Export OneRoster 1.2 CSV instead" in one.message
        assert "OneRoster 1.2のCSV" in one.japanese


@pytest.mark.parametrize(
    "name, good",
    [
        ("RO_20230404_01.zip", True),
        ("RO_20230404_B127210000018.zip", True),
        ("RO_20230431_01.zip", False),
        ("RO_20230404_.zip", False),
        ("RO_20230404_01.ZIP", False),
        ("oneroster_bulk_20230404120000.zip", False),
    ],
)
def test_a_bundle_in_japan_is_called_by_its_day_and_code(name: str, good: bool) -> None:
    assert dialects.is_japanese_name(name) is good
