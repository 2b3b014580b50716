"""Where the master key lies: a systemd credential, else a file in the state folder, made at first start."""

import os
from pathlib import Path

from sql import seal

CREDENTIAL = "rosterhub-master-key"


def master(state: Path) -> bytes:
    """The hub's master key, 32 bytes. Raises seal.WrongKey when what lies there is none."""
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    return seal.master_key(state / "keys" / "master.key", Path(credentials, CREDENTIAL) if credentials else None)
