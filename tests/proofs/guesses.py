"""S6: guessing is hopeless. Wrong secrets at the token endpoint and wrong passwords at the SFTP server.

At the token endpoint a refusal after a check is 401, one without a check 429. What an SFTP server has checked cannot be
told from outside; there the proof is that even the right password opens nothing, only for that user and address.
"""

import base64
import http.client
import json
import secrets
import socket
import statistics
import time
import urllib.parse
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import paramiko

from tests.proofs.standing import standing
from tests.proofs.verdict import Report, Verdict, judged
from tests.story.hub import Hub, until

TRIES = {"short": 100, "full": 1_000}
PASSWORDS = {"short": 12, "full": 60}
STRANGERS = {"short": 40, "full": 200}
"""Ids of which each is tried once, to compare times."""
MOST_CHECKS = 10
BAN = 15 * 60
HERE, ELSEWHERE = "127.0.0.1", "127.0.0.2"


def prove(scale: str, seed: int, folder: Path, report: Report) -> Verdict:
    """Tries from one address, then who is harmed and who is not."""
    with standing(folder) as hub:
        hub.tenant("guessed")
        amiss, checked = _at_tokens(hub, TRIES[scale])
        report(f"{checked} of {TRIES[scale]} secrets were checked")
        known, unknown = _times(hub, STRANGERS[scale])
        report(f"a wrong secret takes {known:.2f} ms, an unknown client {unknown:.2f} ms")
        if not 0.5 < known / unknown < 2:
            amiss.append(f"a known client can be told by time: {known:.2f} ms instead of {unknown:.2f} ms")
        amiss += _at_sftp(hub, PASSWORDS[scale])
    figures = (
        f"{TRIES[scale]} wrong secrets: {checked} checked, then 429 for 15 min, the right one too; another client on"
        f" that address and the client on another unharmed; a wrong secret takes {known:.2f} ms, an unknown client"
        f" {unknown:.2f} ms; {PASSWORDS[scale]} wrong passwords by SFTP: shut out there, and only there"
    )
    return judged(not amiss, figures, amiss)


def _at_tokens(hub: Hub, tries: int) -> tuple[list[str], int]:
    """What went amiss, and how many secrets were checked."""
    who, secret = _client(hub)
    other, other_secret = _client(hub)
    found = [ask(hub, who, secrets.token_urlsafe(32)) for _ in range(tries)]
    statuses = Counter(status for status, _ in found)
    amiss = []
    if set(statuses) != {401, 429} or statuses[401] > MOST_CHECKS:
        amiss.append(f"wrong secrets were answered {dict(statuses)}")
    if not BAN - 60 <= found[-1][1] <= 2 * BAN:
        amiss.append(f"Retry-After is {found[-1][1]} s")
    for name, wanted, status in (
        ("the right secret on that address", 429, ask(hub, who, secret)[0]),
        ("the right secret on another", 200, ask(hub, who, secret, ELSEWHERE)[0]),
        ("another client on that address", 200, ask(hub, other, other_secret)[0]),
    ):
        if status != wanted:
            amiss.append(f"{name}: {status} instead of {wanted}")
    return amiss, statuses[401]


def _times(hub: Hub, count: int) -> tuple[float, float]:
    """Milliseconds of a wrong secret for clients that there are, and for some that there are not."""
    clients = [_client(hub)[0] for _ in range(4)]
    taken: dict[bool, list[float]] = {True: [], False: []}
    for number in range(count):
        # Three tries of each pair are free of a ban; a new address for every round.
        address = f"127.0.1.{1 + number // 8}"
        for exists, who in ((True, clients[number % 4]), (False, secrets.token_urlsafe(12))):
            began = time.perf_counter()
            status, _ = ask(hub, who, "x" * 43, address)
            taken[exists].append(1000 * (time.perf_counter() - began))
            assert status == 401
    return statistics.median(taken[True]), statistics.median(taken[False])


def _at_sftp(hub: Hub, tries: int) -> list[str]:
    """What went amiss."""
    users = {}
    for user in ("guessed-sis", "other-sis"):
        users[user] = secrets.token_urlsafe(12)
        hub.shown("inbox", "add", "guessed", "--kind", "sftp", "--user", user, "--password-stdin", stdin=users[user])
    until(lambda: all(enters(hub, user, password, HERE) for user, password in users.items()), "the inboxes to open")
    with ThreadPoolExecutor(4) as pool:
        entered = sum(pool.map(lambda _: enters(hub, "guessed-sis", secrets.token_urlsafe(12), HERE), range(tries)))
    amiss = [f"{entered} wrong passwords opened"] if entered else []
    for user, address, wanted in (
        ("guessed-sis", HERE, False),
        ("guessed-sis", ELSEWHERE, True),
        ("other-sis", HERE, True),
    ):
        if enters(hub, user, users[user], address) != wanted:
            amiss.append(f"the right password of {user} from {address} {'is refused' if wanted else 'opens'}")
    return amiss


def enters(hub: Hub, user: str, password: str, address: str) -> bool:
    host, _, port = hub.places["sftp"].rpartition(":")
    line = socket.create_connection((host, int(port)), timeout=30, source_address=(address, 0))
    transport = paramiko.Transport(line)
    try:
        transport.connect(username=user, password=password)
        return True
    except paramiko.SSHException:
        return False
    finally:
        transport.close()
        line.close()


def _client(hub: Hub) -> tuple[str, str]:
    made = hub.shown("client", "add", "guessed", "--name", "lms")
    hub.secrets.append(made["client_secret"])
    return made["client_id"], made["client_secret"]


def ask(hub: Hub, who: str, secret: str, address: str = HERE) -> tuple[int, int]:
    """Status and Retry-After of a token request."""
    place = urllib.parse.urlsplit(hub.places["api"])
    connection = http.client.HTTPConnection(place.netloc, timeout=30, source_address=(address, 0))
    basic = base64.b64encode(f"{who}:{secret}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/token", "grant_type=client_credentials", headers)
    answer = connection.getresponse()
    json.loads(answer.read())
    connection.close()
    return answer.status, int(answer.headers.get("Retry-After", 0))
