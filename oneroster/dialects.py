"""What a bundle is written in: told by its headers first, then by its manifest, with the reason in a sentence.

Formats that look like OneRoster 1.2 and are not (1.0, 1.1, Microsoft SDS) are known by name, so that the sender hears
what to export instead (CSV binding section 6; Japan sheet section 1, Detection).
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from oneroster import kinds, manifest
from oneroster.manifest import Manifest
from oneroster.problems import Problem
from oneroster.profiles import BY_NAME, Profile

Headers = Mapping[str, Sequence[str]]
"""File name to its header row."""

OF_OR11 = ("orgSourcedIds", "role")
"""Columns of users.csv that became roles.csv in 1.2."""
OF_OR12 = ("userMasterIdentifier", "primaryOrgSourcedId", "pronouns")
"""Columns that users.csv has since 1.2."""
OF_SDS = ("activeDirectoryMatchId", "sessionSourcedId", "sessionSourcedIds", "roleStartDate")
"""Columns of Microsoft School Data Sync 2.1 that no edition of OneRoster has; those of version 1 say `SIS ID`."""
OF_K12 = ("metadata.jp.shussekiNo", "metadata.jp.publicFlg")
PREFERRED_KANA = "metadata.jp.kanaPreferred"
ZIP_NAME = re.compile(r"RO_([0-9]{8})_[0-9A-Za-z]+\.zip")
"""What Japan calls a bundle (Japan sheet section 2)."""
BY_VERSION = {"1.2_JP": "jp-k12-1.0", "1.2.1": "jp-1.2.1", "1.2.2": "jp-1.2.1"}
"""What the manifest of a Japanese bundle means where its headers leave it open."""


def foreign(headers: Headers, found: Manifest | None) -> Problem | None:
    """The problem of a bundle that is written in another format altogether, or None."""
    for file, header in headers.items():
        for column in header:
            if (column.endswith("SIS ID") or column in OF_SDS) and "dateLastModified" not in header:
                return Problem("E-SDS", file, 1, column, column)
    users = headers.get("users.csv", ())
    old = next((column for column in OF_OR11 if column in users), None)
    if old is not None and "dateLastModified" not in users:
        return Problem("E-SDS", "users.csv", 1, old, old)
    version = found.version if found is not None else ""
    if old is not None and not any(column in users for column in OF_OR12):
        if found is None or version.startswith("1.0"):
            return Problem("E-OR10", "users.csv", 1, old, old)
        return Problem("E-OR11", "users.csv", 1, old, old)
    if version.startswith(("1.0", "1.1")) and not _is_newer(headers):
        assert found is not None
        code = "E-OR10" if version.startswith("1.0") else "E-OR11"
        return Problem(code, manifest.NAME, found.version_line, "oneroster.version", version)
    return None


def recognise(headers: Headers, version: str = "") -> tuple[Profile, str]:
    """The profile a bundle of 1.2 is written in, and how it was told."""
    name, reason = _told(headers, version)
    return BY_NAME[name], reason


def misfit(setting: str, headers: Headers, version: str) -> str:
    """What to say of columns that are missing when a tenant's setting is not what the headers tell; else ""."""
    profile, why = recognise(headers, version)
    if setting in ("auto", profile.name):
        return ""
    return (
        f"The tenant's setting is {setting}; the bundle looks like {profile.name}: {why}"
        f" See `rosterhub tenant set CODE --profile {profile.name}`, or auto."
    )


def strange_version(found: Manifest, profile: Profile) -> list[Problem]:
    """The problem of a version in the manifest that is not one of the profile's; others than 1.x are told already."""
    if found.version in profile.versions or not found.version.startswith("1."):
        return []
    detail = f"Read as {profile.name}, whose manifest says {' or '.join(profile.versions)}."
    if found.version == "1.2.2":
        detail = f"No edition 1.2.2 has been published; read as 1.2.1 ({profile.name})."
    return [Problem("W-VERSION", manifest.NAME, found.version_line, "oneroster.version", found.version, detail)]


def is_japanese_name(bundle: str) -> bool:
    """Whether a zip is called RO_YYYYMMDD_code.zip, with a day of the calendar."""
    found = ZIP_NAME.fullmatch(bundle)
    return found is not None and kinds.is_date(f"{found[1][:4]}-{found[1][4:6]}-{found[1][6:]}")


def _told(headers: Headers, version: str) -> tuple[str, str]:
    users, enrollments = headers.get("users.csv", ()), headers.get("enrollments.csv", ())
    japanese = next(_japanese(headers), None)
    if japanese is None:
        telling = [file for file in ("users.csv", "classes.csv", "enrollments.csv") if headers.get(file)]
        if not telling and version == "1.2_JP":
            return BY_VERSION[version], f"manifest.csv says {version}."
        where = f" in {', '.join(telling)}" if telling else ""
        return "base-1.2", f"There is no metadata.jp. column{where}."
    for column in OF_K12:
        if column in enrollments:
            return "jp-k12-1.0", f"enrollments.csv has {column}."
    if "resourceSourcedIds" in users:
        return "jp-1.2", f"users.csv has resourceSourcedIds, and {japanese}."
    preferred = next((column for column in users if column.startswith(PREFERRED_KANA)), None)
    if preferred is not None:
        if version == "1.2_JP" and not enrollments:
            return "jp-k12-1.0", f"users.csv has {preferred}, and manifest.csv says {version}."
        return "jp-1.2.1", f"users.csv has {preferred}."
    if version in BY_VERSION:
        return BY_VERSION[version], f"There is {japanese}, and manifest.csv says {version}."
    return "jp-1.2", f"There is {japanese}, and none of what came later."


def _japanese(headers: Headers) -> Iterator[str]:
    for file, header in headers.items():
        for column in header:
            if column.startswith("metadata.jp."):
                yield f"{column} in {file}"


def _is_newer(headers: Headers) -> bool:
    """Whether the headers are those of 1.2, whatever the manifest says."""
    users = headers.get("users.csv", ())
    return any(column in users for column in OF_OR12) or any(_japanese(headers)) or "roles.csv" in headers
