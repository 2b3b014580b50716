"""Two processes answer the API: what a client may do is counted over both."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.story.hub import Hub, new_key

BURST, A_MINUTE = 40, 60
CONNECTIONS, EACH = 12, 20


@pytest.fixture
def hub(tmp_path: Path, conninfo: str) -> Iterator[Hub]:
    """A hub of its own."""
    tmp_path.chmod(0o711)
    state = tmp_path / "state"
    state.mkdir(mode=0o711)
    hub = Hub(state, conninfo, new_key(tmp_path / "sender"))
    hub.environ["ROSTERHUB_API_WORKERS"] = "2"
    with hub.running():
        yield hub


def sockets(hub: Hub) -> list[int]:
    """How many each process of the API holds."""
    children = Path(f"/proc/{hub.pid}/task/{hub.pid}/children").read_text().split()
    found = []
    for child in children:
        if b"\0api\0" in Path(f"/proc/{child}/cmdline").read_bytes():
            opened = Path(f"/proc/{child}/fd").iterdir()
            found.append(sum(str(one.readlink()).startswith("socket:") for one in opened))
    return found


def test_a_client_gets_what_it_may_ask_for_and_no_more(hub: Hub, tmp_path: Path) -> None:
    hub.tenant("spread")
    assert hub.call("sample", str(tmp_path / "first"), "--users", "100").code == 0
    assert hub.call("ingest", "spread", str(next((tmp_path / "first").iterdir())), "--wait").code == 0
    lms = hub.client("spread")
    words = ("client", "set", lms.words[2], "--rate", f"{A_MINUTE}/m", "--burst", str(BURST))
    before = sockets(hub)
    assert len(before) == 2
    # The limits are those of the next token.
    assert hub.call(*words).code == 0
    several = [lms.another() for _ in range(CONNECTIONS)]
    together = threading.Barrier(CONNECTIONS)

    def ask(number: int) -> list[int]:
        one = several[number]
        together.wait()
        return [one.once(f"/users?limit={number * EACH + again + 1}").status for again in range(EACH)]

    began = time.monotonic()
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        statuses = [status for found in threads.map(ask, range(CONNECTIONS)) for status in found]
    seconds = time.monotonic() - began
    assert all(now > then for then, now in zip(before, sockets(hub), strict=True))
    for one in several:
        one.close()
    assert set(statuses) == {200, 429}
    allowed = BURST + seconds * A_MINUTE / 60
    assert BURST <= statuses.count(200) <= allowed * 1.05
