"""Lengths of time and sizes as people write them: 90s, 30m, 12h, 7d; 500MB, 2GB."""

import re

from oneroster.refused import Refused

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


class BadSpan(Refused):
    """That is no length of time."""

    hint = "Write 0s, 30m, 12h or 7d."
    exit_code = 64


class BadSize(Refused):
    """That is no size."""

    hint = "Write 500MB, 2GB or 1.5TB."
    exit_code = 64


def seconds(text: str) -> int:
    """`12h` in seconds. Raises BadSpan (64)."""
    found = re.fullmatch(r"([0-9]{1,6})([smhd])", text.strip())
    if found is None:
        raise BadSpan(text)
    return int(found[1]) * SECONDS[found[2]]


def size(text: str) -> int:
    """`2GB` in bytes. Raises BadSize (64)."""
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?) ?([KMGT]?B)", text.strip().upper())
    number = round(float(found[1]) * BYTES[found[2]]) if found else 0
    if number < 1:
        raise BadSize(text)
    return number


def said_span(number: int) -> str:
    """`7200` as `2h`."""
    unit = next((unit for unit in "dhm" if number and number % SECONDS[unit] == 0), "s")
    return f"{number // SECONDS[unit]}{unit}"


def said_size(number: int) -> str:
    """`2000000000` as `2GB`, rounded to three figures."""
    unit = max((unit for unit in BYTES if BYTES[unit] <= number), key=BYTES.__getitem__, default="B")
    return f"{number / BYTES[unit]:.3g}{unit}" if number < 1000 * BYTES[unit] else f"{number // BYTES[unit]}{unit}"
