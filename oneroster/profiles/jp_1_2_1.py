"""Japan Profile v1.2.1 (2024-01): users without resourceSourcedIds, with the kana of preferred names."""

from oneroster.kinds import TEXT
from oneroster.profiles.jp_1_2 import ATTENDANCE, NARROWED, SPECIAL_NEEDS, USER_NAMES
from oneroster.profiles.profile import CORE, Metadata, Profile

PREFERRED_KANA = (
    Metadata("metadata.jp.kanaPreferredFamilyName", TEXT),
    Metadata("metadata.jp.kanaPreferredGivenName", TEXT),
    Metadata("metadata.jp.kanaPreferredMiddleName", TEXT),
)

PROFILE = Profile(
    "jp-1.2.1",
    versions=("1.2", "1.2.1"),
    mandatory=CORE,
    left_out={"users": ("resourceSourcedIds",)},
    added={"classes": SPECIAL_NEEDS, "users": USER_NAMES + PREFERRED_KANA, "enrollments": ATTENDANCE},
    only=NARROWED,
    japanese=True,
)
