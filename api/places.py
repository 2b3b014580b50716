"""What an application keeps for its requests, and how a request is named in logs."""

from collections import Counter

from aiohttp import web

from api.ahead import Ahead
from api.auditing import Log
from api.clock import Clock
from api.door import Door
from api.front import Front
from api.guesses import Guesses
from api.kept import Kept
from api.limits import Allowance, Buckets
from api.newest import Newest
from api.pages import Pages
from api.peers import Peers
from api.standing import Standings
from api.tokens import Caller, Tokens
from api.walks import Walks
from oneroster.filters import Clause, Filter
from sql.database import Pool

POOL = web.AppKey("pool", Pool)
MASTER = web.AppKey("master", bytes)
TOKENS = web.AppKey("tokens", Tokens)
WALKS = web.AppKey("walks", Walks)
CLOCK = web.AppKey("clock", Clock)
LOG = web.AppKey("log", Log)
NEWEST = web.AppKey("newest", Newest)
PAGES = web.AppKey("pages", Pages)
TOTALS = web.AppKey("totals", Kept[tuple[int, int, str, Filter], int])
"""Of filtered collections: tenant, revision, path and filter."""
ENDS = web.AppKey("ends", Kept[tuple[int, int, str, Filter, int], str])
"""The last id before an offset of a collection, by a client's own account: client, revision, path, filter, offset."""
OPENED = web.AppKey("opened", Kept[tuple[int, int, str, Clause], tuple[str, ...]])
"""Ids of the records that a clause on sealed values is true of: tenant, revision, entity and clause."""
ANCHORS = web.AppKey("anchors", Kept[tuple[int, int, str], tuple[str, ...]])
"""Ids along a collection: tenant, revision and path."""
STANDINGS = web.AppKey("standings", Standings)
AHEAD = web.AppKey("ahead", Ahead)
PUBLIC_URL = web.AppKey("public_url", str)
BUILD = web.AppKey("build", str)

PEERS = web.AppKey("peers", Peers)
GUESSES = web.AppKey("guesses", Guesses)
BUCKETS = web.AppKey("buckets", Buckets)
FRONT = web.AppKey("front", Front)
UNDER_WAY = web.AppKey("under_way", Counter[str])
"""Requests by client."""
UPLOADING = web.AppKey("uploading", Counter[str])
"""Uploads by client."""
DOOR = web.AppKey("door", Door)
CALLER = web.RequestKey("caller", Caller)
ALLOWANCE = web.RequestKey("allowance", Allowance)
TARGET = web.RequestKey("target", str)
ROWS = web.RequestKey("rows", int)
"""What the audit log names: an id, or offset+limit."""


def of(request: web.Request) -> str:
    """The route, without ids."""
    resource = request.match_info.route.resource
    return f"{request.method} {resource.canonical if resource is not None else '?'}"
