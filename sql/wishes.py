"""A tenant's settings as people write them, on the command line and on the screen: words to settings and back. Pure."""

import datetime
import re
from collections.abc import Callable, Mapping

import msgspec

from sql import amounts
from sql.settings import BadSetting, Limits, Settings, Window

NONE = "none"
"""Takes a setting away."""


def said(one: Settings) -> dict[str, str]:
    """Every setting, as `apply` takes it back."""
    window = one.window
    return {
        "encoding": one.encoding,
        "guard_deleted": _percent(one.guard.deleted),
        "guard_updated": _percent(one.guard.updated),
        "window": f"{window.begin}..{window.end}" if window else NONE,
        "window_deleted": _percent(window.deleted) if window else "",
        "window_updated": _percent(window.updated) if window else "",
        "due": one.due or NONE,
        "grace": amounts.said_span(one.grace),
        "quota": amounts.said_size(one.quota) if one.quota else NONE,
    }


def apply(old: Settings, wished: Mapping[str, str]) -> Settings:
    """The settings with what is wished; what is not named stays as it is. Raises BadSetting, BadSpan, BadSize (64)."""
    new = old
    for name, change in CHANGES.items():
        if name in wished:
            new = change(new, wished[name].strip())
    return new


def _encoding(old: Settings, text: str) -> Settings:
    if text not in ("auto", "cp932"):
        raise BadSetting(f"Encoding {text}: auto or cp932.")
    return msgspec.structs.replace(old, encoding=text)


def _guard(name: str) -> Callable[[Settings, str], Settings]:
    def change(old: Settings, text: str) -> Settings:
        guard: Limits = msgspec.structs.replace(old.guard, **{name: _share(text)})
        return msgspec.structs.replace(old, guard=guard)

    return change


def _widened(name: str) -> Callable[[Settings, str], Settings]:
    def change(old: Settings, text: str) -> Settings:
        if old.window is None:
            if not text:
                return old
            raise BadSetting("There is no window; say FIRST..LAST, too.")
        return msgspec.structs.replace(old, window=msgspec.structs.replace(old.window, **{name: _share(text)}))

    return change


def _window(old: Settings, text: str) -> Settings:
    if text == NONE:
        return msgspec.structs.replace(old, window=None)
    try:
        begin, end = map(datetime.date.fromisoformat, text.split(".."))
    except ValueError as error:
        raise BadSetting(f"Window {text}: two days like 2026-03-25..2026-04-10.") from error
    if end < begin:
        raise BadSetting(f"Window {text}: the last day is before the first.")
    known = old.window
    window = msgspec.structs.replace(known, begin=begin, end=end) if known else Window(begin, end)
    return msgspec.structs.replace(old, window=window)


def _due(old: Settings, text: str) -> Settings:
    if text != NONE and not re.fullmatch("([01][0-9]|2[0-3]):[0-5][0-9]", text):
        raise BadSetting(f"Due {text}: a time in Japan such as 02:00, or none.")
    return msgspec.structs.replace(old, due=None if text == NONE else text)


def _grace(old: Settings, text: str) -> Settings:
    seconds = amounts.seconds(text)
    if seconds >= amounts.SECONDS["d"]:
        raise BadSetting(f"Grace {text}: less than a day.")
    return msgspec.structs.replace(old, grace=seconds)


def _quota(old: Settings, text: str) -> Settings:
    return msgspec.structs.replace(old, quota=None if text == NONE else amounts.size(text))


CHANGES: Mapping[str, Callable[[Settings, str], Settings]] = {
    "encoding": _encoding,
    "guard_deleted": _guard("deleted"),
    "guard_updated": _guard("updated"),
    "window": _window,
    "window_deleted": _widened("deleted"),
    "window_updated": _widened("updated"),
    "due": _due,
    "grace": _grace,
    "quota": _quota,
}
"""In this order, so that a window is there before it is widened."""


def _share(text: str) -> float:
    """Percent as a person says it, as a share."""
    try:
        share = float(text.removesuffix("%")) / 100
    except ValueError as error:
        raise BadSetting(f"{text} is no percentage.") from error
    if not 0 <= share <= 1:
        raise BadSetting("A percentage lies between 0 and 100.")
    return share


def _percent(share: float) -> str:
    return f"{share * 100:.4g}"
