"""Where a request comes from: the peer of its connection, or, where that is a trusted proxy, whom the proxy names."""

import functools
import ipaddress
from collections.abc import Mapping, Sequence

from aiohttp import web

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

FORWARDED = "X-Forwarded-For"


class Peers:
    """Whose word counts."""

    def __init__(self, trusted: Sequence[str] = ()) -> None:
        """`trusted`: networks of proxies."""
        self._trusted = tuple(network(one) for one in trusted)

    def trusts(self, address: str) -> bool:
        """Whether that is a proxy whose word counts."""
        return bool(self._trusted) and any(_is_in(address, one) for one in self._trusted)

    def of(self, request: web.Request) -> str:
        """The address of the client."""
        peer = request.remote or ""
        return self.forwarded(request.headers) or peer if self.trusts(peer) else peer

    def forwarded(self, headers: Mapping[str, str]) -> str:
        """The last address that proxies of ours were asked from, "" where they do not say.

        Each proxy puts behind the list whom it was asked by, so that all before the last one that is none of ours is
        what the client says of itself.
        """
        for address in reversed(headers.get(FORWARDED, "").split(",")):
            address = address.strip()
            if not _is_address(address):
                return ""
            if not self.trusts(address):
                return address
        return ""


@functools.lru_cache(maxsize=1_000)
def network(text: str) -> Network:
    """A network such as 10.0.0.0/8. Raises ValueError."""
    return ipaddress.ip_network(text)


def within(address: str, networks: Sequence[str]) -> bool:
    """Whether an address lies in one of the networks."""
    return any(_is_in(address, network(one)) for one in networks)


def _is_in(address: str, one: Network) -> bool:
    return _is_address(address) and ipaddress.ip_address(address) in one


@functools.lru_cache(maxsize=10_000)
def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
