"""The settings of the daemon: flags, then ROSTERHUB_* variables, then the TOML file, then defaults.

Only this module knows that there is a file. Code gets the `Settings` it needs as an argument.
"""

import difflib
import ipaddress
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from oneroster import refused

FILE = Path("/etc/rosterhub/rosterhub.toml")
"""Read when it is there and no other file is named."""

Count = Annotated[int, msgspec.Meta(ge=1, le=64)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=3600)]


class Misconfigured(refused.Refused):
    """The configuration cannot be used."""

    hint = "Correct the setting that is named, then start again."
    exit_code = 78


class Database(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[database]"""

    url: str = ""
    """A PostgreSQL 15 or newer, as a postgresql:// URL or as libpq words; empty: the embedded one in STATE/pg."""

    def __repr__(self) -> str:  # the URL may hold a password
        return f"Database(url={'...' if self.url else ''!r})"


class Api(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[api]"""

    listen: str = "127.0.0.1:8080"
    """HOST:PORT of the REST API; port 0 takes a free one."""
    workers: Count = 1
    """Processes that answer the API."""
    public_url: str = ""
    """What clients see before the path when a proxy stands in between, for absolute hrefs: https://roster.example.jp"""
    cache: Annotated[int, msgspec.Meta(ge=0, le=65536)] = 64
    """MB of answers that each process keeps in memory; 0 keeps none."""
    upload_limit: Annotated[int, msgspec.Meta(ge=1, le=65536)] = 4096
    """MB of one bundle that is delivered by HTTP."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks of proxies, such as 10.0.0.0/8, whose X-Forwarded-For says where a request comes from."""
    tls_certificate: Path | None = None
    """PEM file with the certificate and its chain; without it the API speaks plain HTTP."""
    tls_key: Path | None = None
    """PEM file with the certificate's private key."""


class Health(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[health]"""

    listen: str = "127.0.0.1:8081"
    """HOST:PORT of /healthz, /readyz and /metrics. Not for the world: it asks for no token."""


class Sftp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[sftp]"""

    listen: str = "127.0.0.1:2222"
    """HOST:PORT of the SFTP server; empty turns it off."""


class Ingest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[ingest]"""

    workers: Count = 1
    """Processes that load bundles; loads of one tenant never run side by side."""


class Doors(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[doors]"""

    settle: Seconds = 2.0
    """Seconds that loose files must lie unchanged before they count as a whole bundle."""
    scan: Seconds = 5.0
    """Seconds between two looks into the drop folders; a scan finds what a notification missed."""


class Passwords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[passwords] What a guess costs is what a log-in costs. Hashes made with other values go on to hold."""

    memory: Annotated[int, msgspec.Meta(ge=19, le=4096)] = 64
    """MiB of memory that the hash of a password (Argon2id) takes."""
    passes: Annotated[int, msgspec.Meta(ge=2, le=100)] = 3
    """Passes over it."""
    lanes: Annotated[int, msgspec.Meta(ge=1, le=64)] = 4
    """Lanes in it that are worked at side by side."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings of one installation."""

    state: Path
    """Where everything of ours lives; /var/lib/rosterhub for root, else ~/.local/state/rosterhub."""
    database: Database = Database()
    api: Api = Api()
    health: Health = Health()
    sftp: Sftp = Sftp()
    ingest: Ingest = Ingest()
    doors: Doors = Doors()
    passwords: Passwords = Passwords()


VARIABLES: dict[str, str] = {
    "ROSTERHUB_STATE": "state",
    "ROSTERHUB_DATABASE_URL": "database.url",
    "ROSTERHUB_API_LISTEN": "api.listen",
    "ROSTERHUB_API_WORKERS": "api.workers",
    "ROSTERHUB_HEALTH_LISTEN": "health.listen",
    "ROSTERHUB_SFTP_LISTEN": "sftp.listen",
    "ROSTERHUB_PUBLIC_URL": "api.public_url",
}
"""Variable -> setting. ROSTERHUB_CONFIG names the file itself."""
OPERATOR = "ROSTERHUB_OPERATOR"
"""Names who acts, as --operator does; no setting of the hub."""

Data = TypeVar("Data")


def load(config: Path | None, state: Path | None, environ: Mapping[str, str]) -> Settings:
    """The settings, from the flags --config and --state, the environment and the file. Raises Misconfigured (78)."""
    values: dict[str, Any] = _file(config, environ)
    for variable, text in _variables(environ):
        _put(values, VARIABLES[variable], _typed(variable, text))
    if state is not None:
        values["state"] = str(state)
    if "state" not in values:
        values["state"] = str(default_state())
    try:
        settings = msgspec.convert(values, Settings, dec_hook=_revive)
    except msgspec.ValidationError as error:
        raise Misconfigured(str(error)) from error
    _check(settings)
    return settings


def default_state() -> Path:
    """The state folder when nothing names one."""
    return Path("/var/lib/rosterhub") if os.geteuid() == 0 else Path.home() / ".local/state/rosterhub"


def address(listen: str) -> tuple[str, int]:
    """Host and port of HOST:PORT, [V6]:PORT or :PORT (every IPv4 address). Raises Misconfigured."""
    host, colon, port = listen.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    wrong = not colon or not (port.isascii() and port.isdigit()) or int(port) > 65535 or (":" in host and host == bare)
    if wrong:
        raise Misconfigured(f"{listen!r} is not HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080.")
    return bare or "0.0.0.0", int(port)


def encode(data: msgspec.Struct) -> bytes:
    """One line of JSON, for `decode`."""
    return msgspec.json.encode(data, enc_hook=str)


def decode(line: bytes, kind: type[Data]) -> Data:
    """A Struct that may hold Settings or Paths, from what `encode` wrote."""
    return msgspec.json.decode(line, type=kind, dec_hook=_revive)


def _revive(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str):
        if not value:
            raise ValueError("Expected a path, got nothing")
        return Path(value).expanduser().absolute()
    raise TypeError(f"Expected {kind.__name__}")


def _file(config: Path | None, environ: Mapping[str, str]) -> dict[str, Any]:
    named = config or (Path(environ["ROSTERHUB_CONFIG"]) if environ.get("ROSTERHUB_CONFIG") else None)
    if named is None and not FILE.exists():
        return {}
    path = named or FILE
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Misconfigured(f"{path}: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path}: {error}.") from error
    known = list(_names(Settings))
    for name in _keys(values):
        if name not in known:
            raise Misconfigured(f"{path}: there is no setting {name}.{_suggestion(name, known)}")
    return values


def _variables(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    known = [*VARIABLES, "ROSTERHUB_CONFIG", OPERATOR]
    for variable in sorted(name for name in environ if name.startswith("ROSTERHUB_")):
        if variable not in known:
            raise Misconfigured(f"There is no variable {variable}.{_suggestion(variable, known)}")
        if variable in VARIABLES:
            yield variable, environ[variable]


def _typed(variable: str, text: str) -> str | int:
    """Only counts are not text; a variable cannot say what it is, so we say it."""
    if not VARIABLES[variable].endswith(".workers"):
        return text
    if not (text.isascii() and text.isdigit()):
        raise Misconfigured(f"{variable} must be a number, not {text!r}.")
    return int(text)


def _put(values: dict[str, Any], name: str, value: str | int) -> None:
    table, _, key = name.rpartition(".")
    (values.setdefault(table, {}) if table else values)[key] = value


def _keys(values: Mapping[str, Any]) -> Iterator[str]:
    """Dotted names in a TOML file; a table that should be none, or the other way round, is msgspec's to refuse."""
    for key, value in values.items():
        yield key
        if isinstance(value, dict):
            yield from (f"{key}.{inner}" for inner in value)


def _names(kind: type[msgspec.Struct]) -> Iterator[str]:
    for field in msgspec.structs.fields(kind):
        yield field.name
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from (f"{field.name}.{inner}" for inner in _names(field.type))


def _suggestion(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1) or [
        other for other in known if other.rpartition(".")[2] == name.rpartition(".")[2]
    ]
    return f" Did you mean {near[0]}?" if near else ""


def _check(settings: Settings) -> None:
    for listen in (settings.api.listen, settings.health.listen, settings.sftp.listen or "127.0.0.1:0"):
        address(listen)
    if bool(settings.api.tls_certificate) != bool(settings.api.tls_key):
        raise Misconfigured("api.tls_certificate and api.tls_key go together.")
    if settings.api.public_url and not settings.api.public_url.startswith(("https://", "http://")):
        raise Misconfigured("api.public_url begins with https:// or http://.")
    for network in settings.api.trusted_proxies:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            raise Misconfigured(f"api.trusted_proxies: {error}.") from error
