"""S13: the audit log is complete and tamper-evident.

Deeds are counted one by one, reads in bulk; and what is changed by hand in the database is to be found and named.

Three parts on one hub. Each deed by command line, SFTP or API leaves one entry of the person, inbox or client. Readers
ask as fast as they can, through a kill of the API's process, and their own count is compared with the log's. Then rows
are changed, removed, put in and swapped, in the log and in its chain, and put back.
"""

import contextlib
import io
import json
import os
import random
import secrets
import signal
import time
import urllib.parse
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from tests.proofs import rosters
from tests.proofs.guesses import ask, enters
from tests.proofs.standing import database, standing
from tests.proofs.verdict import Report, Verdict, judged
from tests.proofs.wire import Wire
from tests.story.bundles import write
from tests.story.hub import Hub, Sender, until
from tests.story.lms import Lms

READS = {"short": 3_000, "full": 30_000}
ROWS = {"short": 50_000, "full": 1_000_000}
READERS = 4
WITHIN = 60.0
"""Seconds in which a verification must be done."""
LATE = 1.5
"""Seconds in which a read comes into the log, if any does."""


class Entry(msgspec.Struct, frozen=True):
    """What one entry says."""

    who: str
    action: str
    ok: bool


class Log:
    """The audit log, read by SQL."""

    def __init__(self, conn: psycopg.Connection[Any]) -> None:
        self.conn = conn
        self.begin = self.value("SELECT coalesce(max(id), 0) FROM audit")
        self.seen: set[int] = set()

    def value(self, statement: str, *given: object) -> Any:
        row = self.conn.execute(statement, given).fetchone()
        assert row is not None
        return row[0]

    def fresh(self) -> list[Entry]:
        """Entries since the last look, of all but the hub itself, which goes on with what was begun.

        By their ids one by one: a higher id may be committed before a lower one.
        """
        rows = self.conn.execute(
            "SELECT id, who, action, ok FROM audit WHERE id > %s AND who_kind <> 'system' ORDER BY id", [self.begin]
        ).fetchall()
        found = [row for row in rows if row[0] not in self.seen]
        self.seen.update(row[0] for row in found)
        return [Entry(*row[1:]) for row in found]


Deed = tuple[str, Callable[[], object], list[tuple[str, bool]]]
"""What is done, how, and the actions that must be in the log then, each once, and whether they came to something."""


def prove(scale: str, seed: int, folder: Path, report: Report) -> Verdict:
    """The deeds, the reads, the changes."""
    chance = random.Random(seed)
    with standing(folder) as hub, database(hub) as conn:
        log = Log(conn)
        deeds, amiss = _done(hub, log, folder)
        report(f"{deeds} deeds, {len(amiss)} amiss")
        told, wrong = _read(hub, log, READS[scale], chance)
        amiss += wrong
        report(told)
        found, wrong = _changed(hub, log, ROWS[scale], chance, report)
        amiss += wrong
    return judged(not amiss, f"{deeds} deeds by command line, SFTP and API: one entry each; {told}; {found}", amiss)


# -- deeds ------------------------------------------------------------------------------------------------------------


def _done(hub: Hub, log: Log, folder: Path) -> tuple[int, list[str]]:
    """Each deed, and what is amiss in the log after it."""
    made, deeds, amiss = Made(hub, folder), 0, []
    with contextlib.closing(made):
        for name, deed, wanted in made.deeds():
            log.fresh()
            try:
                deed()
            except (OSError, EOFError) as error:
                if wanted and all(ok for _, ok in wanted):
                    amiss.append(f"{name}: {error}")
            found: list[Entry] = []

            def enough(found: list[Entry] = found, wanted: list[tuple[str, bool]] = wanted) -> bool:
                found += log.fresh()
                return len(found) >= len(wanted)

            with contextlib.suppress(AssertionError):
                until(enough, name, within=8)
            time.sleep(0.7 if wanted else LATE)  # for one too many
            found += log.fresh()
            deeds += 1
            if sorted((one.action, one.ok) for one in found) != sorted(wanted):
                amiss.append(f"{name}: {[(one.action, one.ok) for one in found]} instead of {wanted}")
    return deeds, amiss


