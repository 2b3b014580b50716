"""The entity table, the vocabularies and the profiles hold what the standard says (tests/standard)."""

import json
from pathlib import Path
from typing import Any

import pytest

from oneroster import dialects, entities, kinds, profiles, vocabularies
from oneroster.entities import Entity

STANDARD = Path(__file__).parents[1] / "standard"
CSV = json.loads((STANDARD / "csv.json").read_text())
MEMBERS = json.loads((STANDARD / "members.json").read_text())
VOCABULARIES = json.loads((STANDARD / "vocabularies.json").read_text())
JAPAN = json.loads((STANDARD / "japan.json").read_text())
MANIFEST = json.loads((STANDARD / "manifest.json").read_text())

KINDS = {
    "guid": kinds.GUID,
    "guids": kinds.GUIDS,
    "text": kinds.TEXT,
    "texts": kinds.TEXTS,
    "word": kinds.WORD,
    "boolean": kinds.BOOLEAN,
    "date": kinds.DATE,
    "instant": kinds.INSTANT,
    "year": kinds.YEAR,
    "userIds": kinds.USER_IDS,
}
TYPES = {
    "orgs": "Org",
    "academicSessions": "AcademicSession",
    "courses": "Course",
    "classes": "Class",
    "users": "User",
    "roles": "Role",
    "userProfiles": "UserProfile",
    "enrollments": "Enrollment",
    "demographics": "Demographics",
}
every_entity = pytest.mark.parametrize("entity", entities.ALL, ids=lambda entity: entity.name)
every_profile = pytest.mark.parametrize("profile", profiles.ALL, ids=lambda profile: profile.name)


def test_the_table_has_the_files_of_the_standard_in_the_order_of_dependence() -> None:
    assert [entity.name for entity in entities.ALL] == MANIFEST["load_order"]
    assert {entity.file for entity in entities.ALL} | set(entities.SKIPPED_FILES) == {
        f"{stem}.csv" for stem in MANIFEST["files"]
    }


@every_entity
def test_columns_have_the_names_and_the_order_of_the_standard(entity: Entity) -> None:
    assert [field.name for field in entity.fields] == list(CSV[entity.name])


@every_entity
def test_columns_are_of_the_kind_and_as_required_as_in_the_standard(entity: Entity) -> None:
    for field in entity.fields:
        fact = CSV[entity.name][field.name]
        assert field.kind is KINDS[fact["kind"]], field.name
        assert field.required == fact["required"], field.name
        assert field.refers == fact.get("refers"), field.name


@every_entity
def test_words_of_a_column_are_those_of_the_standard(entity: Entity) -> None:
    for field in entity.fields:
        fact = VOCABULARIES["base"].get("status" if field.name == "status" else f"{entity.name}.{field.name}")
        assert (field.words is None) == (fact is None), field.name
        if fact is not None and field.words is not None:
            assert set(field.words.words) == set(fact["words"]), field.name
            assert field.words.extensible == fact["extensible"], field.name


@every_entity
def test_columns_become_the_members_of_the_json_record(entity: Entity) -> None:
    facts = MEMBERS[TYPES[entity.name]]
    own = {field.member.split(".")[0] for field in entity.own if field.member}
    beside = {"children"} if entity.children else set()
    if entity.part_of:
        beside |= {"profileId"} if entity is entities.USER_PROFILES else set()
    else:
        own |= {field.member for field in entities.STANDARD}
        beside |= {"metadata"}
    if entity is entities.USERS:
        beside |= {part.name for part in entities.ALL if part.part_of}
    if entity in (entities.CLASSES, entities.COURSES):
        beside |= {"resources"}  # comes from files of the resources service, which are not read
    assert own | beside == set(facts)
    assert not own & beside


@every_entity
def test_members_are_lists_and_words_as_the_json_binding_says(entity: Entity) -> None:
    for field in entity.own:
        if not field.member or "." in field.member:
            continue
        fact: dict[str, Any] = MEMBERS[TYPES[entity.name]][field.member]
        assert field.kind.many == fact.get("list", False), field.name
        words = ("true", "false") if field.kind is kinds.BOOLEAN else field.words.words if field.words else ()
        assert set(words) == set(fact.get("words", ())), field.name
        assert (field.words.extensible if field.words else False) == fact.get("extensible", False), field.name
        assert (field.kind is kinds.DATE) == (fact.get("format") == "date"), field.name


