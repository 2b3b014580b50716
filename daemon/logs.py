"""Log lines on stderr: JSON for the journal and for files, colours for a person at a terminal.

Never in a line: passwords, tokens, names or other values of pupils. PostgreSQL puts rows into the DETAIL and CONTEXT of
its errors, so those are cut out of tracebacks; tracebacks show no local variables.
"""

import logging
import os
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog

from oneroster import safe

PRIORITIES = {"critical": 2, "error": 3, "warning": 4, "info": 6, "debug": 7}
"""Syslog priorities, sd-daemon(3); the journal takes `<3>` off the line."""

ROWS = re.compile(
    r"\n[ |]*(?:DETAIL|CONTEXT):.*?(?=\n[ |]*\n[ |]*(?:The above exception|During handling)|\Z)", re.DOTALL
)

Event = MutableMapping[str, Any]


def set_up(
    role: str = "", level: str = "info", stream: TextIO = sys.stderr, environ: Mapping[str, str] = os.environ
) -> None:
    """Route structlog and the standard library's logging to `stream`; call it once a process.

    `role` stands on every line; job and tenant come by `structlog.contextvars.bind_contextvars`.
    """
    journal = _is_journal(stream, environ)
    plain = journal or not stream.isatty()
    handler = logging.StreamHandler(stream)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.format_exc_info,
        without_rows,
        without_controls,
    ]
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *(_machine(journal) if plain else _person(environ)),
            ],
            keep_exc_info=False,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("paramiko").setLevel(logging.WARNING)  # it tells of every connection; the doors do that better
    logging.captureWarnings(True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    if role:
        structlog.contextvars.bind_contextvars(role=role)


def without_rows(_logger: object, _method: str, event: Event) -> Event:
    """Take out of a traceback what PostgreSQL shows of a row."""
    if isinstance(event.get("exception"), str):
        event["exception"] = ROWS.sub("\n(details left out)", event["exception"])
    return event


def without_controls(_logger: object, _method: str, event: Event) -> Event:
    """Escape what could drive a terminal: control, bidi, zero-width characters. Tracebacks keep their line breaks."""
    for key, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[key] = safe.lines(value) if key in ("exception", "stack") else safe.shown(value)
    return event


def _machine(journal: bool) -> list[structlog.typing.Processor]:
    render = structlog.processors.JSONRenderer(ensure_ascii=False, default=str)

    def line(logger: Any, method: str, event: Event) -> str:
        priority = f"<{PRIORITIES.get(str(event.get('level')), 6)}>" if journal else ""
        return priority + safe.json(str(render(logger, method, event)))

    return [line]


def _person(environ: Mapping[str, str]) -> list[structlog.typing.Processor]:
    colors = not environ.get("NO_COLOR")
    return [
        structlog.dev.ConsoleRenderer(
            colors=colors, timestamp_key="time", exception_formatter=structlog.dev.plain_traceback
        )
    ]


def _is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether stderr goes to the journal itself, and not to a file that a unit or a script put there."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