class Made:
    """A tenant with a door and a client, and all that can be done with them."""

    def __init__(self, hub: Hub, folder: Path) -> None:
        self.hub, self.folder = hub, folder
        self.password = secrets.token_urlsafe(12)
        self.client: dict[str, Any] = {}
        self._stack = contextlib.ExitStack()
        self._sftp: Any = None
        self.drop = 0

    def close(self) -> None:
        self._stack.close()

    def deeds(self) -> Iterator[Deed]:
        yield from self._by_command_line()
        yield from self._by_api()
        yield from self._by_sftp()
        yield (
            "a client is revoked",
            self._run("client", "revoke", self.client["client_id"], "--reason", "done"),
            [("client.revoke", True)],
        )

    def _run(self, *words: str, code: int = 0) -> Callable[[], None]:
        def run() -> None:
            done = self.hub.call(*words)
            assert done.code == code, f"{words}: exit {done.code}: {done.err}"

        return run

    def _by_command_line(self) -> Iterator[Deed]:
        run, hub = self._run, self.hub
        yield "tenant add", run("tenant", "add", "kept", "--name", "Kept"), [("tenant.add", True)]
        yield "the same again", run("tenant", "add", "kept", "--name", "Kept"), []
        yield "tenant set", run("tenant", "set", "kept", "--guard-deleted", "20"), [("tenant.set", True)]

        yield "tenant pause", run("tenant", "pause", "kept", "--reason", "repair"), [("tenant.pause", True)]
        yield "tenant resume", run("tenant", "resume", "kept", "--reason", "whole"), [("tenant.resume", True)]
        yield "operator add", run("operator", "add", "kept-op", "--role", "viewer"), [("operator.add", True)]
        yield "operator set", run("operator", "set", "kept-op", "--role", "operator"), [("operator.set", True)]
        yield "operator disable", run("operator", "disable", "kept-op"), [("operator.disable", True)]

        def drop() -> None:
            (self.folder / "drop").mkdir()
            words = ("inbox", "add", "kept", "--kind", "drop", "--path", str(self.folder / "drop"))
            self.drop = hub.shown(*words)["id"]

        yield "inbox add, a folder", drop, [("inbox.add", True)]
        gone = lambda: run("inbox", "remove", str(self.drop), "--reason", "moved")()  # noqa: E731
        yield "inbox remove", gone, [("inbox.remove", True)]

        def inbox() -> None:
            words = ("inbox", "add", "kept", "--kind", "sftp", "--user", "kept-sis", "--password-stdin")
            hub.shown(*words, stdin=self.password)

        yield "inbox add", inbox, [("inbox.add", True)]

        def client() -> None:
            self.client = hub.shown("client", "add", "kept", "--name", "lms")
            hub.secrets.append(self.client["client_secret"])

        yield "client add", client, [("client.add", True)]

        def limit() -> None:
            self._run("client", "set", self.client["client_id"], "--rate", "0")()

        yield "client set", limit, [("client.set", True)]

        def rotate() -> None:
            self.client = hub.shown("client", "rotate", self.client["client_id"])
            hub.secrets.append(self.client["client_secret"])

        yield "client rotate", rotate, [("client.rotate", True)]
        bundle = write(self.folder / "first.zip", rosters.roster())
        yield "ingest", run("ingest", "kept", str(bundle), "--wait"), [("bundle.receive", True)]
        yield "export", run("export", "kept", str(self.folder / "out.zip")), [("bundle.export", True)]
        yield "audit export", run("audit", "export", str(self.folder / "audit.csv")), [("audit.export", True)]
        yield "audit verify", run("audit", "verify"), [("audit.verify", True)]
        yield "audit list", run("audit", "list"), []

        def roll_back() -> None:
            job = hub.jobs("kept")[0]["id"]
            self._run("job", "rollback", job, "--reason", "to see it in the log")()

        yield "job rollback", roll_back, [("job.rollback", True)]

        def held() -> str:
            return next(one["id"] for one in hub.jobs("kept") if one["state"] == "held")

        # The bytes of a job that was rolled back are held.
        again = run("ingest", "kept", str(bundle), "--wait", code=10)
        yield "ingest again", again, [("bundle.receive", True)]
        yield "job reject", lambda: run("job", "reject", held(), "--reason", "no")(), [("job.reject", True)]
        yield "ingest once more", again, [("bundle.receive", True)]
        yield "job approve", lambda: run("job", "approve", held(), "--reason", "yes")(), [("job.approve", True)]
        bad = self.folder / "bad.zip"
        bad.write_bytes(b"PK\x05\x06" + bytes(18))
        yield "ingest of rubbish", run("ingest", "kept", str(bad), "--wait", code=65), [("bundle.receive", True)]

        def retry() -> None:
            self._run("job", "retry", next(one["id"] for one in hub.jobs("kept") if one["state"] == "rejected"))()

        yield "job retry", retry, [("job.retry", True)]

        def unmask() -> None:
            users = rosters.roster()["users"]
            self._run("record", "show", "kept", "users", users[0]["sourcedId"], "--unmask", "--reason", "asked")()

        yield "a name is unmasked", unmask, [("record.unmask", True)]

    def _tokens(self) -> int:
        listed = self.hub.shown("audit", "list", "--who", self.client["client_id"], "--action", "api.token")
        return len(listed)

    def _by_api(self) -> Iterator[Deed]:
        hub, who, secret = self.hub, self.client["client_id"], self.client["client_secret"]
        yield "a token", lambda: ask(hub, who, secret), [("api.token", True)]
        yield "no token", lambda: ask(hub, who, "wrong"), [("api.token", False)]
        yield "no token for nobody", lambda: ask(hub, "nobody", "wrong"), [("api.token", False)]
        place = urllib.parse.urlsplit(hub.places["api"]).netloc
        asked = self._tokens()
        token = _token(hub, self.client)
        until(lambda: self._tokens() > asked, "the entry of a token")
        wire = self._stack.enter_context(contextlib.closing(Wire(place, token)))
        base = urllib.parse.urlsplit(self.client["base_url"]).path
        for path, ok in (
            ("/users?limit=5", True), ("/users?limit=5", True), ("/orgs", True), ("/users/nobody", False),
            ("/users?filter=broken", False), ("/demographics", False),
        ):  # fmt: skip
            action = f"api.read {path.strip('/').partition('?')[0].partition('/')[0]}"
            yield path, lambda path=path: wire.ask(base + path), [(action, ok)]
        stranger = self._stack.enter_context(contextlib.closing(Wire(place)))
        yield "without a token", lambda: stranger.ask(f"{base}/users"), [("api.read users", False)]
        yield (
            "an upload that is refused",
            lambda: wire.ask("/v1p2/uploads/00000000-0000-0000-0000-000000000000"),
            [("api.read uploads", False)],
        )

    def _by_sftp(self) -> Iterator[Deed]:
        hub = self.hub
        wrong = lambda: enters(hub, "kept-sis", "wrong", "127.0.0.1")  # noqa: E731
        yield "a wrong password", wrong, [("sftp.login", False)]
        stranger = lambda: enters(hub, "nobody-sis", "wrong", "127.0.0.1")  # noqa: E731
        yield "an unknown user", stranger, [("sftp.login", False)]

        def log_in() -> None:
            sender = _sender(hub, self.password)
            self._sftp = self._stack.enter_context(sender.connected())

        yield "a log-in", log_in, [("sftp.login", True)]

        def sftp(name: str, *given: Any) -> Callable[[], object]:
            return lambda: getattr(self._sftp, name)(*given)

        def put(name: str, content: bytes) -> Callable[[], object]:
            return lambda: self._sftp.putfo(io.BytesIO(content), name)

        def read(name: str) -> Callable[[], object]:
            return lambda: self._sftp.getfo(name, io.BytesIO())

        whole = write(self.folder / "second.zip", rosters.roster()).read_bytes()
        yield "a zip", put("/a.zip", whole), [("bundle.receive", True)]
        until(lambda: "latest.txt" in self._sftp.listdir("/reports"), "a report")
        yield "a report", read("/reports/latest.txt"), [("sftp.read", True)]
        yield "no such report", read("/reports/nothing.txt"), []
        yield "a folder", sftp("mkdir", "/loose"), [("sftp.mkdir", True)]
        yield "one too deep", sftp("mkdir", "/loose/deep"), [("sftp.mkdir", False)]
        yield "a loose file", put("/loose/users.csv", b"sourcedId\r\n"), [("sftp.upload", True)]
        yield "its name", sftp("rename", "/loose/users.csv", "/loose/x.csv"), [("sftp.rename", True)]
        yield "it is read back", read("/loose/x.csv"), [("sftp.read", True)]
        yield "it goes", sftp("remove", "/loose/x.csv"), [("sftp.remove", True)]
        yield "its folder goes", sftp("rmdir", "/loose"), [("sftp.rmdir", True)]
        yield "a file among the reports", put("/reports/x", b"x"), [("sftp.upload", False)]
        yield "a report is not removed", sftp("remove", "/reports/latest.txt"), [("sftp.remove", False)]
        renamed = [("sftp.upload", True), ("sftp.rename", True), ("bundle.receive", True)]

        def in_two_steps() -> None:
            self._sftp.putfo(io.BytesIO(whole), "/b.zip.part")
            self._sftp.rename("/b.zip.part", "/b.zip")

        yield "a zip under another name first", in_two_steps, renamed

        def cut() -> None:
            other = _sender(hub, self.password)
            with other.connected() as client:
                stream = client.open("/cut.zip", "wb")
                stream.write(whole[:1000])
                client.sock.get_transport().close()

        yield "an upload that is cut off", cut, [("sftp.login", True), ("sftp.upload", False)]


