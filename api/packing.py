"""Packing bodies for clients that like it (RFC 9110 section 12.5.3): zstd (RFC 8878), and gzip for all others."""

import asyncio
import functools
import sys
import zlib

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SMALL = 1_024
"""Bytes below which it is not worth it."""
ASIDE = 262_144
"""Bytes from which on it happens in a thread."""

ZSTD, GZIP = "zstd", "gzip"
ZSTD_OPTIONS: dict[int, int] = {
    zstd.CompressionParameter.compression_level: 1,
    # Records repeat each other in long runs: a small table of long matches is a third faster, and packs a page as well.
    zstd.CompressionParameter.hash_log: 13,
    zstd.CompressionParameter.min_match: 7,
}
CODINGS = (ZSTD, GZIP)
"""The ones that we have, best first."""


@functools.lru_cache(maxsize=1_000)
def coding(accepted: str) -> str:
    """The coding for a client that accepts these, "" for none: the one it likes best, of equal ones our best."""
    likes = {}
    for one in accepted.lower().split(","):
        name, _, quality = one.partition(";")
        likes[name.strip()] = _weight(quality)
    others = likes.get("*", 0.0)
    best = max(CODINGS, key=lambda name: likes.get(name, others))
    return best if likes.get(best, others) > 0 else ""


def _weight(quality: str) -> float:
    """What `q=` says, 1 where it says nothing."""
    name, _, value = quality.replace(" ", "").partition("=")
    if name != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


async def pack(body: bytes, chosen: str) -> bytes:
    """The body in that coding."""
    packed = _zstd if chosen == ZSTD else _gzip
    return packed(body) if len(body) < ASIDE else await asyncio.to_thread(packed, body)


def _zstd(body: bytes) -> bytes:
    """Level 1: higher ones cost more time than they save on any line a school has."""
    return zstd.compress(body, options=ZSTD_OPTIONS)


def _gzip(body: bytes) -> bytes:
    """Level 1, for the same reason."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(body) + packer.flush()
