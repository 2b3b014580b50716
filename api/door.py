"""The door that uploads go through: the hub gives it to this service, which knows no archive."""

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec

MOST_BYTES = 4 << 30
"""Of one upload, unless a setting says otherwise."""


class Deliver(Protocol):
    """The hub's way of taking what is complete: a zip, or loose files by name, each at its beginning."""

    async def __call__(
        self, tenant_id: int, name: str, source: BinaryIO | Mapping[str, BinaryIO], client_id: str, origin: str
    ) -> uuid.UUID:
        """The job that has been made of it. Raises OSError."""


class Door(msgspec.Struct, frozen=True):
    """Where uploads go."""

    spool: Path
    """A folder for what is not complete yet."""
    deliver: Deliver
    most: int = MOST_BYTES
    """Bytes of one upload."""