def _sender(hub: Hub, password: str) -> Sender:
    return Sender(hub.places["sftp"], "kept-sis", hub.key, password)


def _token(hub: Hub, client: dict[str, Any]) -> str:
    lms = Lms(client["base_url"], client["token_url"], client["client_id"], client["client_secret"])
    lms.close()
    hub.secrets.append(lms.token)
    return lms.token


# -- reads ------------------------------------------------------------------------------------------------------------


class Answered:
    """What one reader was answered."""

    def __init__(self) -> None:
        self.at: list[float] = []
        self.good = self.rows = 0


def _read(hub: Hub, log: Log, count: int, chance: random.Random) -> tuple[str, list[str]]:
    """So many reads, compared; then as many through a kill of the API's process."""
    clients = [hub.shown("client", "add", "kept", "--name", f"reader-{number}") for number in range(READERS)]
    for one in clients:
        hub.secrets.append(one["client_secret"])
        assert hub.call("client", "set", one["client_id"], "--rate", "0").code == 0
    amiss: list[str] = []
    whole = _load(hub, clients, count, chance.random())
    _settled(log)
    written = 0
    for one, answered in zip(clients, whole, strict=True):
        entries, good, rows = _audited(log, one["client_id"])
        written += entries
        if (entries, good, rows) != (len(answered.at), answered.good, answered.rows):
            amiss.append(f"{one['client_id']}: {(entries, good, rows)} in the log,"
                         f" {(len(answered.at), answered.good, answered.rows)} answered")  # fmt: skip
    if log.value("SELECT count(*) FROM audit WHERE action = 'audit.gap'"):
        amiss.append("a gap before any process was killed")
    lost = _killed(hub, log, clients, count, chance, amiss)
    rows = sum(one.rows for one in whole)
    told = (f"{count} reads answered, {written} in the log, with the {rows} records that they gave;"
            f" a kill lost {lost} reads, all within the gap that is told")  # fmt: skip
    return told, amiss


