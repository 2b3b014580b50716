"""Where the master key lies: a systemd credential, else a file in the state folder, made at first start."""

import os
from pathlib import Path

from sql import seal

CREDENTIAL = "rosterhub-master-key"


def file(state: Path) -> Path:
    """Where it lies, or will: the credential when there is one."""
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    given = Path(credentials, CREDENTIAL) if credentials else None
    return given if given is not None and given.is_file() else state / "keys" / "master.key"


def master(state: Path) -> bytes:
    """The hub's master key, 32 bytes. Raises seal.WrongKey when what lies there is none."""
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    return seal.master_key(state / "keys" / "master.key", Path(credentials, CREDENTIAL) if credentials else None)
