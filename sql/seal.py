"""Keys, and what they seal: values of sealed fields, file chunks, row hashes, client secrets.

One master key per hub; a key per tenant, random, wrapped under it. From a tenant's key come three: one encrypts
(AES-256-GCM), one indexes values for `=` (keyed BLAKE2b of the case-folded text), one marks rows (keyed BLAKE2b of
all values), so that change is seen without reading anything back.
"""

import contextlib
import hashlib
import os
import uuid
from binascii import unhexlify
from collections.abc import Iterable, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from oneroster.refused import Refused

KEY_BYTES = 32
NONCE_BYTES = 12


class WrongKey(Refused):
    """The master key does not open this hub's data."""

    hint = "Put back the key file that was used when the tenants were made."
    exit_code = 78


def master_key(file: Path, credential: Path | None = None) -> bytes:
    """The hub's master key, 32 bytes: from a systemd credential, else from the key file, made at first start."""
    if credential is not None and credential.is_file():
        return checked(credential.read_bytes())
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = file.with_name(f".{file.name}.{uuid.uuid4().hex}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(os.urandom(KEY_BYTES))
            stream.flush()
            os.fsync(stream.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(fresh, file)  # whoever is first wins; the other reads the winner's key
        fresh.unlink()
        directory = os.open(file.parent, os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)
    return checked(file.read_bytes())


def checked(key: bytes) -> bytes:
    """The key, if it can be one; raises WrongKey."""
    if len(key) != KEY_BYTES:
        raise WrongKey(f"It has {len(key)} bytes, not {KEY_BYTES}.")
    return key


def derive(key: bytes, purpose: str, size: int = KEY_BYTES) -> bytes:
    """A key of its own for each purpose."""
    return hashlib.blake2b(purpose.encode(), key=key, digest_size=size).digest()


def new_tenant_key(master: bytes) -> bytes:
    """A fresh tenant key, wrapped for keeping."""
    return _encrypt(AESGCM(derive(master, "wrap")), os.urandom(KEY_BYTES), b"tenant key")


def secret_hash(master: bytes, secret: str) -> bytes:
    """What is kept of a client's secret: it is 256 random bits, so a keyed hash suffices (no slow hash needed)."""
    return hashlib.blake2b(secret.encode(), key=derive(master, "client secret"), digest_size=32).digest()


class Sealer:
    """One tenant's keys at work."""

    def __init__(self, master: bytes, wrapped: bytes) -> None:
        try:
            key = _decrypt(AESGCM(derive(master, "wrap")), wrapped, b"tenant key")
        except InvalidTag as error:
            raise WrongKey from error
        self._cipher = AESGCM(derive(key, "values"))
        self._index = hashlib.blake2b(key=derive(key, "index"), digest_size=16)
        # Copied for each row: taking up the key anew would cost as much as the row.
        self._rows = hashlib.blake2b(key=derive(key, "rows"), digest_size=16)
        self.file_key = derive(key, "files")

    def seal(self, place: str, plain: bytes) -> bytes:
        """Encrypted; `place` (table and record) is bound to it, so that it opens nowhere else."""
        return _encrypt(self._cipher, plain, place.encode())

    def seal_all(self, places: Sequence[str], texts: Sequence[str]) -> list[bytes]:
        """Texts sealed each in its place; b"" for a blank one, which stays blank."""
        nonces = os.urandom(NONCE_BYTES * len(texts))  # drawn once: a call for each costs as much as the sealing
        encrypt = self._cipher.encrypt
        sealed = []
        for number, (place, text) in enumerate(zip(places, texts, strict=True)):
            nonce = nonces[NONCE_BYTES * number : NONCE_BYTES * (number + 1)]
            sealed.append(nonce + encrypt(nonce, text.encode(), place.encode()) if text else b"")
        return sealed

    def open(self, place: str, sealed: bytes) -> bytes:
        """The plain bytes; InvalidTag when the key or the place is not that of the sealing."""
        return _decrypt(self._cipher, sealed, place.encode())

    def open_all(self, table: str, ids: Sequence[bytes], sealed: Sequence[bytes]) -> list[bytes]:
        """What rests in records of a table, given in hex digits; b"" where nothing does."""
        decrypt, begin = self._cipher.decrypt, f"{table}/".encode()
        found = []
        for one, text in zip(ids, sealed, strict=True):
            if not text:
                found.append(b"")
            else:
                blob = unhexlify(text)
                found.append(decrypt(blob[:NONCE_BYTES], blob[NONCE_BYTES:], begin + one))
        return found

    def index(self, column: str, value: str) -> str:
        """32 hex digits that are equal exactly for values that are equal but for case."""
        mark = self._index.copy()
        mark.update(f"{column}\x1f{value.casefold()}".encode())
        return mark.hexdigest()

    def indexes(self, column: str, values: Sequence[str]) -> list[str]:
        """The index of each value of a column, "" for a blank one."""
        begin = self._index.copy()
        begin.update(f"{column}\x1f".encode())
        known = {"": ""}
        for value in set(values):
            if value:
                mark = begin.copy()
                mark.update(value.casefold().encode())
                known[value] = mark.hexdigest()
        return [known[value] for value in values]

    def rows(self, texts: Iterable[str]) -> list[str]:
        """32 hex digits for each text, which stands for a whole row."""
        begin = self._rows.copy
        digests = []
        for text in texts:
            mark = begin()
            mark.update(text.encode())
            digests.append(mark.hexdigest())
        return digests

    def row(self, text: str) -> str:
        """The digits of one text alone."""
        return self.rows([text])[0]


def _encrypt(cipher: AESGCM, plain: bytes, place: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, plain, place)


def _decrypt(cipher: AESGCM, sealed: bytes, place: bytes) -> bytes:
    if len(sealed) < NONCE_BYTES:
        raise InvalidTag
    return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place)
