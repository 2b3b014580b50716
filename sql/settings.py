"""What an admin may set for a tenant, kept as JSON in `tenants.settings`; what is not set has these defaults."""

import datetime
from typing import Annotated, Literal

import msgspec

from oneroster.refused import Refused

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class BadSetting(Refused):
    """That cannot be set so."""

    hint = "See `rosterhub tenant set --help`."
    exit_code = 64


class Limits(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How much of a tenant's roster a bundle may change before a person must look."""

    deleted: Share = 0.10
    """Of the active records of an entity; 1 lets everything go but an empty file."""
    updated: Share = 0.75
    few: int = 20
    """Below so many active records the shares say little: then it counts only whether more than `few_allowed` go."""
    few_allowed: int = 5


class Window(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The days of the change of school years, first and last: everything turns over, people least of all."""

    begin: datetime.date
    end: datetime.date
    deleted: Share = 0.50
    """Of people and orgs; sessions, courses, classes and enrollments may go entirely."""
    updated: Share = 1.0


class Settings(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Of one tenant."""

    encoding: Literal["auto", "cp932"] = "auto"
    """auto: UTF-8, or UTF-16 by its byte order mark; cp932: what is not UTF-8 is read as CP932 (Shift_JIS)."""
    guard: Limits = Limits()
    window: Window | None = None
    due: Annotated[str, msgspec.Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")] | None = None
    """The time of day in Japan by which a delivery is expected, every day; None: whenever it comes."""
    grace: Annotated[int, msgspec.Meta(ge=0, le=86_399)] = 3600
    """Seconds after it until a missing delivery is called overdue."""
    quota: Annotated[int, msgspec.Meta(gt=0)] | None = None
    """Bytes that bundles of the tenant may take on our disk, archived and being delivered; None: no limit."""


def read(kept: dict[str, object]) -> Settings:
    """The settings as they are kept."""
    return msgspec.convert(kept, Settings)


def differences(before: Settings, after: Settings) -> dict[str, tuple[object, object]]:
    """What is set otherwise: name to before and after, `guard.deleted` for what is nested."""
    one, other = _flat(msgspec.to_builtins(_whole(before))), _flat(msgspec.to_builtins(_whole(after)))
    names = [*one, *(name for name in other if name not in one)]
    return {name: (one.get(name), other.get(name)) for name in names if one.get(name) != other.get(name)}


def _whole(struct: msgspec.Struct) -> dict[str, object]:
    """Every member, also those that have their defaults."""
    found = {name: getattr(struct, name) for name in struct.__struct_fields__}
    return {name: _whole(value) if isinstance(value, msgspec.Struct) else value for name, value in found.items()}


def _flat(values: dict[str, object], prefix: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in values.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return found


def kept(settings: Settings) -> dict[str, object]:
    """The settings as they are to be kept: what is default is left out."""
    found: dict[str, object] = msgspec.to_builtins(settings)
    return found
