"""A terminal for a program: a pty of so many cells, what came out of it and when, and keys to press."""

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

ESCAPES = re.compile(
    rb"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI
    rb"|\x1b[\]PX^_].*?(?:\x07|\x1b\\)"  # OSC, DCS and their kin, to their end
    rb"|\x1b[ -/]*[0-~]",
    re.DOTALL,
)
MOVE = re.compile(rb"\x1b\[(\d+);(\d+)H")


def _command() -> None:
    """Let the terminal command the session, as that of a login does: when it goes away, its programs are hung up."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """Runs a program on a pty. Use as a context manager: at the end the program is gone."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        size: tuple[int, int] = (80, 24),
        rate: float | None = None,
        delay: float = 0.0,
        folder: Path | None = None,
        commands: bool = True,
    ) -> None:
        """`rate` in bytes a second and `delay` in seconds make a slow line of it.

        One that does not command the session hangs nobody up when it goes away.
        """
        ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.began = time.monotonic()
        self._program = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
            preexec_fn=_command if commands else None,
        )
        self.found = termios.tcgetattr(theirs)
        """How the terminal was set before."""
        os.close(theirs)
        self._pty = ours
        self._rate, self._delay = rate, delay
        self._free = 0.0
        self.output = b""
        self.arrived: list[tuple[float, int]] = []
        """When so many bytes were there, in seconds since the beginning."""

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        if self._program.poll() is None:
            os.killpg(self._program.pid, signal.SIGKILL)
        self._program.wait()
        if self._pty >= 0:
            os.close(self._pty)

    @property
    def left(self) -> bool:
        """Whether the terminal is as it was found: its settings, its screen, its cursor."""
        same = termios.tcgetattr(self._pty) == self.found
        return same and b"\x1b[?1049l\x1b[?25h" in self.output[self.output.rfind(b"\x1b[?1049h") :]

    @property
    def text(self) -> str:
        """What was written so far, without what moves and paints."""
        return ESCAPES.sub(b"", self.output).decode(errors="replace")

    @property
    def cells(self) -> dict[tuple[int, int], tuple[str, bytes]]:
        """What stands in each cell, by line and column from 1 on: a sign and the colours that it was painted with."""
        found: dict[tuple[int, int], tuple[str, bytes]] = {}
        y, x, style, end = 1, 1, b"", 0
        for match in [*ESCAPES.finditer(self.output), None]:
            for sign in self.output[end : match.start() if match else None].decode(errors="replace"):
                if sign == "\n":
                    y += 1
                elif sign == "\r":
                    x = 1
                else:
                    found[y, x] = sign, style
                    if unicodedata.east_asian_width(sign) in "WF":
                        x += 1
                        found[y, x] = "", style
                    x += 1
            if match is None:
                break
            code, end = match[0], match.end()
            if moved := MOVE.fullmatch(code):
                y, x = int(moved[1]), int(moved[2])
            elif code.startswith(b"\x1b[") and code.endswith(b"m"):
                style = code if code not in (b"\x1b[0m", b"\x1b[m") else b""
            elif code == b"\x1b[?1049h":
                found.clear()
        return found

    def interrupt(self) -> None:
        """Stop it and let it go on, as a shell does: meanwhile the terminal shows something else."""
        os.kill(self._program.pid, signal.SIGTSTP)
        os.waitid(os.P_PID, self._program.pid, os.WSTOPPED)
        os.kill(self._program.pid, signal.SIGCONT)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self._program.pid, number)

    def hang_up(self) -> None:
        """Go away; what the program writes from now on nobody reads."""
        os.close(self._pty)
        self._pty = -1

    def press(self, keys: str | bytes) -> None:
        """Type this."""
        if self._delay:
            self.watch(self._delay)
        os.write(self._pty, keys.encode() if isinstance(keys, str) else keys)

    def watch(self, seconds: float) -> bytes:
        """What comes in the next `seconds`, however much."""
        before, deadline = len(self.output), time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and self._read(left):
            pass
        return self.output[before:]

    def settle(self, silence: float = 1.5, patience: float = 30.0) -> None:
        """Wait until something has come that was not there at the last look, and then nothing more for `silence`."""
        deadline = time.monotonic() + patience
        while not self.watch(0.1):
            assert time.monotonic() < deadline, "nothing comes"
        while self.watch(silence):
            assert time.monotonic() < deadline, "it does not come to rest"

    def until(self, part: str, seconds: float = 20.0) -> float:
        """Wait for this text to be written from now on; how long that took."""
        before, began = len(self.output), time.monotonic()
        while part not in ESCAPES.sub(b"", self.output[before:]).decode(errors="replace"):
            left = began + seconds - time.monotonic()
            assert left > 0, f"{part!r} did not come within {seconds} s, but {self.text[-2000:]!r}"
            assert self._read(left), f"it ended: {self.text[-2000:]!r}"
        return time.monotonic() - began

    def ended(self, seconds: float = 10.0, *, reading: bool = True) -> int:
        """The exit code, once it has ended."""
        if reading and self._pty >= 0 and self._program.poll() is None:
            self.watch(seconds)
        return self._program.wait(seconds)

    def _read(self, patience: float) -> bool:
        """Read once; False when the program has let go of the terminal."""
        if self._rate:
            pause = self._free - time.monotonic()
            if pause > 0:
                time.sleep(min(pause, patience))
                return True
        if not select.select([self._pty], [], [], patience)[0]:
            return True
        try:
            found = os.read(self._pty, 256 if self._rate else 65536)
        except OSError:  # EIO: nobody holds the other end any more
            return False
        if self._rate:
            self._free = max(self._free, time.monotonic()) + len(found) / self._rate
        self.output += found
        self.arrived.append((time.monotonic() - self.began, len(self.output)))
        return bool(found)
