"""The profiles: dialects of the standard, each one file of data over the one table of entities."""

from oneroster.profiles import base_1_2, jp_1_2, jp_1_2_1, jp_k12_1_0
from oneroster.profiles.profile import Profile

ALL = (base_1_2.PROFILE, jp_1_2.PROFILE, jp_1_2_1.PROFILE, jp_k12_1_0.PROFILE)
BY_NAME = {profile.name: profile for profile in ALL}

__all__ = ["ALL", "BY_NAME", "Profile"]
