"""Bundles that come by HTTP go the way of every door, and nothing half comes through."""

import asyncio
import base64
import errno
import hashlib
import io
import re
import socket
import urllib.parse
import uuid

import aiohttp
import pytest

from api import app as apps
from api import newest, receiving, uploads
from daemon import delivery
from daemon.doors import http
from oneroster.problems import Problem
from sql import audit, clients, database, tenants
from tests.daemon.conftest import FILES, MASTER, zipped

TYPE = {"Content-Type": "application/zip"}
ORIGIN = re.compile(r"http://127\.0\.0\.1:\d+")


class Sender:
    """A client of the service."""

    def __init__(self, session, origin, token):
        self.session, self.origin = session, origin
        self.headers = {"Authorization": f"Bearer {token}"}

    async def post(self, data=None, *, headers=None, query=""):
        async with self.session.post(
            f"{self.origin}/v1p2/uploads/csv{query}", data=data, headers={**self.headers, **(headers or {})}
        ) as response:
            return response.status, await response.json(), response.headers

    async def get(self, address):
        address = address if ORIGIN.match(address) else f"{self.origin}{address}"
        async with self.session.get(address, headers=self.headers) as response:
            return response.status, await response.json(), response.headers

    @property
    def line(self):
        """Where to connect to."""
        address = urllib.parse.urlsplit(self.origin)
        return address.hostname, address.port


def form(files, **fields):
    """Files as a form sends them."""
    data = aiohttp.FormData()
    for name, value in fields.items():
        data.add_field(name, value)
    for name, content in files.items():
        data.add_field("file", content, filename=name, content_type="text/csv")
    return data


async def made(site, tenant_id, *scopes):
    async with database.hub(site.pool, "admin") as conn:
        return await clients.add(conn, tenant_id, "sis", scopes, MASTER, audit.SYSTEM)


@pytest.fixture
async def service(site, tmp_path):
    """The service with its door, for a client of the given tenant with the given scope."""
    door = http.opened(site.pool, MASTER, site.state, 100_000)
    app = apps.make_app(site.pool, MASTER, public_url=None, build="b", door=door)
    stop, up = asyncio.Event(), asyncio.Event()
    sock = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(apps.serve(app, [sock], stop, ready=up.set))
    await up.wait()
    origin = f"http://127.0.0.1:{sock.getsockname()[1]}"

    async with aiohttp.ClientSession() as session:

        async def sign_in(tenant_id, scope="rosterhub.upload"):
            who, secret = await made(site, tenant_id, scope)
            basic = base64.b64encode(f"{who}:{secret}".encode()).decode()
            async with session.post(
                f"{origin}/token",
                data={"grant_type": "client_credentials"},
                headers={"Authorization": f"Basic {basic}"},
            ) as response:
                token = (await response.json())["access_token"]
            sender = Sender(session, origin, token)
            sender.who = who
            return sender

        yield sign_in
    stop.set()
    await serving


@pytest.fixture
async def sender(service, site):
    return await service(site.tenant.id)


async def test_a_zip_is_kept_as_it_came(sender, site):
    bundle = zipped()
    status, body, headers = await sender.post(bundle, headers=TYPE, query="?name=RO_20260401_131237.zip")
    (job,) = await site.arrived()
    assert status == 201
    assert headers["Location"] == f"{sender.origin}/v1p2/uploads/{job.id}"
    assert body == {
        "uploadId": str(job.id),
        "status": "processing",
        "submittedAt": body["submittedAt"],
        "filesReceived": ["RO_20260401_131237.zip"],
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["submittedAt"])
    assert (job.bundle, job.via, job.state) == ("RO_20260401_131237.zip", "http", "received")
    assert job.sha256 == hashlib.sha256(bundle).hexdigest()
    assert site.content(job) == FILES
    (entry,) = await site.audited("bundle.receive")
    assert (entry["who"], entry["origin"], entry["target"]) == (sender.who, "127.0.0.1", str(job.id))


async def test_a_zip_comes_in_a_form_too(sender, site):
    status, body, _ = await sender.post(form({"C:\\exports\\roster.ZIP": zipped()}, note="by hand"))
    assert status == 201
    assert body["filesReceived"] == ["roster.ZIP"]
    (job,) = await site.arrived()
    assert site.content(job) == FILES


