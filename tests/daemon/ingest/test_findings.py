"""What is told of a bundle: in the order of reading, so many of each code, and how many there are in all."""

import io
from pathlib import Path

from daemon.examine import recognise
from daemon.findings import Findings
from oneroster import dialects, entities, manifest, profiles, write
from oneroster.bundle import Bundle, open_bundle
from oneroster.problems import Problem
from oneroster.rows import Rows
from sql.tenants import Tenant

ORGS = "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId"


def problem(code: str, file: str, line: int, column: str = "") -> Problem:
    return Problem(code, file, line, column, "")


def read(findings: Findings, text: str) -> None:
    reader = Rows(io.BytesIO(text.encode()), "orgs.csv", entities.ORGS, profiles.BY_NAME["base-1.2"])
    findings.add(reader.problems)
    for batch in reader.batches():
        findings.add(batch.problems)
    findings.read(reader)


def places(findings: Findings) -> list[tuple[str, int, str]]:
    return [(one.file, one.line, one.column) for one in findings.kept]


def test_the_bundle_comes_first_then_its_manifest_then_its_files_in_the_order_of_dependence() -> None:
    findings = Findings()
    for file in ("planets.csv", "enrollments.csv", "users.csv", "", "orgs.csv", "manifest.csv"):
        findings.add([problem("E-CSV", file, 2), problem("E-CSV", file, 1)])
    files = ("", "manifest.csv", "orgs.csv", "users.csv", "enrollments.csv", "planets.csv")
    assert places(findings) == [(file, line, "") for file in files for line in (1, 2)]


def test_faults_of_a_row_come_in_the_order_of_the_columns_of_the_file() -> None:
    findings = Findings()
    header = ",".join(reversed(ORGS.split(",")))
    read(findings, f"{header}\n,,castle,North,,,ö\n")
    findings.add([problem("E-REF", "orgs.csv", 2, "parentSourcedId"), problem("E-COLUMNS", "orgs.csv", 2)])
    assert [column for _, line, column in places(findings) if line == 2] == [
        "", "parentSourcedId", "type", "sourcedId",
    ]  # fmt: skip


def test_a_fault_found_later_is_told_where_its_cell_begins() -> None:
    findings = Findings()
    read(findings, f'{ORGS}\no1,,,"North\r\n\rside\nwing",school,,o9\no2,,,South,school,,o9\n')
    findings.add([problem("E-REF", "orgs.csv", line, "parentSourcedId") for line in (2, 6)])
    findings.add([problem("E-DUPLICATE", "orgs.csv", 2, "sourcedId")])
    assert places(findings) == [
        ("orgs.csv", 2, "sourcedId"),
        ("orgs.csv", 2, "name"),
        ("orgs.csv", 5, "parentSourcedId"),
        ("orgs.csv", 6, "parentSourcedId"),
    ]


def test_so_many_of_a_code_are_kept_and_all_are_counted() -> None:
    findings = Findings()
    findings.add([problem("E-CSV", "orgs.csv", line) for line in range(1, 1_501)])
    findings.add([problem("E-REF", "users.csv", 2)], total=13_346)
    findings.add([problem("W-BOM", "users.csv", 1)])
    assert (findings.total["error"], findings.total["warning"]) == (14_846, 1)
    *listed, first, second = findings.kept
    assert len(listed) == Findings.MOST + 2
    assert [(one.code, one.file, one.line, one.detail) for one in (first, second)] == [
        ("E-CSV", "", 0, "500 more like this are not listed."),
        ("E-REF", "", 0, "13,345 more like this are not listed."),
    ]


def test_a_file_is_faulty_only_when_it_could_not_be_read_to_its_end() -> None:
    findings = Findings()
    read(findings, f"{ORGS}\no1,,,North,castle,,\n")
    assert (findings.faulty, findings.wrong) == (set(), {("orgs.csv", "type")})
    read(findings, f'{ORGS}\no1,,,"North,castle,,\n')
    assert findings.faulty == {"orgs.csv"}


def tenant(profile: str) -> Tenant:
    return Tenant(1, "board", "Board", profile, "active", {}, b"")


NAME = "RO_20260401_01.zip"


def written(folder: Path, profile: str) -> Path:
    one = profiles.BY_NAME[profile]
    files = {entity.name: [["x"] * len(one.header(entity))] for entity in (entities.USERS, entities.ENROLLMENTS)}
    write.write(folder, one, files)
    return folder


def misfit(setting: str, bundle: Bundle) -> str:
    assert bundle.manifest is not None
    return dialects.misfit(setting, bundle.headers(), bundle.manifest.version)


def test_how_the_profile_was_told_is_said_in_a_sentence(tmp_path: Path) -> None:
    with open_bundle(written(tmp_path, "jp-1.2.1")) as bundle:
        profile, why = recognise(tenant("auto"), NAME, bundle, Findings())
        assert (profile.name, why) == ("jp-1.2.1", "users.csv has metadata.jp.kanaPreferredFamilyName.")
        profile, why = recognise(tenant("jp-1.2"), NAME, bundle, Findings())
        assert (profile.name, why) == ("jp-1.2", "The tenant's setting.")


def test_a_setting_that_does_not_fit_is_named_where_columns_are_missing(tmp_path: Path) -> None:
    with open_bundle(written(tmp_path, "jp-1.2")) as bundle:
        assert misfit("auto", bundle) == misfit("jp-1.2", bundle) == ""
        hint = misfit("jp-1.2.1", bundle)
        with bundle.open("users.csv") as stream:
            reader = Rows(stream, "users.csv", entities.USERS, profiles.BY_NAME["jp-1.2.1"], "auto", hint)
    assert "The tenant's setting is jp-1.2.1; the bundle looks like jp-1.2: users.csv has resourceSourcedIds" in hint
    assert "`rosterhub tenant set CODE --profile jp-1.2`" in hint
    assert {one.code for one in reader.problems} == {"E-HEADER-MISSING", "E-HEADER-UNKNOWN"}
    assert all(hint in one.message for one in reader.problems)


def test_a_version_that_nobody_published_is_named_with_what_it_was_read_as(tmp_path: Path) -> None:
    found = Findings()
    with open_bundle(written(tmp_path, "jp-1.2.1")) as bundle:
        assert bundle.manifest is not None
        bundle.manifest = manifest.Manifest("1.2.2", 3, bundle.manifest.modes, bundle.manifest.lines)
        profile, _ = recognise(tenant("auto"), NAME, bundle, found)
    (one,) = found.kept
    assert (profile.name, one.code, one.line) == ("jp-1.2.1", "W-VERSION", 3)
    assert "1.2.2" in one.detail
    assert "1.2.1" in one.detail
