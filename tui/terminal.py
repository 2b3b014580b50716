"""The terminal one sits at: whatever comes from it is a key or nothing, and it is left as it was found."""

import codecs
import os
import select
import signal
from contextlib import suppress
from types import FrameType

from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

PATIENCE = 5
"""Seconds to leave in once told to; then the kernel ends the program, whatever it waits for."""

TICK = 0.1
"""Seconds after which an Escape without more is the key."""


class Terminal(LinuxDriver):
    """The toolkit's, except where it would end with a traceback, or not end."""

    def start_application_mode(self) -> None:
        """Take the terminal."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        signal.signal(signal.SIGTERM, self._told)
        signal.signal(signal.SIGHUP, self._told)

    def _told(self, number: int, _: FrameType | None) -> None:
        self._leave(number)

    def _leave(self, number: int) -> None:
        """End the screens as a key does, with the exit code of somebody whom this signal ended."""
        signal.alarm(PATIENCE)
        self._loop.call_soon_threadsafe(self._app.exit, 128 + number, 128 + number)

    def _sigtstp_application(self, *_: object) -> None:
        # Not here and now: what runs may hold the lock of the writer that is to be stopped.
        self._loop.call_soon_threadsafe(super()._sigtstp_application)

    def _sigcont_application(self, *_: object) -> None:
        if self._must_signal_resume:
            super()._sigcont_application()
        else:
            self._loop.call_soon_threadsafe(self._take_anew)

    def _take_anew(self) -> None:
        """After a stop that nobody told us of (SIGSTOP): to take the terminal twice would be never to give it back."""
        if self._auto_restart:
            self.suspend_application_mode()
            self._must_signal_resume = True
            self.resume_application_mode()

    def run_input_thread(self) -> None:
        """Read keys until told to stop, or until the terminal has gone away."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        parser = XTermParser(self._debug)
        while not self.exit_event.is_set():
            found = b""
            if select.select([self.fileno], [], [], TICK)[0]:
                with suppress(OSError):
                    found = os.read(self.fileno, 4096)
                if not found:
                    self._leave(signal.SIGHUP)
                    return
            try:
                if text := decoder.decode(found):
                    for message in parser.feed(text):
                        self.process_message(message)
                for message in parser.tick():
                    self.process_message(message)
            except (ValueError, ArithmeticError):  # a sequence with numbers that are none of a key, a place or a size
                parser = XTermParser(self._debug)