async def test_loose_files_make_the_same_bundle_in_any_order(sender, site):
    for files in (FILES, dict(reversed(FILES.items()))):
        status, body, _ = await sender.post(form(files))
        assert status == 201
        assert body["filesReceived"] == sorted(FILES)
    first, second = await site.arrived(2)
    assert first.sha256 == second.sha256
    assert first.bundle == "manifest.csv"
    assert site.content(first) == FILES


async def test_the_job_tells_what_became_of_it(sender, site):
    _, _, headers = await sender.post(zipped(), headers=TYPE)
    (job,) = await site.arrived()
    status, body, _ = await sender.get(headers["Location"])
    assert (status, body["status"], body["problems"]) == (200, "processing", [])
    found = [Problem("E-ENUM", "users.csv", 2, "email", "taro@@example.jp", "")]
    await site.end(job, "rejected", reason="1 error", found=found)
    _, body, _ = await sender.get(headers["Location"])
    assert (body["uploadId"], body["status"]) == (str(job.id), "rejected")
    assert (body["job"]["state"], body["job"]["errors"]) == ("rejected", 1)
    (problem,) = body["problems"]
    assert (problem["code"], problem["file"], problem["line"], problem["column"]) == (
        "E-ENUM",
        "users.csv",
        2,
        "email",
    )
    assert "taro" not in problem["value"]


async def test_nobody_sees_uploads_of_another_board(sender, service, site):
    _, body, _ = await sender.post(zipped(), headers=TYPE)
    async with database.hub(site.pool, "admin") as conn:
        other = await tenants.add(conn, "other", "Other", "auto", MASTER, audit.SYSTEM)
    stranger = await service(other.id)
    address = f"/v1p2/uploads/{body['uploadId']}"
    assert (await stranger.get(address))[0] == 404
    assert (await sender.get(address))[0] == 200
    for wrong in (str(uuid.uuid4()), body["uploadId"][:13], "x", "%00"):
        status, said, _ = await sender.get(f"/v1p2/uploads/{wrong}")
        assert status == 404
        assert said["imsx_codeMajor"] == "failure"


async def test_a_bundle_of_another_door_is_no_upload(sender, site):
    job = await delivery.deliver(
        site.pool,
        MASTER,
        site.state,
        site.tenant,
        inbox=None,
        via="hand",
        bundle="a.zip",
        source=io.BytesIO(zipped()),
        actor=audit.SYSTEM,
    )
    assert (await sender.get(f"/v1p2/uploads/{job}"))[0] == 404


async def test_it_wants_its_own_scope(service, site):
    reader = await service(site.tenant.id, "roster.readonly")
    status, _, headers = await reader.post(zipped(), headers=TYPE)
    assert status == 403
    assert "rosterhub.upload" in headers["WWW-Authenticate"]
    assert (await reader.get(f"/v1p2/uploads/{uuid.uuid4()}"))[0] == 403
    reader.headers = {}
    assert (await reader.post(zipped(), headers=TYPE))[0] == 401
    assert await site.jobs() == []


@pytest.mark.parametrize(
    ("sent", "headers", "status", "says"),
    [
        (b"no zip", TYPE, 400, "no zip"),
        (b"", TYPE, 400, "no zip"),
        (zipped()[:-30], TYPE, 400, "not all of it"),
        (b"a,b", {"Content-Type": "text/csv"}, 415, "application/zip"),
        (b"--x\r\nnonsense", {"Content-Type": "multipart/form-data; boundary=x"}, 400, ""),
        (b"x", {"Content-Type": "multipart/form-data"}, 400, "form"),
        (form({"users.csv": b"x"}), None, 400, "manifest.csv"),
        (form({"a.zip": zipped(), "b.zip": zipped()}), None, 400, "one zip"),
        (form({**FILES, "a.zip": zipped()}), None, 400, "only be CSV files, not a.zip"),
        (form({"": b"x"}, note="x"), None, 400, ""),
        (form({".hidden.csv": b"x"}), None, 400, "name"),
        (form({"a/..": b"x"}), None, 400, ""),
        (form({f"{'名' * 90}.csv": b"x"}), None, 400, "name"),
        (
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a%1Bb.csv"\r\n\r\nx\r\n--x--\r\n',
            {"Content-Type": "multipart/form-data; boundary=x"},
            400,
            "",
        ),
        (form({f"{number}.csv": b"x" for number in range(70)}), None, 400, "more than 64"),
        (bytes(100_001), TYPE, 413, "100,000"),
        (form({"manifest.csv": bytes(60_000), "users.csv": bytes(60_000)}), None, 413, "100,000"),
    ],
)
async def test_what_cannot_be_a_bundle_is_said_at_once(sender, site, sent, headers, status, says):
    found, body, _ = await sender.post(sent, headers=headers)
    assert found == status, body
    assert says in body["imsx_description"]
    assert await site.jobs() == []
    assert list((site.state / "doors" / "http").glob("*")) == []


