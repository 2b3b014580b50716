"""Packing bodies for clients that like it (RFC 9110 section 12.5.3)."""

import asyncio
import functools
import zlib

SMALL = 1_024
"""Bytes below which it is not worth it."""
ASIDE = 262_144
"""Bytes from which on it happens in a thread."""


@functools.lru_cache(maxsize=1_000)
def coding(accepted: str) -> str:
    """The coding for a client that accepts these, "" for none. What is said of gzip itself counts before `*`."""
    qualities = {}
    for one in accepted.lower().split(","):
        name, _, quality = one.partition(";")
        qualities[name.strip()] = quality.replace(" ", "")
    found = qualities.get("gzip", qualities.get("*", "q=0"))
    return "" if found.rstrip("0") in ("q=", "q=0.") else "gzip"


async def pack(body: bytes, chosen: str) -> bytes:
    """The body in that coding."""
    assert chosen == "gzip"
    return _gzip(body) if len(body) < ASIDE else await asyncio.to_thread(_gzip, body)


def _gzip(body: bytes) -> bytes:
    """The fastest level: higher ones cost more time than they save on any line a school has."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(body) + packer.flush()
