"""Japan K-12/Schools Profile 1.0 (2026-03): as v1.2.1, two enrollment columns in lower camel case."""

from oneroster.kinds import BOOLEAN, INTEGER
from oneroster.profiles.jp_1_2 import NARROWED, SPECIAL_NEEDS, USER_NAMES
from oneroster.profiles.jp_1_2_1 import PREFERRED_KANA
from oneroster.profiles.profile import CORE, Metadata, Profile

ATTENDANCE = (Metadata("metadata.jp.shussekiNo", INTEGER), Metadata("metadata.jp.publicFlg", BOOLEAN))

PROFILE = Profile(
    "jp-k12-1.0",
    versions=("1.2_JP",),
    mandatory=CORE,
    left_out={"users": ("resourceSourcedIds",)},
    added={"classes": SPECIAL_NEEDS, "users": USER_NAMES + PREFERRED_KANA, "enrollments": ATTENDANCE},
    only=NARROWED,
    primary_filled=True,
    japanese=True,
)
