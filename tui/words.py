"""What screens say, in the operator's language: English stands in the code, Japanese beside it in `japanese`.

`say("{count:,} files", count=7)` is a text for the screen. `word("TENANT")` marks one that is said later, such as a
column's title: it stays English until `say` gets it. Both want the text itself, not a name of it, so that a test can
hold the code and the catalogue against each other; `say` takes also what `word` has marked.
"""

import os
from functools import cache

import msgspec

from oneroster.said import ENTITIES

LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")
"""The first of them that is set tells the language."""


def japanese() -> bool:
    """Whether the operator reads Japanese."""
    return next((os.environ[name] for name in LOCALE if os.environ.get(name)), "").startswith("ja")


def say(text: str, /, **values: object) -> str:
    """The text in the operator's language, with these values at their places."""
    said = in_japanese(text) if japanese() else text
    return said.format(**values) if values else said


def word(text: str) -> str:
    """A text that is said later."""
    return text


def in_japanese(text: str) -> str:
    """The text in Japanese; one that is not in the catalogue stays as it is."""
    return _catalogue().get(text, text)


@cache
def _catalogue() -> dict[str, str]:
    from tui.japanese import JAPANESE  # only where it is read: English starts without it

    return JAPANESE


# Words that are told apart in code and files by their English names.

STATES = (
    word("RECEIVED"),
    word("LOADING"),
    word("APPLIED"),
    word("HELD"),
    word("REJECTED"),
    word("DUPLICATE"),
    word("SUPERSEDED"),
    word("FAILED"),
    word("DISCARDED"),
    word("ROLLED_BACK"),
    word("OK"),
    word("PAUSED"),
    word("STALE"),
    word("NONE"),
)
"""Of jobs (design: words and states), and what tenants have beyond them."""

VIAS = {
    "sftp": word("sftp"),
    "drop": word("drop"),
    "pull": word("pull"),
    "http": word("http"),
    "hand": word("hand"),
}
"""How a bundle came."""

PHASES = {
    "claim": word("claim"),
    "stage": word("stage"),
    "check": word("check"),
    "diff": word("diff"),
    "apply": word("apply"),
    "commit": word("commit"),
    "publish": word("publish"),
}
"""What a load does, in order."""

GUARDS = {
    "ok": word("ok"),
    "hold:deleted": word("HOLD deleted"),
    "hold:updated": word("HOLD updated"),
    "hold:ids": word("HOLD ids"),
    "hold:empty": word("HOLD empty"),
}

ROLES = {"viewer": word("viewer"), "operator": word("operator"), "admin": word("admin")}

KINDS = {
    "operator": word("operator"),
    "client": word("client"),
    "inbox": word("inbox"),
    "system": word("system"),
}
"""Who does things."""

FIELDS = {
    "action": word("action"),
    "after": word("after"),
    "anchor": word("keep elsewhere"),
    "at": word("at"),
    "before": word("before"),
    "code": word("code"),
    "column": word("column"),
    "deleted": word("deleted"),
    "detail": word("detail"),
    "entity": word("entity"),
    "file": word("file"),
    "guard": word("guard"),
    "id": word("id"),
    "inserted": word("inserted"),
    "hmac": word("hash"),
    "later": word("then, later"),
    "line": word("line"),
    "message": word("message"),
    "more": word("more"),
    "newer": word("newer"),
    "ok": word("succeeded"),
    "older": word("older"),
    "origin": word("from"),
    "prev": word("hash before"),
    "problems": word("problems"),
    "remedy": word("what to do"),
    "rows": word("rows"),
    "seq": word("in the chain"),
    "severity": word("severity"),
    "target": word("target"),
    "tenant": word("tenant"),
    "updated": word("updated"),
    "value": word("value"),
    "what": word("what"),
    "who": word("who"),
    "who_kind": word("kind of who"),
}
"""Members of a record, where it is shown field by field."""

CHANGES = {
    "made": word("made"),
    "changed": word("changed"),
    "removed": word("removed"),
    "returned": word("returned"),
    "undone": word("undone"),
    "inserted": word("comes"),
    "updated": word("changes"),
    "deleted": word("goes"),
}
"""What becomes of a record."""

SETTINGS = {
    "name": word("Name:"),
    "profile": word("Profile:"),
    "encoding": word("Encoding (auto, cp932):"),
    "guard_deleted": word("Guard: most deleted, %:"),
    "guard_updated": word("Guard: most updated, %:"),
    "window": word("Window FIRST..LAST, or none:"),
    "window_deleted": word("In it: most deleted, %:"),
    "window_updated": word("In it: most updated, %:"),
    "due": word("Due (Japan, HH:MM), or none:"),
    "grace": word("Grace:"),
    "quota": word("Quota, or none:"),
}
"""What can be set for a tenant, as `wishes` names it."""

ONE = {
    "clients": word("client"),
    "entities": word("entity"),
    "entries": word("entry"),
    "files": word("file"),
    "inboxes": word("inbox"),
    "jobs": word("job"),
    "lines": word("line"),
    word("log lines"): word("log line"),
    "problems": word("problem"),
    "steps": word("step"),
    "tenants": word("tenant"),
    "versions": word("version"),
}
"""What rows are called where there is one."""

SEVERITIES = {"error": word("error"), "warning": word("warning")}
DONE = {True: word("yes"), False: word("NO")}


def counted(what: str, number: int) -> str:
    """What so many rows are called."""
    return say(ONE.get(what, what) if number == 1 else what)


def state(name: str) -> str:
    """A state as the screen shows it; filters and commands know it by its name."""
    return say(name.upper())


def both(name: str) -> str:
    """What a filter finds a state by: its name, and the Japanese word for it."""
    return f"{name.casefold()} {in_japanese(name.upper())}"


def value(member: str, found: object) -> str:
    """The value of a record's member, where the record is shown field by field."""
    if isinstance(found, bool):
        return say(DONE[found])
    if not isinstance(found, str):
        return "" if found is None else msgspec.json.encode(found, enc_hook=str).decode()
    if member == "entity":
        return entity(found)
    if member == "what":
        return say(found)
    table = VALUES.get(member)
    return found if table is None else say(table.get(found, found))


VALUES = {"severity": SEVERITIES, "guard": GUARDS, "who_kind": KINDS}
"""By member, the words that stand for its values."""


def entity(name: str) -> str:
    """`users`, or 利用者."""
    return ENTITIES.get(name, name) if japanese() else name