def _killed(hub: Hub, log: Log, clients: list[Any], count: int, chance: random.Random, amiss: list[str]) -> int:
    """How many reads a kill has lost; they must all be of the time that the gap names."""
    before = {one["client_id"]: _audited(log, one["client_id"])[0] for one in clients}
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(_load, hub, clients, count, chance.random())
        time.sleep(1.0)
        killed = time.time()
        os.kill(_api(hub), signal.SIGKILL)
        whole = loading.result()
    until(lambda: log.value("SELECT count(*) FROM audit WHERE action = 'audit.gap'") > 0, "the gap")
    _settled(log)
    (detail,) = [row[0] for row in log.conn.execute("SELECT detail FROM audit WHERE action = 'audit.gap'").fetchall()]
    begin, end = (datetime.fromisoformat(detail[name]).timestamp() for name in ("from", "to"))
    if not begin <= killed <= end or begin < killed - 3:
        amiss.append(f"killed at {killed}, but the gap is told from {begin} to {end}")
    lost = 0
    for one, answered in zip(clients, whole, strict=True):
        missing = before[one["client_id"]] + len(answered.at) - _audited(log, one["client_id"])[0]
        within = sum(begin <= at <= end for at in answered.at)
        lost += max(0, missing)
        if missing > within:
            amiss.append(f"{one['client_id']}: {missing} reads lost, of which {within} may be missing")
    return lost


