"""What a client may ask for, from where and until when, as people write it. Pure."""

import datetime
import ipaddress
import re
from collections.abc import Sequence

from oneroster.refused import Refused

ANY = "any"
"""Lets a client call from anywhere."""


class BadRate(Refused):
    """That is no number of requests."""

    hint = "Write 600/m, or 0 for any number; at once 1 or more."
    exit_code = 64


class BadNetwork(Refused):
    """That is no network."""

    hint = "Write 192.0.2.0/24, 192.0.2.7 or 2001:db8::/32, or any."
    exit_code = 64


class BadMoment(Refused):
    """That is no day or time."""

    hint = "Write 2027-03-31 or 2027-03-31T18:00+09:00."
    exit_code = 64


def rate(text: str) -> int:
    """`600/m`: requests a minute. Raises BadRate (64)."""
    found = re.fullmatch(r"([0-9]{1,6})(/m)?", text, re.ASCII)
    if found is None or (found[2] is None and int(found[1])):
        raise BadRate(text)
    return int(found[1])


def burst(number: int) -> int:
    """Requests at once. Raises BadRate (64)."""
    if not 1 <= number <= 1_000_000:
        raise BadRate(str(number))
    return number


def networks(texts: Sequence[str]) -> list[str]:
    """Networks to call from; none for `any`. Raises BadNetwork (64)."""
    if list(texts) == [ANY]:
        return []
    try:
        return [str(ipaddress.ip_network(text)) for text in texts]
    except ValueError as error:
        raise BadNetwork(str(error)) from error


def moment(text: str) -> datetime.datetime:
    """A day or a time; without a zone that of the machine. Raises BadMoment (64)."""
    try:
        return datetime.datetime.fromisoformat(text).astimezone(datetime.UTC)
    except ValueError as error:
        raise BadMoment(text) from error
