"""What an application keeps for its requests, and how a request is named in logs."""

from aiohttp import web

from api.auditing import Log
from api.clock import Clock
from api.tokens import Caller, Tokens
from api.walks import Walks
from sql.database import Pool
from sql.seal import Sealer

POOL = web.AppKey("pool", Pool)
MASTER = web.AppKey("master", bytes)
TOKENS = web.AppKey("tokens", Tokens)
WALKS = web.AppKey("walks", Walks)
CLOCK = web.AppKey("clock", Clock)
LOG = web.AppKey("log", Log)
SEALERS = web.AppKey("sealers", dict[int, Sealer])
"""By tenant; a tenant's key never changes."""
PUBLIC_URL = web.AppKey("public_url", str)
BUILD = web.AppKey("build", str)

CALLER = web.RequestKey("caller", Caller)
TARGET = web.RequestKey("target", str)
"""What the audit log names: an id, or offset+limit."""


def of(request: web.Request) -> str:
    """The route, without ids."""
    resource = request.match_info.route.resource
    return f"{request.method} {resource.canonical if resource is not None else '?'}"