def _load(hub: Hub, clients: list[Any], count: int, seed: float) -> list[Answered]:
    """Reads of all kinds by each client, as fast as they are answered."""
    tokens = [_token(hub, one) for one in clients]
    place = urllib.parse.urlsplit(hub.places["api"]).netloc
    base = urllib.parse.urlsplit(clients[0]["base_url"]).path

    def read(number: int) -> Answered:
        chance, answered = random.Random(f"{seed} {number}"), Answered()
        wire, tag = Wire(place, tokens[number]), ""
        with contextlib.closing(wire):
            for _ in range(count // READERS):
                path = chance.choice(("/users?limit=3", "/users?limit=3", "/orgs", "/classes?limit=2&offset=1",
                                      "/users/nobody", "/users?limit=0", "/enrollments?limit=50"))  # fmt: skip
                headers = {"If-None-Match": tag} if tag and chance.random() < 0.3 else {}
                try:
                    answer = wire.ask(base + path, headers)
                except (OSError, EOFError):  # its process was killed
                    wire.close()
                    time.sleep(0.05)
                    continue
                answered.at.append(time.time())
                answered.good += answer.status < 400
                if answer.status == 200:
                    tag = answer.headers["etag"]
                    answered.rows += len(next(iter(answer.json.values())))
        return answered

    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(read, range(READERS)))


def _settled(log: Log) -> None:
    """Wait until nothing more comes into the log."""
    seen = [-1]

    def still() -> bool:
        seen.append(log.value("SELECT count(*) FROM audit"))
        return seen[-1] == seen[-2]

    until(still, "an end of the log", within=60, pause=LATE)


def _audited(log: Log, who: str) -> tuple[int, int, int]:
    """Reads of a client that are in the log: all, good ones, and the records of these."""
    row = log.conn.execute(
        "SELECT count(*), count(*) FILTER (WHERE ok), coalesce(sum((detail ->> 'rows')::int), 0) FROM audit"
        " WHERE who = %s AND action LIKE 'api.read %%'", [who],
    ).fetchone()  # fmt: skip
    assert row is not None
    return int(row[0]), int(row[1]), int(row[2])


def _api(hub: Hub) -> int:
    """The API's process."""
    lines = [json.loads(line) for line in hub.log.read_text().splitlines() if '"event": "ready"' in line]
    return int([one["pid"] for one in lines if one["child"] == "api-0"][-1])


# -- changes by hand --------------------------------------------------------------------------------------------------

FILL = """
INSERT INTO audit (at, who, who_kind, origin, action, target, detail)
SELECT clock_timestamp(), 'lms-' || n % 40, 'client', '203.0.113.9', 'api.read users', n || '+100',
       jsonb_build_object('rows', n % 100)
  FROM generate_series(1, {}) n
"""

CHANGES = {
    "an entry is changed": ("UPDATE audit SET target = 'other' WHERE id = {a}", {("changed", "a")}),
    "the reason in one is changed": ("UPDATE audit SET detail = '{{}}' WHERE id = {a}", {("changed", "a")}),
    "its time is changed": ("UPDATE audit SET at = at + interval '1 second' WHERE id = {a}", {("moved", "a")}),
    "an entry is dropped": ("DELETE FROM audit WHERE id = {a}", {("deleted", "a")}),
    "two are swapped": (
        "UPDATE audit SET target = CASE id WHEN {a} THEN '{tb}' ELSE '{ta}' END WHERE id IN ({a}, {b})",
        {("changed", "a"), ("changed", "b")},
    ),
    "one is put in with an id that was lost": (
        "INSERT INTO audit (id, at, who, who_kind, action) VALUES ({lost}, now(), 'eve', 'client', 'x')",
        {("unsealed", "lost")},
    ),
    "a link is changed": ("UPDATE audit_chain SET hmac = sha256('x') WHERE audit_id = {a}", {("relinked", "a")}),
    "a link is dropped": ("DELETE FROM audit_chain WHERE audit_id = {a}", {("unsealed", "a"), ("unlinked", "")}),
    "one is put in with a false time": (
        "INSERT INTO audit (at, who, who_kind, action) VALUES (now() - interval '2 hours', 'eve', 'client', 'x')",
        {("behind", "new")},
    ),
    "the end is cut off": (
        # By its number: an entry with a higher id may have been sealed before.
        "DELETE FROM audit WHERE id IN (SELECT audit_id FROM audit_chain WHERE seq >"
        " (SELECT seq FROM audit_chain WHERE audit_id = {b}));"
        " DELETE FROM audit_chain WHERE seq > (SELECT seq FROM audit_chain WHERE audit_id = {b})",
        {("cut", "")},
    ),
}  # fmt: skip
"""What is done by hand, and what must be found: kind and entry."""


