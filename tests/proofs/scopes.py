"""S9: tokens are short and scoped. Each operation with each set of scopes, tampered tokens, and clients revoked.

The table is written by hand from the REST binding, 1.2 and 5.3. The tokens are forged with the standard library: a
control with the hub's own key must be accepted, or the forger would only show that he cannot forge.
"""

import base64
import hashlib
import hmac
import http.client
import itertools
import json
import random
import secrets
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.proofs import rosters, twins
from tests.proofs.standing import standing
from tests.proofs.verdict import Report, Verdict, judged
from tests.proofs.wire import Wire
from tests.story.bundles import write
from tests.story.hub import Hub
from tests.story.lms import Lms

CORE, ROSTER, DEMOGRAPHICS = "roster-core.readonly", "roster.readonly", "roster-demographics.readonly"
EITHER = {CORE, ROSTER}
TABLE = {
    "/academicSessions": EITHER, "/academicSessions/y-1": EITHER,
    "/classes": EITHER, "/classes/c-000": EITHER,
    "/courses": EITHER, "/courses/co-1": EITHER,
    "/enrollments": EITHER, "/enrollments/e-st-00000": EITHER,
    "/gradingPeriods": EITHER, "/gradingPeriods/g-1": EITHER,
    "/orgs": EITHER, "/orgs/d-1": EITHER,
    "/schools": EITHER, "/schools/s-1": EITHER,
    "/students": EITHER, "/students/st-00000": EITHER,
    "/teachers": EITHER, "/teachers/te-00000": EITHER,
    "/terms": EITHER, "/terms/t-1": EITHER,
    "/users": EITHER, "/users/st-00000": EITHER,
    "/demographics": {DEMOGRAPHICS}, "/demographics/st-00000": {DEMOGRAPHICS},
    "/classes/c-000/students": {ROSTER}, "/classes/c-000/teachers": {ROSTER},
    "/courses/co-1/classes": {ROSTER},
    "/schools/s-1/classes": {ROSTER},
    "/schools/s-1/classes/c-000/enrollments": {ROSTER},
    "/schools/s-1/classes/c-000/students": {ROSTER}, "/schools/s-1/classes/c-000/teachers": {ROSTER},
    "/schools/s-1/courses": {ROSTER}, "/schools/s-1/enrollments": {ROSTER},
    "/schools/s-1/students": {ROSTER}, "/schools/s-1/teachers": {ROSTER}, "/schools/s-1/terms": {ROSTER},
    "/students/st-00000/classes": {ROSTER}, "/teachers/te-00000/classes": {ROSTER},
    "/terms/t-1/classes": {ROSTER}, "/terms/t-1/gradingPeriods": {ROSTER},
    "/users/st-00000/classes": {ROSTER},
}  # fmt: skip
"""The 41 operations, with ids of the roster, and the scopes of which any one opens it."""
OWN = {"/v1p2/classes/c-000/enrollments": {ROSTER}}
"""What the convenience view has beside the same 41."""
STANDARD, CONVENIENT = "/ims/oneroster/rostering/v1p2", "/v1p2"
LIFETIME = 3600
FRESH = 5.0
"""Seconds in which a revoked client must be known as such."""
REVOKED = {"short": 3, "full": 12}
TAMPERED = 200


def prove(scale: str, seed: int, folder: Path, report: Report) -> Verdict:
    """On one hub, whose key the forger has got for a control."""
    chance = random.Random(seed)
    with standing(folder) as hub:
        hub.tenant("scopes")
        hub.tenant("other")
        bundle = write(folder / "bundle.zip", twins.with_terms(rosters.roster(20, 2, 0, 2)))
        assert hub.shown("ingest", "scopes", str(bundle), "--wait")["state"] == "applied"
        asked, amiss = _matrix(hub)
        report(f"{asked} calls with scopes, {len(amiss)} amiss")
        lms, other = hub.client("scopes"), hub.client("other")
        forger = Forger(hub, lms, other, chance)
        tampered, accepted = forger.tried()
        report(f"{tampered} tampered tokens, {len(accepted)} accepted")
        amiss += accepted + forger.controls()
        seconds = [_revoked(hub, amiss) for _ in range(REVOKED[scale])]
    if max(seconds) > FRESH:
        amiss.append(f"revoked after {max(seconds):.2f} s")
    figures = (
        f"tokens live {forger.lifetime} s; {asked} calls with each of {2 * len(TABLE) + len(OWN)} endpoints and 8 sets"
        f" of scopes; {tampered} tampered tokens, {len(accepted)} accepted; {len(seconds)} clients revoked within"
        f" {max(seconds):.1f} s; {len(amiss)} amiss"
    )
    good = not amiss and forger.lifetime <= LIFETIME and tampered >= TAMPERED
    return judged(good, figures, amiss[:20])


