"""S8: secrets are stored well. A hub is given secrets by every way, which are then looked for where they may not be.

The search finds what it should: names of pupils stand in the dump, so one that sees nothing cannot pass.
"""

import base64
import hashlib
import re
import secrets
import socket
import subprocess
import sys
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import argon2
import msgspec
import paramiko
import psycopg

from tests.proofs.standing import database, standing
from tests.proofs.verdict import Report, Verdict, judged
from tests.story.bundles import read, write
from tests.story.hub import Hub, new_key, until

INBOXES = OPERATORS = 150
CLIENTS, PUPILS = 300, 400
"""A thousand canaries in all; private keys besides."""
SECONDS = {"short": 4.0, "full": 20.0}
LEAST = 500
"""Tokens a second."""
AT_ONCE = 8
"""Passwords that are tried at the same time."""
COST = "$argon2id$v=19$m=65536,t=3,p=4$"
MIB = 64
CONNECTIONS = 8


class Planted(msgspec.Struct):
    """The secrets, by who has them."""

    inboxes: dict[str, str]
    operators: dict[str, str]
    clients: dict[str, str]
    pupils: list[str]
    keys: list[str]
    names: list[str]
    """User names of pupils, which are to be found."""
    sha256: str = ""
    """Of their bundle, which is to be found, too."""

    @property
    def canaries(self) -> list[str]:
        return [*self.inboxes.values(), *self.operators.values(), *self.clients.values(), *self.pupils]


def prove(scale: str, seed: int, folder: Path, report: Report) -> Verdict:
    """Fill a hub with secrets, use them, look for them."""
    with standing(folder) as hub:
        hub.tenant("kept")
        planted = _plant(hub, folder, report)
        grown = _at_once(hub, planted)
        report(f"{AT_ONCE} log-ins at once take {grown} MiB")
        rate, beside = _tokens(hub, planted, SECONDS[scale])
        report(f"{rate:.0f} tokens a second")
        with database(hub) as conn:
            dump = _dump(conn)
            amiss = _hashes(conn, planted) + _keyed(conn, planted, (hub.state / "keys" / "master.key").read_bytes())
        amiss += _floor(hub, folder)
        found, seen = _found(planted, {"the dump": dump})
        amiss += found
        if not seen:
            amiss.append("names of pupils are not in the dump: the search is blind")
        more, files = _on_disk(hub.state, planted)
        amiss += more
        report(f"{files} files are looked through")
    if grown > 2 * MIB + MIB // 2:
        amiss.append(f"{AT_ONCE} log-ins at once took {grown} MiB: more than two hashes of {MIB}")
    if rate < LEAST:
        amiss.append(f"{rate:.0f} tokens a second")
    figures = (
        f"{len(planted.canaries)} canaries and {len(planted.keys)} lines of private keys: {len(found) + len(more)} are"
        f" in a dump of {len(dump) / 1e6:.1f} MB and {files} files; Argon2id {COST[10:-1]}, floor m=19456,t=2,p=1;"
        f" {AT_ONCE} log-ins at once take {grown} MiB; {rate:.0f} tokens/s, {beside:.2f} of /healthz in the same run"
    )
    return judged(not amiss, figures, amiss)


