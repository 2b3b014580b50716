"""Japan Profile v1.2, second edition (2022-12): the base with six metadata columns more (Japan sheet sections 3, 5)."""

from oneroster import vocabularies
from oneroster.kinds import BOOLEAN, GUID, INTEGER, TEXT
from oneroster.profiles.profile import CORE, Metadata, Profile

USER_NAMES = (
    Metadata("metadata.jp.kanaGivenName", TEXT),
    Metadata("metadata.jp.kanaFamilyName", TEXT),
    Metadata("metadata.jp.kanaMiddleName", TEXT),
    Metadata("metadata.jp.homeClass", GUID, refers="classes"),
)
SPECIAL_NEEDS = (Metadata("metadata.jp.specialNeeds", BOOLEAN),)
NARROWED = {
    "academicSessions": {"type": vocabularies.JAPAN_SESSION_TYPES},
    "enrollments": {"role": vocabularies.JAPAN_ENROLLMENT_ROLES},
    "demographics": {"sex": vocabularies.JAPAN_SEXES},
}
ATTENDANCE = (
    # Recased in the K-12 profile; the JSON key is that of the newest edition whatever came in.
    Metadata("metadata.jp.ShussekiNo", INTEGER, path="metadata.jp.shussekiNo"),
    Metadata("metadata.jp.PublicFlg", BOOLEAN, path="metadata.jp.publicFlg"),
)

PROFILE = Profile(
    "jp-1.2",
    versions=("1.2",),
    mandatory=CORE,
    added={"classes": SPECIAL_NEEDS, "users": USER_NAMES, "enrollments": ATTENDANCE},
    only=NARROWED,
    japanese=True,
)