@every_entity
def test_members_the_json_binding_requires_are_required_in_the_csv_or_always_sent(entity: Entity) -> None:
    facts = MEMBERS[TYPES[entity.name]]
    for field in entity.own:
        if field.member in facts:
            assert field.always == (facts[field.member]["required"] and not field.required), field.name


def test_credentials_have_the_members_of_the_json_binding() -> None:
    dotted = {field.member for field in entities.USER_PROFILES.own if "." in field.member}
    assert dotted == {f"credentials.{name}" for name in MEMBERS["Credential"]}


@every_entity
def test_references_point_at_entities_or_at_resources_which_are_not_read(entity: Entity) -> None:
    assert {field.refers for field in entity.fields if field.refers} <= {*entities.BY_NAME, "resources"}


def test_what_is_personal_beyond_a_name_is_sealed_and_passwords_are_dropped() -> None:
    sealed = {(entity.name, field.name) for entity in entities.ALL for field in entity.sealed}
    assert sealed == {("users", "email"), ("users", "sms"), ("users", "phone")} | {
        ("demographics", name) for name in list(CSV["demographics"])[3:]
    }
    assert all(field.dropped == (field.name == "password") for entity in entities.ALL for field in entity.fields)


@every_profile
def test_a_profile_has_the_columns_of_its_sheet_in_their_order(profile: profiles.Profile) -> None:
    fact = JAPAN.get(profile.name, {})
    for entity in entities.ALL:
        left_out = fact.get("left_out", {}).get(entity.name, [])
        header = [name for name in CSV[entity.name] if name not in left_out]
        header += fact.get("added", {}).get(entity.name, [])
        assert profile.header(entity) == tuple(header)
        assert len(header) == fact.get("counts", {}).get(entity.name, len(CSV[entity.name]))


@every_profile
def test_a_profile_needs_the_minimum_of_a_bulk_bundle(profile: profiles.Profile) -> None:
    assert set(profile.mandatory) == set(MANIFEST["bulk_needs"])


def test_there_is_a_profile_for_each_of_the_facts_and_the_base() -> None:
    assert set(profiles.BY_NAME) == {"base-1.2", *JAPAN}
    for name, fact in JAPAN.items():
        assert list(profiles.BY_NAME[name].versions) == fact["oneroster.version"]
        assert profiles.BY_NAME[name].japanese
    assert profiles.BY_NAME["base-1.2"].versions == ("1.2", "1.2.1")
    assert profiles.BY_NAME["base-1.2"].may_lack == {"users": ("resourceSourcedIds",)}


@every_profile
def test_words_of_a_profile_are_those_of_its_sheet(profile: profiles.Profile) -> None:
    facts = VOCABULARIES["base"] | (VOCABULARIES["japan"] if profile.japanese else {})
    for entity in entities.ALL:
        for field in profile.fields(entity):
            words = profile.words(entity, field)
            if words is not None:
                fact = facts["status" if field.name == "status" else f"{entity.name}.{field.name}"]
                assert set(words.words) == set(fact["words"])
                assert words.extensible == fact["extensible"]


@every_profile
def test_metadata_has_the_keys_of_the_newest_edition(profile: profiles.Profile) -> None:
    newest = profiles.BY_NAME["jp-k12-1.0"]
    for entity in entities.ALL:
        keys = [one.key for one in profile.metadata(entity)]
        assert keys == [one.header for one in newest.metadata(entity)][: len(keys)]
        assert all(one.refers in (None, "classes") for one in profile.metadata(entity))


@every_profile
def test_a_profile_is_recognised_by_its_headers(profile: profiles.Profile) -> None:
    assert dialects.recognise({entity.file: profile.header(entity) for entity in entities.ALL})[0] is profile


def test_modes_of_a_manifest_are_those_of_the_standard() -> None:
    assert list(vocabularies.FILE_MODES.words) == MANIFEST["modes"]