async def test_two_files_of_one_name_are_refused(sender, site):
    data = form(FILES)
    data.add_field("file", b"x", filename="users.csv")
    status, body, _ = await sender.post(data)
    assert status == 400
    assert "users.csv is sent twice" in body["imsx_description"]
    assert await site.jobs() == []


async def test_a_length_that_is_not_told_is_counted(sender, site):
    async def endless():
        for _ in range(300):
            yield bytes(1_000)

    status, _, _ = await sender.post(endless(), headers=TYPE)
    assert status == 413
    assert await site.jobs() == []


async def test_a_connection_that_breaks_leaves_nothing(sender, site):
    bundle = zipped()
    head = (
        f"POST /v1p2/uploads/csv HTTP/1.1\r\nHost: x\r\nAuthorization: {sender.headers['Authorization']}\r\n"
        f"Content-Type: application/zip\r\nContent-Length: {len(bundle)}\r\n\r\n"
    ).encode()
    for cut in (0, 1, len(bundle) // 2, len(bundle) - 1):
        _, writer = await asyncio.open_connection(*sender.line)
        writer.write(head + bundle[:cut])
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.transport.abort()
    assert await site.quiet(0.5) == []
    assert list((site.state / "doors" / "http").glob("*")) == []
    assert (await sender.post(bundle, headers=TYPE))[0] == 201


async def test_who_pauses_for_too_long_is_let_go(sender, site, monkeypatch):
    monkeypatch.setattr(receiving, "SILENCE", 0.2)

    async def slow():
        yield zipped()[:10]
        await asyncio.sleep(1)
        yield zipped()[10:]

    status, _, _ = await sender.post(slow(), headers=TYPE)
    assert status == 408
    assert await site.jobs() == []


async def test_a_client_uploads_so_many_at_the_same_time(sender, site, monkeypatch):
    go = asyncio.Event()

    async def waiting():
        yield zipped()[:10]
        await go.wait()
        yield zipped()[10:]

    async def until_taken():
        while True:
            status, _, _ = await sender.post(waiting(), headers=TYPE)
            if status != 429:  # else one of those below came in between
                return status
            await asyncio.sleep(0.05)

    under_way = [asyncio.create_task(until_taken()) for _ in range(uploads.AT_ONCE)]
    for _ in range(50):
        status, _, headers = await sender.post(zipped(), headers=TYPE)
        if status == 429:  # until both are known to be there
            break
        await asyncio.sleep(0.1)
    assert status == 429
    assert int(headers["Retry-After"]) > 0
    go.set()
    assert [await one for one in under_way] == [201, 201]
    assert (await sender.post(zipped(), headers=TYPE))[0] == 201


async def test_a_full_disk_is_said_and_changes_nothing(sender, site, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(receiving, "_fresh", full)
        status, body, headers = await sender.post(zipped(), headers=TYPE)
    assert status == 503
    assert "no room" in body["imsx_description"]
    assert headers["Retry-After"]
    assert await site.jobs() == []
    assert (await sender.post(zipped(), headers=TYPE))[0] == 201


async def test_what_was_refused_is_in_the_audit_log(sender, site):
    await sender.post(b"no zip", headers=TYPE)
    await asyncio.sleep(newest.GOOD)

    async def told():
        return [(one["who"], one["ok"]) for one in await site.audited("bundle.receive")] == [(sender.who, False)]

    for _ in range(200):
        if await told():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it was not recorded")