def _plant(hub: Hub, folder: Path, report: Report) -> Planted:
    found = Planted({}, {}, {}, [f"Pu-{secrets.token_urlsafe(18)}" for _ in range(PUPILS)], [], [])
    for number in range(INBOXES):
        user, password = f"kept-{number}", secrets.token_urlsafe(24)
        hub.shown("inbox", "add", "kept", "--kind", "sftp", "--user", user, "--password-stdin", stdin=f"{password}\n")
        found.inboxes[user] = password
    for number in range(OPERATORS):
        name, password = f"op{number}", secrets.token_urlsafe(24)
        hub.shown("operator", "add", name, "--role", "viewer", "--password-stdin", stdin=f"{password}\n")
        found.operators[name] = password
    report(f"{INBOXES + OPERATORS} passwords are set")
    # Used, too: right and wrong ones pass through logs and the audit.
    for name in list(found.operators)[:10]:
        done = hub.call("--operator", name, "tenant", "list", stdin=f"{found.operators[name]}\n")
        assert done.code == 0, done.err
        wrong = hub.call("--operator", found.operators[name], "tenant", "list", stdin=f"{name}\n")
        assert wrong.code == 77
    for _ in range(CLIENTS):
        made = hub.shown("client", "add", "kept", "--name", "lms")
        found.clients[made["client_id"]] = made["client_secret"]
    files = read(hub.sample(folder, PUPILS))
    for row, password in zip(files["users"], found.pupils, strict=False):
        row["password"] = password
    # Some of them in wrong rows, of which problems tell.
    for row in files["users"][:5]:
        row["enabledUser"] = "perhaps"
    assert hub.shown("ingest", "kept", str(write(folder / "wrong.zip", files)), "--wait", code=65)["errors"]
    for row in files["users"][:5]:
        row["enabledUser"] = "true"
    found.sha256 = hub.shown("ingest", "kept", str(write(folder / "right.zip", files)), "--wait")["sha256"]
    found.names = [row["username"] for row in files["users"][:50]]
    key = new_key(folder / "pull")
    host = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
    hub.shown(
        *("inbox", "add", "kept", "--kind", "pull", "--url", "sftp://a@192.0.2.1:22/out", "--key", str(key)),
        *("--host-key", host, "--every", "2h"),
    )
    for file in (key, *(one for one in (hub.state / "keys").rglob("*") if one.is_file())):
        content = file.read_bytes()
        found.keys += [line.decode() for line in content.splitlines() if re.fullmatch(rb"[A-Za-z0-9+/=]{40,}", line)]
        if len(content) == 32:
            found.keys.append(content.hex())
    return found


def _at_once(hub: Hub, planted: Planted) -> int:
    """By how many MiB the process grew that checked so many passwords at once."""
    host, _, port = hub.places["sftp"].rpartition(":")
    users = list(planted.inboxes.items())[: AT_ONCE + 1]

    def enter(user: str, password: str) -> bool:
        line = socket.create_connection((host, int(port)), timeout=60)
        transport = paramiko.Transport(line)
        try:
            transport.connect(username=user, password=password)
            return True
        except paramiko.AuthenticationException:
            return False
        finally:
            transport.close()
            line.close()

    until(lambda: enter(*users[0]), "the inboxes to open")
    children = [int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit() and _parent(one) == hub.pid]
    before = {}
    for child in children:
        (Path("/proc") / str(child) / "clear_refs").write_text("5")  # the peak is counted from here
        before[child] = _kib(child, "VmRSS")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert all(pool.map(lambda one: enter(*one), users[1:]))
    return max(_kib(child, "VmHWM") - before[child] for child in children) // 1024


def _parent(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _kib(process: int, name: str) -> int:
    text = Path(f"/proc/{process}/status").read_text()
    return int(re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)[1])


LOAD = """
import asyncio, sys, time
host, port, seconds, head = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4].encode().decode("unicode_escape").encode()
async def ask(until):
    reader, writer = await asyncio.open_connection(host, port)
    done = 0
    while time.monotonic() < until:
        writer.write(head)
        answer = await reader.readuntil(b"\\r\\n\\r\\n")
        assert answer.startswith(b"HTTP/1.1 200"), answer
        length = int(answer.lower().partition(b"content-length: ")[2].split(b"\\r")[0])
        await reader.readexactly(length)
        done += 1
    writer.close()
    return done
async def main():
    begun = time.monotonic()
    done = await asyncio.gather(*(ask(begun + seconds) for _ in range(int(sys.argv[5]))))
    print(sum(done) / (time.monotonic() - begun))
asyncio.run(main())
"""  # noqa: E501