def _place(lms: Lms) -> str:
    return urllib.parse.urlsplit(lms.base).netloc


def _granted(hub: Hub, scopes: tuple[str, ...], asks: tuple[str, ...]) -> tuple[str, str, list[str]]:
    """A client that may have these scopes and asks for those: its token, where to use it, and what is odd."""
    words = [word for scope in scopes for word in ("--scope", scope)]
    made = hub.shown("client", "add", "scopes", "--name", "matrix", *words)
    assert hub.call("client", "set", made["client_id"], "--rate", "0").code == 0
    hub.secrets.append(made["client_secret"])
    url = urllib.parse.urlsplit(made["token_url"])
    told = _token(url.netloc, url.path, made["client_id"], made["client_secret"], " ".join(asks))
    prefix = "https://purl.imsglobal.org/spec/or/v1p2/scope/"
    odd = [] if set(told["scope"].split()) == {prefix + one for one in asks} else [f"{asks} became {told['scope']}"]
    return told["access_token"], url.netloc, odd


def _token(place: str, path: str, client_id: str, secret: str, scope: str) -> Any:
    basic = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    connection = http.client.HTTPConnection(place, timeout=60)
    form = {"grant_type": "client_credentials", "scope": scope}
    headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", path, urllib.parse.urlencode(form), headers)
    told = json.loads(connection.getresponse().read())
    connection.close()
    return told


def _matrix(hub: Hub) -> tuple[int, list[str]]:
    """Every endpoint without a token, and with every set of scopes, given by registration or by request."""
    endpoints = {base + path: of for base in (STANDARD, CONVENIENT) for path, of in TABLE.items()} | OWN
    every = (CORE, ROSTER, DEMOGRAPHICS)
    sets = [found for size in (1, 2, 3) for found in itertools.combinations(every, size)]
    asked, amiss = 0, []
    for scopes in sets:
        for registered in dict.fromkeys((scopes, every)):
            token, place, odd = _granted(hub, registered, scopes)
            amiss += odd
            wire = Wire(place, token)
            for path, of in endpoints.items():
                answer = wire.ask(path)
                wanted = 200 if of & set(scopes) else 403
                said = answer.headers.get("www-authenticate", "")
                if answer.status != wanted or (wanted == 403) != ('error="insufficient_scope"' in said):
                    amiss.append(f"{path} with {scopes}: {answer.status} {said}")
            asked += wire.answered
            wire.close()
    wire = Wire(place)
    for path in endpoints:
        answer = wire.ask(path)
        if answer.status != 401 or not answer.headers.get("www-authenticate", "").startswith("Bearer"):
            amiss.append(f"{path} without a token: {answer.status}")
    wire.close()
    return asked + wire.answered, amiss


def _coded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _plain(part: str) -> dict[str, Any]:
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


