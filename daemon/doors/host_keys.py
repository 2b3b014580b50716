"""The SFTP server's host keys, Ed25519 and RSA, made at the first start in STATE/keys in OpenSSH's format."""

import contextlib
import os
import uuid
from collections.abc import Callable
from pathlib import Path

import paramiko
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

RSA_BITS = 3072


def host_keys(folder: Path) -> list[paramiko.PKey]:
    """The keys, made when they are missing. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _make(folder / "ssh_host_ed25519_key", ed25519.Ed25519PrivateKey.generate)
    _make(folder / "ssh_host_rsa_key", lambda: rsa.generate_private_key(65537, RSA_BITS))
    return [
        paramiko.Ed25519Key(filename=str(folder / "ssh_host_ed25519_key")),
        paramiko.RSAKey(filename=str(folder / "ssh_host_rsa_key")),
    ]


def line(key: paramiko.PKey) -> str:
    """The public key as known_hosts and `--host-key` want it."""
    return f"{key.get_name()} {key.get_base64()}"


def _make(path: Path, generate: Callable[[], ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey]) -> None:
    if path.exists():
        return
    key = generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    for target, text, mode in ((path, private, 0o600), (path.with_name(path.name + ".pub"), public + b"\n", 0o644)):
        making = target.with_name(f".{target.name}.{uuid.uuid4()}")
        with os.fdopen(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(making, target)  # whoever is first wins
        making.unlink()