def _tokens(hub: Hub, planted: Planted, seconds: float) -> tuple[float, float]:
    """Tokens a second from one API process, and what share that is of /healthz, which does nothing."""
    who, secret = next(iter(planted.clients.items()))
    assert hub.call("client", "set", who, "--rate", "0").code == 0
    time.sleep(6)  # until it is bound by that
    basic = base64.b64encode(f"{who}:{secret}".encode()).decode()
    body = "grant_type=client_credentials"
    token = (
        f"POST /token HTTP/1.1\r\nHost: hub\r\nAuthorization: Basic {basic}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )
    rates = []
    for request in (token, "GET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n"):
        place = urllib.parse.urlsplit(hub.places["api"])
        words = [str(place.hostname), str(place.port), str(seconds), request.replace("\r\n", "\\r\\n")]
        done = subprocess.run(
            [sys.executable, "-c", LOAD, *words, str(CONNECTIONS)], capture_output=True, text=True, check=True
        )
        rates.append(float(done.stdout))
    return rates[0], rates[0] / rates[1]


def _dump(conn: psycopg.Connection) -> bytes:
    """Every row of every table, as pg_dump would write it, of the tenant and of the hub."""
    tables = conn.execute(
        "SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        " AND NOT relispartition ORDER BY 1"
    ).fetchall()
    parts = []
    with conn.transaction():
        conn.execute("SET LOCAL ROLE rosterhub_owner")
        conn.execute("SET LOCAL rosterhub.tenant = '1'")
        for (name,) in tables:
            with conn.cursor().copy(f"COPY (SELECT * FROM {name}) TO STDOUT") as rows:
                parts += [name.encode() + b"\n", *map(bytes, rows)]
    return b"".join(parts)


def _needles(canary: str) -> tuple[bytes, ...]:
    plain = canary.encode()
    return plain, plain.hex().encode(), base64.b64encode(plain)[:-4]


def _found(planted: Planted, places: dict[str, bytes]) -> tuple[list[str], bool]:
    """Canaries that are where they may not be, and whether what may be there is seen."""
    found = [
        f"a canary is in {place}: {canary[:6]}..."
        for canary in (*planted.canaries, *planted.keys)
        for place, content in places.items()
        if any(needle in content for needle in _needles(canary))
    ]
    return found, all(any(name.encode() in content for content in places.values()) for name in planted.names)


RUN = re.compile(rb"[A-Za-z0-9+/=_-]{20,}")
"""What a canary would stand in, whatever is around it: only that is searched for each of a thousand."""


def _on_disk(state: Path, planted: Planted) -> tuple[list[str], int]:
    """Canaries in any file of the state folder, the database's own among them, outside of the key files; files."""
    seen = False
    files = [one for one in state.rglob("*") if one.is_file() and state / "keys" not in one.parents]
    found = []
    for one in files:
        try:
            content = b"\n".join(RUN.findall(one.read_bytes()))
        except FileNotFoundError:
            continue  # the server renames its own
        seen |= planted.sha256.encode() in content
        found += _found(planted, {str(one.relative_to(state)): content})[0]
    if not seen:
        found.append("the digest of the bundle is on no disk: the search is blind")
    return found, len(files)


def _hashes(conn: psycopg.Connection, planted: Planted) -> list[str]:
    """What is wrong with the hashes of passwords; some are opened by the library itself."""
    conn.execute("SET ROLE rosterhub_owner")
    kept = dict(conn.execute("SELECT user_name, password_hash FROM inboxes WHERE password_hash IS NOT NULL").fetchall())
    kept |= dict(conn.execute("SELECT name, password_hash FROM operators").fetchall())
    conn.execute("RESET ROLE")
    given = planted.inboxes | planted.operators
    amiss = [f"{name} has no hash like {COST}" for name in given if not str(kept.get(name)).startswith(COST)]
    if len({one.rsplit("$", 2)[1] for one in kept.values()}) < len(given):
        amiss.append("a salt is used twice")
    for name in [*list(planted.inboxes)[:5], *list(planted.operators)[:5]]:
        argon2.PasswordHasher().verify(kept[name], given[name])
    return amiss


def _keyed(conn: psycopg.Connection, planted: Planted, master: bytes) -> list[str]:
    """What is wrong with secrets: 256 bits each, kept as a hash under a key that is not in the database."""
    key = hashlib.blake2b(b"client secret", key=master, digest_size=32).digest()
    conn.execute("SET ROLE rosterhub_owner")
    kept = dict(conn.execute("SELECT client_id, secret_hash FROM client_secrets").fetchall())
    conn.execute("RESET ROLE")
    amiss = []
    for who, secret in planted.clients.items():
        if len(base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))) < 32:
            amiss.append(f"the secret of {who} has fewer than 256 bits")
        if bytes(kept[who]) != hashlib.blake2b(secret.encode(), key=key, digest_size=32).digest():
            amiss.append(f"the secret of {who} is not kept under the key")
    if len(set(planted.clients.values())) < CLIENTS:
        amiss.append("a secret was given twice")
    return amiss


def _floor(hub: Hub, folder: Path) -> list[str]:
    """Settings below the floor must be refused, and no others."""
    amiss = []
    for text, wanted in (
        ("memory = 19\npasses = 2\nlanes = 1", 0),
        ("memory = 18", 78),
        ("passes = 1", 78),
        ("lanes = 0", 78),
    ):
        file = folder / "floor.toml"
        file.write_text(f"[passwords]\n{text}\n")
        code = hub.call("--config", str(file), "tenant", "list").code
        if code != wanted:
            amiss.append(f"{text!r} ends with {code} instead of {wanted}")
    return amiss
