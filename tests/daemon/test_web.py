"""The role `api` as a whole: it answers on its sockets, shows that it lives, and leaves without a trace."""

import asyncio
import contextlib
import datetime
import socket
import ssl
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from api import app as apps
from api import discovery, operations
from daemon import child, config, presence, web
from sql import database, processes
from tests.daemon.conftest import until


async def test_the_role_answers_beats_and_leaves(conninfo: str, pool: database.Pool, tmp_path: Path):
    sockets = {name: socket.create_server(("127.0.0.1", 0)) for name in ("api", "health")}
    ports = {name: sock.getsockname()[1] for name, sock in sockets.items()}
    ready, stop = asyncio.Event(), asyncio.Event()
    place = child.Place("api", "api-0", conninfo, sockets, stop, ready.set)
    role = asyncio.create_task(web.serve(config.Settings(state=tmp_path), place))
    await ready.wait()
    async with aiohttp.ClientSession() as session:
        for address, status in {
            f"http://127.0.0.1:{ports['health']}/healthz": 200,
            f"http://127.0.0.1:{ports['health']}/readyz": 200,
            f"http://127.0.0.1:{ports['api']}/readyz": 200,
            f"http://127.0.0.1:{ports['api']}/ims/oneroster/rostering/v1p2/users": 401,
        }.items():
            async with session.get(address) as response:
                assert response.status == status, address
    await until(partial(alive, pool))  # the first sign of life may come after the first answer
    (name,) = await alive(pool)
    assert name.startswith(presence.home(tmp_path) + "api-0/")
    assert (tmp_path / "keys" / "master.key").stat().st_mode & 0o777 == 0o600
    stop.set()
    await asyncio.wait_for(role, 5)
    assert await alive(pool) == []


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate, its key, that key with a passphrase, and another key."""
    folder = tmp_path_factory.mktemp("tls")
    key, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    locked = serialization.BestAvailableEncryption(b"word")
    for file, one, lock in (
        ("key.pem", key, serialization.NoEncryption()),
        ("locked.pem", key, locked),
        ("other.pem", other, serialization.NoEncryption()),
    ):
        text = one.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)
        (folder / file).write_bytes(text)
    return folder


def settings_with(state: Path, certified: Path, key: str) -> config.Settings:
    api = config.Api(tls_certificate=certified / "cert.pem", tls_key=certified / key)
    return config.Settings(state=state, api=api)


async def test_the_api_speaks_tls(conninfo: str, certified: Path, tmp_path: Path):
    sock = socket.create_server(("127.0.0.1", 0))
    origin = f"https://localhost:{sock.getsockname()[1]}"
    ready, stop = asyncio.Event(), asyncio.Event()
    place = child.Place("api", "api-0", conninfo, {"api": sock}, stop, ready.set)
    role = asyncio.create_task(web.serve(settings_with(tmp_path, certified, "key.pem"), place))
    await ready.wait()
    trust = ssl.create_default_context(cafile=str(certified / "cert.pem"))
    address = f"{origin}{operations.BASE}/discovery/{discovery.NAMES[0]}"
    async with aiohttp.ClientSession() as session, session.get(address, ssl=trust) as response:
        assert response.status == 200
        assert (await response.json())["servers"][0]["url"].startswith(origin)
    stop.set()
    await asyncio.wait_for(role, 10)


@pytest.mark.parametrize(
    ("key", "says"), [("other.pem", "mismatch"), ("locked.pem", "has a passphrase"), ("none.pem", "No such file")]
)
async def test_a_key_that_cannot_be_used_is_named(conninfo: str, certified: Path, tmp_path: Path, key: str, says: str):
    with socket.create_server(("127.0.0.1", 0)) as sock:
        place = child.Place("api", "api-0", conninfo, {"api": sock}, asyncio.Event(), lambda: None)
        with pytest.raises(config.Misconfigured, match=says) as refusal:
            await web.serve(settings_with(tmp_path, certified, key), place)
    assert key in str(refusal.value)


@contextlib.asynccontextmanager
async def leaving(pool: database.Pool) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection that was taken up just before the service was told to end."""
    service = apps.make_app(pool, bytes(32), public_url=None, build="b1")
    up, stop = asyncio.Event(), asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as sock:
        role = asyncio.create_task(apps.serve(service, [sock], stop, ready=up.set))
        await up.wait()
        reader, writer = await asyncio.open_connection(*sock.getsockname())
        await asyncio.sleep(0.1)  # until it is taken up
        stop.set()
        yield reader, writer
        writer.close()
        await asyncio.wait_for(role, 5)


async def test_who_has_just_been_let_in_is_heard_at_the_end(pool: database.Pool):
    async with leaving(pool) as (reader, writer):
        await asyncio.sleep(0.1)
        writer.write(b"GET /docs HTTP/1.1\r\nHost: hub\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")


async def test_who_says_nothing_keeps_nobody_waiting(pool: database.Pool):
    async with leaving(pool) as (reader, _):
        assert await asyncio.wait_for(reader.read(), 5) == b""


async def alive(pool: database.Pool) -> list[str]:
    async with database.hub(pool, "viewer") as conn:
        return [one.name for one in await processes.alive(conn)]


def test_the_build_stays_the_same_for_the_same_code():
    assert web.build() == web.build()
    assert len(web.build()) == 8