def _changed(hub: Hub, log: Log, rows: int, chance: random.Random, report: Report) -> tuple[str, list[str]]:
    """Fill the log, wait until it is sealed, then change it in each way and see what is found."""
    conn, amiss = log.conn, []
    began = time.monotonic()
    lost = log.value("SELECT nextval('audit_id_seq')")
    for _ in range(0, rows, 50_000):
        conn.execute(FILL.format(min(rows, 50_000)))
    filled = time.monotonic() - began
    _sealed(log)
    report(f"{rows} entries made in {filled:.0f} s, all sealed after {time.monotonic() - began:.0f} s")
    slowest, anchor = _verify(hub, "nothing is changed", set(), amiss)
    conn.execute("CREATE TEMPORARY TABLE kept_audit AS SELECT * FROM audit WITH NO DATA")
    conn.execute("CREATE TEMPORARY TABLE kept_chain AS SELECT * FROM audit_chain WITH NO DATA")
    for name, (statement, wanted) in CHANGES.items():
        ids = dict(zip("ab", sorted(chance.sample(range(lost + 1, lost + rows - 100), 2)), strict=True))
        ids |= {"lost": lost, "new": 0}
        _sealed(log)  # so that the sealer is not in the midst of it
        texts = {f"t{letter}": log.value("SELECT target FROM audit WHERE id = %s", ids[letter]) for letter in "ab"}
        found = statement.format(**ids, **texts)
        cut = name == "the end is cut off"
        conn.execute("INSERT INTO kept_audit SELECT * FROM audit WHERE id IN (%(a)s, %(b)s)", ids)
        conn.execute("INSERT INTO kept_chain SELECT * FROM audit_chain WHERE audit_id IN (%(a)s, %(b)s)", ids)
        conn.execute(found)
        if ("behind", "new") in wanted:
            ids["new"] = log.value("SELECT max(id) FROM audit WHERE who = 'eve'")
        named = {(kind, ids[letter] if letter else None) for kind, letter in wanted}
        taken, _ = _verify(hub, name, named, amiss, anchor if cut else "")
        slowest = max(slowest, taken)
        report(f"{name}: {taken:.1f} s")
        if not cut:  # which leaves nothing to go on with
            _put_back(conn, ids)
    return (f"of {rows} entries each of {len(CHANGES)} kinds of change found and named, the slowest in"
            f" {slowest:.1f} s"), amiss  # fmt: skip


def _sealed(log: Log) -> None:
    waiting = "SELECT (SELECT count(*) FROM audit) - (SELECT count(*) FROM audit_chain)"
    until(lambda: log.value(waiting) == 0, "all to be sealed", within=600, pause=0.3)


def _put_back(conn: psycopg.Connection[Any], ids: dict[str, int]) -> None:
    with conn.transaction():
        conn.execute("DELETE FROM audit_chain WHERE audit_id IN (%(a)s, %(b)s)", ids)
        conn.execute("DELETE FROM audit WHERE id IN (%(a)s, %(b)s, %(lost)s)", ids)
        conn.execute("INSERT INTO audit SELECT * FROM kept_audit")
        conn.execute("INSERT INTO audit_chain SELECT * FROM kept_chain")
        conn.execute("TRUNCATE kept_audit, kept_chain")


def _verify(
    hub: Hub, name: str, wanted: set[tuple[str, int | None]], amiss: list[str], anchor: str = ""
) -> tuple[float, str]:
    """Have the log verified; the seconds that it took, and the anchor that was told."""
    began = time.monotonic()
    done = hub.call("audit", "verify", "--json", *(("--anchor", anchor) if anchor else ()))
    taken = time.monotonic() - began
    told = json.loads(done.out)
    found = {(one["kind"], one["id"]) for one in told["faults"]}
    if found != wanted or done.code != bool(wanted):
        amiss.append(f"{name}: exit {done.code}, found {list(found)[:5]} instead of {list(wanted)}")
    if taken > WITHIN:
        amiss.append(f"{name}: found after {taken:.1f} s")
    return taken, str(told["anchor"])
