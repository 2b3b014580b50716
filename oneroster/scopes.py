"""Scopes of the rostering service (REST section 5.3): known by short names, spoken as URLs."""

from collections.abc import Iterable

from oneroster.refused import Refused

PREFIX = "https://purl.imsglobal.org/spec/or/v1p2/scope/"

CORE = "roster-core.readonly"
ROSTER = "roster.readonly"
DEMOGRAPHICS = "roster-demographics.readonly"

ALL = (CORE, ROSTER, DEMOGRAPHICS)
"""Those of the standard."""

UPLOAD = "rosterhub.upload"
"""Ours: to deliver bundles by HTTP. It is its own name."""

KNOWN = (*ALL, UPLOAD)

DEFAULT = (ROSTER, CORE)
"""What a client gets when nobody says otherwise: no demographics."""


class BadScope(Refused):
    """There is no such scope."""

    hint = f"Scopes are {', '.join(KNOWN)}, or their URLs."
    exit_code = 64


def known(name: str) -> str:
    """The URL of a scope given by either name. Raises BadScope."""
    if short(name) not in KNOWN:
        raise BadScope(name)
    return url(name)


def short(scope: str) -> str:
    """The short name of a scope given by either name; old clients spell the URL with http."""
    return scope.removeprefix(PREFIX).removeprefix(PREFIX.replace("https:", "http:", 1))


def url(scope: str) -> str:
    """The URL of a scope of the standard; any other scope is its own name."""
    name = short(scope)
    return PREFIX + name if name in ALL else name


def granted(requested: Iterable[str], allowed: Iterable[str]) -> tuple[str, ...]:
    """The requested scopes that are allowed, as short names in the order of the request, each once."""
    may = {short(scope) for scope in allowed}
    return tuple(dict.fromkeys(name for name in map(short, requested) if name in may))
