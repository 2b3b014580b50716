"""Codes of schools and boards of education in Japan (Japan sheet section 3)."""

import re

_SCHOOL = re.compile(r"[A-H][0-9](?:0[1-9]|[1-3][0-9]|4[0-7])[123][0-9]{8}")
_BOARD = re.compile(r"(?:0[1-9]|[1-3][0-9]|4[0-7])[0-9]{4}")


def check_digit(body: str) -> str:
    """The last character of a school code whose first twelve are given.

    The letter becomes two digits; every second of the thirteen is doubled, and the digits of all are summed.
    """
    digits = f"{ord(body[0]) - ord('A') + 1:02d}{body[1:]}"
    products = "".join(str(int(digit) * (1 + place % 2)) for place, digit in enumerate(digits))
    return str(-sum(map(int, products)) % 10)


def is_school(code: str) -> bool:
    """Whether it is a 13-character code of a school: kind, prefecture, founder, serial number, check digit."""
    return _SCHOOL.fullmatch(code) is not None and check_digit(code[:-1]) == code[-1]


def is_board(code: str) -> bool:
    """Whether it is a six-digit code of a board of education."""
    return _BOARD.fullmatch(code) is not None
