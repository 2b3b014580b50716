"""The real parent around roles of the tests: what it is to run stands in the variable TREE, as JSON."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from daemon import config, run, tree
from oneroster import refused


class Told(msgspec.Struct, frozen=True):
    state: str
    roles: list[tree.Role]
    pace: tree.Pace
    url: str
    listen: str
    passed: int = -1
    """A descriptor that goes where systemd puts the first one."""


def read(told: Told) -> Callable[[], config.Settings]:
    def reread() -> config.Settings:
        public = Path(told.state) / "public_url"
        return config.Settings(
            state=Path(told.state),
            database=config.Database(url=told.url),
            api=config.Api(listen=told.listen, public_url=public.read_text() if public.exists() else ""),
            health=config.Health(listen=told.listen),
            sftp=config.Sftp(listen=told.listen),
        )

    return reread


def step(conninfo: str) -> None:
    (Path(told.state) / "step").write_text(conninfo)
    if (Path(told.state) / "long").exists():
        time.sleep(600)


told = msgspec.json.decode(os.environ.pop("TREE"), type=Told)
if told.passed >= 0:
    if told.passed != 3:
        os.dup2(told.passed, 3)
    os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "api"}
reread = read(told)
try:
    sys.exit(run.hold(reread(), told.roles, [step], reread, told.pace))
except refused.Refused as refusal:
    sys.stderr.write(f"{refusal}\n")
    sys.exit(refusal.exit_code)
