"""The command line: `rosterhub [--config FILE] [--state DIR] NOUN VERB`. Verbs import what they need when they run."""

import contextlib
import errno
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import cyclopts
from cyclopts import App, CycloptsError, Parameter

from daemon import printing
from daemon.version import VERSION
from oneroster import safe
from oneroster.refused import Refused

if TYPE_CHECKING:
    from daemon.people import Login

USAGE, BUG, IO, FORBIDDEN = 64, 70, 74, 77
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
"""What is the machine's fault when something is written."""

app = App(
    name="rosterhub",
    help="Receives OneRoster bundles from school information systems and serves them to learning platforms.",
    help_format="plaintext",
    version=f"rosterhub {VERSION}",
    default_parameter=Parameter(negative=()),
)
app.meta.group_parameters = cyclopts.Group("Where", sort_key=0)
for noun in ("tenant", "inbox", "client", "operator", "job", "record", "audit", "db"):
    app.command(f"daemon.verbs.{noun}:app", name=noun)
for verb, place in {
    "run": "daemon.verbs.process:run",
    "tui": "daemon.verbs.process:tui",
    "demo": "daemon.verbs.process:demo",
    "ingest": "daemon.verbs.bundle:ingest",
    "check": "daemon.verbs.check:check",
    "export": "daemon.verbs.export:export",
    "sample": "daemon.verbs.bundle:sample",
    "explain": "daemon.verbs.bundle:explain",
    "doctor": "daemon.verbs.doctor:doctor",
    "schema": "daemon.verbs.schema:schema",
    "completion": "daemon.verbs.schema:completion",
}.items():
    app.command(place, name=verb)


@app.meta.default
def launch(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    config: Path | None = None,
    state: Path | None = None,
    operator: str | None = None,
) -> Any:
    """Read the settings, then run the verb.

    Parameters
    ----------
    config
        The settings file; else ROSTERHUB_CONFIG, else /etc/rosterhub/rosterhub.toml.
    state
        The state folder; else ROSTERHUB_STATE.
    operator
        Act as this operator, by his password: asked for, or the first line of standard input. Else ROSTERHUB_OPERATOR.
    """
    from daemon import config as settings_file
    from daemon.here import Here

    command, bound, ignored = app.parse_args(tokens, exit_on_error=False, print_error=False)
    given = dict(bound.kwargs)
    if "here" in ignored:
        settings = settings_file.load(config, state, os.environ)
        name = operator or os.environ.get(settings_file.OPERATOR)
        given["here"] = Here(settings, config, _login(name) if name else None)
    with printing.verb(".".join(app.parse_commands(tokens)[0])), _orderly():
        return command(*bound.args, **given)


@contextlib.contextmanager
def _orderly() -> Iterator[None]:
    """Whoever tells the process to end, or closes its terminal, ends it as Ctrl-C does: nothing is left behind."""
    if threading.current_thread() is not threading.main_thread():  # whose caller's signals these are
        yield
        return
    told: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        told.append(number)
        interrupt = signal.getsignal(signal.SIGINT)  # an event loop's own lets what is at work come to an end
        (interrupt if callable(interrupt) else signal.default_int_handler)(signal.SIGINT, frame)

    ends = (signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, end) for number in ends if signal.getsignal(number) != signal.SIG_IGN}
    try:
        yield
    except KeyboardInterrupt:
        if told:
            sys.exit(128 + told[0])
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _login(name: str) -> "Login":
    from daemon.people import Login

    if sys.stdin.isatty():
        import getpass

        return Login(name, getpass.getpass(f"Password of {name}: "))
    return Login(name, sys.stdin.readline().rstrip("\n"))


def main(argv: list[str] | None = None) -> None:
    """Run the command line and exit with its code (0 ok, 64 usage, 70 bug, 74 I/O, 77 not allowed, or the verb's)."""
    code = call(argv)
    try:
        sys.stderr.flush()
    except OSError:  # the terminal is gone
        _drop(sys.stderr)
    sys.exit(code)


def call(argv: list[str] | None = None) -> int:
    """The exit code of a command line; output goes where it belongs."""
    try:
        _describe(sys.argv[1:] if argv is None else argv)
        code = app.meta(argv, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()  # a disk that is full is told of here, and not at exit
    except CycloptsError as error:
        sys.stderr.write(safe.lines(f"rosterhub: {error}\n{_usage(list(error.command_chain or ()))}") + "\n")
        return USAGE
    except Refused as error:
        sys.stderr.write(safe.lines(f"rosterhub: {error}" + (f"\n  {error.hint}" if error.hint else "")) + "\n")
        return error.exit_code
    except PermissionError as error:
        told = f"rosterhub: You may not do this with {error.filename or 'a file'}: {error.strerror}"
        sys.stderr.write(safe.lines(told) + "\n")
        return FORBIDDEN
    except BrokenPipeError:
        _drop(sys.stdout)  # whoever read it has seen enough
        return 0
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        if error.errno not in NO_ROOM:
            return _bug()
        told = f"rosterhub: {error.filename or 'The output'} cannot be written: {error.strerror}"
        sys.stderr.write(safe.lines(told) + "\n")
        _drop(sys.stdout)
        return IO
    except Exception:  # noqa: BLE001 - the outermost place: a bug is told as one
        return _bug()
    return code if isinstance(code, int) else 0


def _drop(stream: TextIO) -> None:
    """What has not been written is not tried again at exit, which would end with another code."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _describe(argv: list[str]) -> None:
    """Import every verb where only their list is asked for: what a verb is for is told once it is there."""
    names = [name for name in app if not name.startswith("-")]
    if ({"--help", "-h"}.isdisjoint(argv) and argv) or not set(names).isdisjoint(argv):
        return
    for name in names:
        app[name]


def _usage(verb: list[str]) -> str:
    """Where a person who typed it wrong reads on: the example of the verb, and its help."""
    place = app
    for name in verb:
        if name not in place:
            break
        place = place[name]
    found = re.search(r"^\s*(Example: .+)$", place.help or "", re.MULTILINE)
    return "".join(f"  {line}\n" for line in (found[1] if found else "",) if line) + (
        f"  Help: {' '.join(('rosterhub', *verb, '--help'))}"
    )


def _bug() -> int:
    import traceback

    sys.stderr.write(safe.lines(traceback.format_exc()))
    sys.stderr.write("rosterhub: this is a bug; please report it with the lines above\n")
    return BUG


if __name__ == "__main__":
    main()
