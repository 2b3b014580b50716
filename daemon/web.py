"""The role `api`: the REST service on its sockets, the health listener in the first process, and a sign of life."""

import asyncio
import contextlib
import ctypes
import hashlib
import ssl
from collections.abc import Iterable
from importlib import resources

import structlog

from api import app, health, places
from api.auditing import Log
from daemon import child, config, keys
from daemon.doors import http
from daemon.presence import Presence
from sql import database

BEAT = 1.0
"""Seconds between two signs of life in the database, which also say how far the audit is."""

APART = 64 << 10
"""Bytes from which on a piece of memory is had from the system by itself: pages of all sizes come and go, and in one
heap they would leave holes between them that add up to half as much as they take."""
M_MMAP_THRESHOLD = -3
"""The number that glibc has for it."""

PATIENCE = 3.0
"""Seconds that a request waits for a connection before it is answered 503."""

log = structlog.get_logger("daemon.web")


async def serve(settings: config.Settings, place: child.Place) -> None:
    """Answer until told to stop."""
    with contextlib.suppress(AttributeError):  # another C library has another way with memory
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, APART)
    master, tls = keys.master(settings.state), _tls(settings.api)
    async with database.open_pool(place.conninfo, patience=PATIENCE) as pool:
        service = app.make_app(
            pool,
            master,
            public_url=settings.api.public_url or None,
            build=build(),
            cache=settings.api.cache << 20,
            trusted_proxies=settings.api.trusted_proxies,
            door=http.opened(pool, master, settings.state, settings.api.upload_limit << 20),
            shared=settings.state,
        )
        presence, audited = Presence(pool, settings.state, place.name), service[places.LOG]
        try:
            async with asyncio.TaskGroup() as tasks:
                serving = app.serve(service, [place.sockets["api"]], place.stop, tls=tls, ready=place.ready)
                tasks.create_task(serving)
                if "health" in place.sockets:
                    tasks.create_task(app.serve(health.make_app(pool), [place.sockets["health"]], place.stop))
                tasks.create_task(_live(presence, audited, place.stop))
            await _leave(presence, audited)
        finally:
            presence.close()


def build() -> str:
    """Stands for the code that renders answers: another version's ETags are none of ours."""
    digest = hashlib.blake2b(digest_size=4)
    for package, files in (("oneroster", ("entities.py",)), ("sql", ("documents.py", "rosters.py")), ("api", None)):
        for text in _texts(package, files):
            digest.update(text)
    return digest.hexdigest()


def _texts(package: str, names: Iterable[str] | None) -> Iterable[bytes]:
    for file in sorted(resources.files(package).iterdir(), key=lambda one: one.name):
        if file.name.endswith(".py") and (names is None or file.name in names):
            yield file.read_bytes()


def _tls(settings: config.Api) -> ssl.SSLContext | None:
    """TLS 1.2 and newer with our certificate. Raises Misconfigured where it or its key cannot be used."""
    if settings.tls_certificate is None:
        return None
    what = f"api.tls_certificate {settings.tls_certificate} with api.tls_key {settings.tls_key}"

    def passphrase() -> str:
        raise config.Misconfigured(f"{what}: the key has a passphrase, which nobody is there to type.")

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key, passphrase)
    except OSError as error:  # which an SSLError is, too
        raise config.Misconfigured(f"{what}: {error.strerror or error}.") from error
    return context


async def _live(presence: Presence, audited: Log, stop: asyncio.Event) -> None:
    """Say now and then in the database that this process lives, once what its predecessors have lost is told."""
    settled = False
    while not stop.is_set():
        try:
            if not settled:
                await presence.settle()
                settled = True
            await presence.beat(lambda: audited.behind)
        except database.OUTAGE as error:
            log.warning("database away", problem=type(error).__name__)  # the service itself answers 503 meanwhile
        try:
            await asyncio.wait_for(stop.wait(), BEAT)
        except TimeoutError:
            continue


async def _leave(presence: Presence, audited: Log) -> None:
    """Go, after the last request is answered, without a word if all is audited: else the next start tells of it."""
    if audited.behind:
        return
    try:
        await presence.end()
    except database.OUTAGE as error:
        log.warning("database away", problem=type(error).__name__)
