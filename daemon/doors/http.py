"""What comes by HTTP: the API has streamed it to the disk, and it goes the way of every door from here."""

import uuid
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import BinaryIO

from api import uploads
from api.door import Door
from daemon import delivery
from daemon.doors import names
from sql import audit
from sql.database import Pool


def opened(pool: Pool, master: bytes, state: Path, most: int) -> Door:
    """The door of an API process; `most`: bytes of one upload."""

    async def deliver(
        tenant_id: int, name: str, source: BinaryIO | Mapping[str, BinaryIO], client_id: str, origin: str
    ) -> uuid.UUID:
        return await delivery.deliver(
            pool,
            master,
            state,
            tenant_id,
            inbox=None,
            via=uploads.VIA,
            bundle=names.shown(name),
            source=_source(source),
            actor=audit.Actor(client_id, "client", origin),
        )

    return Door(state / "doors" / uploads.VIA, deliver, most)


def _source(files: BinaryIO | Mapping[str, BinaryIO]) -> delivery.Source:
    return {one: partial(_itself, file) for one, file in files.items()} if isinstance(files, Mapping) else files


def _itself(file: BinaryIO) -> BinaryIO:
    return file