class Forger:
    """Has a good token of two tenants' clients each, and makes bad ones of them."""

    def __init__(self, hub: Hub, lms: Lms, other: Lms, chance: random.Random) -> None:
        self.good, self.others, self._chance = lms.token, other.token, chance
        self._wire = Wire(_place(lms))
        # As the hub derives it: BLAKE2b of the purpose under the master key.
        master = (hub.state / "keys" / "master.key").read_bytes()
        self._master = master
        self._key = hashlib.blake2b(b"api tokens", key=master, digest_size=32).digest()
        self.header, self.claims = (_plain(part) for part in self.good.split(".")[:2])
        self.lifetime = int(self.claims["exp"]) - int(self.claims["iat"])

    def _status(self, token: str) -> int:
        return self._wire.ask(f"{STANDARD}/orgs", {"Authorization": f"Bearer {token}"}).status

    def _signed(self, header: dict[str, Any], claims: dict[str, Any], key: bytes, by: str = "sha256") -> str:
        text = f"{_coded(json.dumps(header).encode())}.{_coded(json.dumps(claims).encode())}"
        return f"{text}.{_coded(hmac.digest(key, text.encode(), by))}"

    def tried(self) -> tuple[int, list[str]]:
        """How many different tokens were tried, and those that were not answered 401."""
        tokens = {token: words for words, token in self._tampered() if token != self.good}
        accepted = []
        for token, words in tokens.items():
            if (status := self._status(token)) != 401:
                accepted.append(f"{words}: {status}")
        return len(tokens), accepted

    def controls(self) -> list[str]:
        """What must be so that the rest means anything: signed by the hub's key a token is good until it expires."""
        soon = self.claims | {"exp": int(time.time()) + 2}
        seen = [
            (self._status(self.good), 200, "the good token, after all the others"),
            (self._status(self._signed(self.header, self.claims, self._key)), 200, "one signed by us"),
            (self._status(self._signed(self.header, soon, self._key)), 200, "one that is about to expire"),
        ]
        time.sleep(2.5)
        seen.append((self._status(self._signed(self.header, soon, self._key)), 401, "the same when it has expired"))
        self._wire.close()
        return [f"{words}: {found} instead of {wanted}" for found, wanted, words in seen if found != wanted]

    def _tampered(self) -> Iterator[tuple[str, str]]:
        head, body, signature = self.good.split(".")
        none = _coded(b'{"alg":"none"}')
        now = int(time.time())
        theirs = _plain(self.others.split(".")[1])
        changes: list[dict[str, Any]] = [
            {"sub": theirs["sub"]}, {"sub": ""}, {"sub": None}, {"tid": theirs["tid"]}, {"tid": 0}, {"tid": "1"},
            {"sub": theirs["sub"], "tid": theirs["tid"]}, {"scope": self.claims["scope"] + " rosterhub.upload"},
            {"scope": ROSTER}, {"scope": ""}, {"scope": "*"}, {"exp": self.claims["exp"] + 1}, {"exp": 2**40},
            {"exp": None}, {"iat": 0}, {"iat": now + 60}, {"jti": "x"}, {"jti": None}, {"aud": "hub"}, {"nbf": 0},
        ]  # fmt: skip
        for change in changes:
            claims = {name: value for name, value in (self.claims | change).items() if value is not None}
            made = _coded(json.dumps(claims).encode())
            yield f"claims {change}, the old signature", f"{head}.{made}.{signature}"
            yield f"claims {change}, signed by another key", self._signed(self.header, claims, secrets.token_bytes(32))
            yield f"claims {change}, no algorithm", f"{none}.{made}."
        for name in ("none", "None", "NONE", "nOnE", "", "HS0", "none "):
            for end in ("", signature):
                yield f"alg {name!r}", f"{_coded(json.dumps({'alg': name}).encode())}.{body}.{end}"
        for name, by in (("HS384", "sha384"), ("HS512", "sha512"), ("RS256", "sha256"), ("ES256", "sha256"),
                         ("HS256 ", "sha256"), ("hs256", "sha256"), ("HS1", "sha1")):  # fmt: skip
            yield f"alg {name}, the right key", self._signed({"alg": name}, self.claims, self._key, by)
        for key in (b"", b"\0", b"secret", self._master, self._key[:-1], self._key + b"\1", self._key.hex().encode(),
                    self.claims["sub"].encode(), hashlib.sha256(self._key).digest()):  # fmt: skip
            yield "another key", self._signed(self.header, self.claims, key)
        mine = {"kty": "oct", "k": _coded(b"k" * 32)}
        for more in ({"jwk": mine}, {"kid": "../../dev/null"}, {"jku": "http://127.0.0.1:9/"}, {"x5u": "http://a/"},
                     {"crit": ["b64"], "b64": False}, {"zip": "DEF"}):  # fmt: skip
            yield f"header {more}", self._signed({"alg": "HS256", **more}, self.claims, b"k" * 32)
        for past in (1, 60, LIFETIME, 10**9):
            yield f"expired {past} s ago", self._signed(self.header, self.claims | {"exp": now - past}, self._key)
        for odd in ({"exp": None}, {"exp": "soon"}, {"exp": -1}, {"exp": [now + 60]}, {"tid": theirs["tid"]},
                    {"sub": "nobody"}, {"sub": theirs["sub"]}):  # fmt: skip
            yield f"a right signature of {odd}", self._signed(self.header, self.claims | odd, self._key)
        for cut in self._chance.sample(range(1, len(self.good)), 40):
            yield f"cut to {cut}", self.good[:cut]
        for at in self._chance.sample(range(len(self.good)), 80):
            flipped = chr(ord(self.good[at]) ^ 1 << self._chance.randrange(6))
            if flipped.isprintable() and flipped != " ":
                yield f"a bit of character {at} flipped", self.good[:at] + flipped + self.good[at + 1 :]
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        for letter in letters:  # of which some spell the same bytes
            if letters.index(letter) >> 2 == letters.index(signature[-1]) >> 2:
                yield "the same bytes, spelled otherwise", self.good[:-1] + letter
        standard = signature.replace("-", "+").replace("_", "/")
        other_head, other_body, other_end = self.others.split(".")
        for token in (
            f"{self.good}=", f"{self.good}==", f"{self.good}A", f"{self.good}.", f".{self.good}",
            f"{self.good}.{signature}",
            f"{head}=.{body}.{signature}", f"{head}.{body}=.{signature}", f"{head}.{body}==.{signature}",
            f"{head}.{body}.{standard}=", f"{head}..{signature}", f"{head}.{body}", f".{body}.{signature}", "..", ".",
            f"{head}%2E{body}%2E{signature}", f"{head}.{body}.{base64.b64decode(signature + '=', '-_').hex()}",
            f"{other_head}.{other_body}.{signature}", f"{head}.{body}.{other_end}", f"{head}.{other_body}.{signature}",
            f"{body}.{head}.{signature}", f"{head}.{signature}.{body}", self.good.upper(), self.good.lower(),
            self.good[::-1],
            f"{self.good},{self.good}", f"{self.good} {self.good}", f'"{self.good}"', f"Bearer {self.good}",
            f"{_coded(json.dumps(self.header, indent=1).encode())}.{body}.{signature}",
        ):  # fmt: skip
            yield "spelled otherwise", token


