"""What we tell systemd: sd_notify and the watchdog's interval, without a library."""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator, Mapping

VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
"""What systemd says to one process, and what its children must not take as said to them."""


def tell(*lines: str) -> None:
    """Send assignments such as `READY=1`, where systemd listens. A lost word is no reason to end: sd_notify(3)."""
    if name := os.environ.get("NOTIFY_SOCKET"):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(1.0)
            sender.connect("\0" + name[1:] if name.startswith("@") else name)
            sender.sendall("\n".join(lines).encode())


def watchdog(environ: Mapping[str, str]) -> float:
    """Seconds between two signs of life, a third of what systemd allows; 0 when it does not watch us."""
    ours = environ.get("WATCHDOG_PID", "") in ("", str(os.getpid()))
    allowed = environ.get("WATCHDOG_USEC", "")
    return int(allowed) / 3e6 if ours and allowed.isdigit() else 0.0


@contextlib.contextmanager
def extending() -> Iterator[None]:
    """Ask for time while something blocks: a migration, a database that writes its last pages. EXTEND_TIMEOUT_USEC."""
    over = threading.Event()

    def extend() -> None:
        while not over.is_set():
            tell("EXTEND_TIMEOUT_USEC=30000000")
            over.wait(10.0)

    asking = threading.Thread(target=extend, name="extending", daemon=True)
    asking.start()
    try:
        yield
    finally:
        over.set()
        asking.join()
