"""The keys that sign access tokens: a new one each day, the one before good for as long as its tokens may live.

They are derived from the hub's master key and the day, so that all processes have the same ones and none is kept.
"""

import functools
import time
from collections.abc import Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, OctKey

from sql import seal

ALGORITHM = "HS256"

DAY = 86_400
"""Seconds for which a key signs. A token lives for less."""


class Keys:
    """The keys of a hub."""

    def __init__(self, master: bytes) -> None:
        self._key = functools.lru_cache(maxsize=3)(
            lambda day: OctKey.import_key(seal.derive(master, f"api tokens {day}"))
        )

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A token that says so."""
        day = _today()
        return jwt.encode({"alg": ALGORITHM, "kid": str(day)}, dict(claims), self._key(day))

    def read(self, token: str) -> dict[str, Any]:
        """What a token says that was signed lately. Raises JoseError or ValueError where it is none of ours."""
        return dict(jwt.decode(token, self._named, algorithms=[ALGORITHM]).claims)

    def _named(self, token: GuestProtocol) -> OctKey:
        """The key that a token's head names. The clocks of machines differ, so tomorrow's is good too."""
        name = token.headers().get("kid")
        for day in range(_today() - 1, _today() + 2):
            if name == str(day):
                return self._key(day)
        raise UnknownKey


class UnknownKey(JoseError):
    """No key of that name signs."""

    error = "unknown_key"


def _today() -> int:
    return int(time.time()) // DAY