def _revoked(hub: Hub, amiss: list[str]) -> float:
    """Seconds from the revocation of a client, busy until then, to its first refusal; it must stay refused."""
    words = ("client", "add", "scopes", "--name", "revoked", "--scope", ROSTER)
    made = hub.shown(*words)
    hub.call("client", "set", made["client_id"], "--rate", "0")
    hub.secrets.append(made["client_secret"])
    lms = Lms(made["base_url"], made["token_url"], made["client_id"], made["client_secret"])
    wire = Wire(_place(lms), lms.token)
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        if wire.ask(f"{STANDARD}/orgs").status != 200:
            amiss.append("a client was refused before it was revoked")
    assert hub.call("client", "revoke", made["client_id"], "--reason", "proof").code == 0
    since = time.monotonic()
    while wire.ask(f"{STANDARD}/orgs").status == 200 and time.monotonic() < since + 4 * FRESH:
        time.sleep(0.01)
    seconds = time.monotonic() - since
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        if (status := wire.ask(f"{STANDARD}/orgs").status) != 401:
            amiss.append(f"a revoked client got {status} again")
        time.sleep(0.02)
    told = _token(_place(lms), urllib.parse.urlsplit(made["token_url"]).path, made["client_id"],
                  made["client_secret"], ROSTER)  # fmt: skip
    if told.get("error") != "invalid_client":
        amiss.append(f"a revoked client got a token: {told.get('error')}")
    wire.close()
    lms.close()
    return seconds
