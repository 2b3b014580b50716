"""OneRoster 1.2, the base CSV binding; edition 1.2.1 differs in one column that may be lacking."""

from oneroster.profiles.profile import CORE, Profile

PROFILE = Profile(
    "base-1.2",
    versions=("1.2", "1.2.1"),
    mandatory=CORE,
    may_lack={"users": ("resourceSourcedIds",)},
)
