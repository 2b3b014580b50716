"""The profiles: dialects of the standard, each one file of data over the one table of entities."""

from oneroster.profiles import base_1_2, jp_1_2, jp_1_2_1, jp_k12_1_0
from oneroster.profiles.profile import Profile

ALL = (base_1_2.PROFILE, jp_1_2.PROFILE, jp_1_2_1.PROFILE, jp_k12_1_0.PROFILE)
BY_NAME = {profile.name: profile for profile in ALL}

__all__ = ["ALL", "BY_NAME", "Profile", "recognise"]


def recognise(headers: dict[str, tuple[str, ...]]) -> Profile:
    """The profile a bundle is written in, told by its headers (Japan profile sheet section 1, Detection).

    `headers` maps entity names to the header rows found. A bundle without any `metadata.jp.` column is base 1.2.
    """
    users, enrollments = headers.get("users", ()), headers.get("enrollments", ())
    japanese = any(name.startswith("metadata.jp.") for header in headers.values() for name in header)
    if not japanese:
        return base_1_2.PROFILE
    if any(name in enrollments for name in ("metadata.jp.shussekiNo", "metadata.jp.publicFlg")):
        return jp_k12_1_0.PROFILE
    if "resourceSourcedIds" in users:
        return jp_1_2.PROFILE
    if any(name.startswith("metadata.jp.kanaPreferred") for name in users):
        return jp_1_2_1.PROFILE
    return jp_1_2.PROFILE
