"""Trouble as the standard tells it: imsx_StatusInfo at the root of every answer that is not data (REST section 3)."""

from collections.abc import Awaitable, Callable

import msgspec
import structlog
from aiohttp import web

from api import places
from sql import database, reading

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = structlog.get_logger("api")

RETRY_AFTER = "5"
"""Seconds to wait while the database is away."""

SENTENCES = {
    400: ("invaliddata", "The request cannot be read."),
    401: ("unauthorisedrequest", "A valid access token is needed."),
    403: ("forbidden", "The access token does not allow this."),
    404: ("unknownobject", "Unknown Object: there is nothing under this path."),
    408: ("invaliddata", "The request took too long."),
    413: ("invaliddata", "The request is too long."),
    415: ("invaliddata", "The body is of a kind that is not read here."),
    429: ("server_busy", "Too many requests."),
    500: ("internal_server_error", "The request failed here. The fault is recorded."),
    503: ("server_busy", "The service is not available for the moment."),
}


class Trouble(Exception):
    """An answer that is not data."""

    def __init__(
        self, status: int, description: str = "", *, code_minor: str = "", headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.code_minor = code_minor
        self.headers = headers or {}


class CodeMinorField(msgspec.Struct, frozen=True):
    """imsx_CodeMinorField."""

    imsx_codeMinorFieldValue: str
    imsx_codeMinorFieldName: str = "TargetEndSystem"


class CodeMinor(msgspec.Struct, frozen=True):
    """imsx_CodeMinor."""

    imsx_codeMinorField: tuple[CodeMinorField, ...]


class StatusInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """imsx_StatusInfo."""

    imsx_codeMajor: str
    imsx_severity: str
    imsx_description: str
    imsx_CodeMinor: CodeMinor | None = None


def answer(
    status: int, description: str = "", code_minor: str = "", headers: dict[str, str] | None = None
) -> web.Response:
    """The body for a status; what is left open is said in our words."""
    minor, sentence = SENTENCES.get(status, ("invaliddata" if status < 500 else "internal_server_error", ""))
    info = StatusInfo(
        "unsupported" if status == 405 else "failure",
        "error",
        description or sentence or f"HTTP status {status}.",
        None if status == 405 else CodeMinor((CodeMinorField(code_minor or minor),)),
    )
    return web.Response(
        status=status, body=msgspec.json.encode(info), content_type="application/json", headers=headers or {}
    )


@web.middleware
async def speaks(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whatever goes wrong below becomes a status body; what should not have happened is logged."""
    try:
        response = await handler(request)
    except Trouble as trouble:
        response = answer(trouble.status, trouble.description, trouble.code_minor, trouble.headers)
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        response = answer(405, f"{request.method} is not supported here.", headers={"Allow": allowed})
    except web.HTTPException as error:
        response = answer(error.status, headers={"Retry-After": RETRY_AFTER} if error.status == 503 else None)
    except reading.TOO_LONG:
        log.warning("query too long", place=places.of(request))
        description = f"This takes longer than {reading.LONGEST} s. Ask for less, or filter by other members."
        response = answer(503, description, headers={"Retry-After": RETRY_AFTER})
    except database.OUTAGE as error:
        log.warning("database away", place=places.of(request), problem=type(error).__name__)
        response = answer(503, headers={"Retry-After": RETRY_AFTER})
    except Exception:  # the last one to hear of it
        log.exception("request failed", place=places.of(request))
        response = answer(500)
    response.headers["Server"] = "RosterHub"
    if (allowance := request.get(places.ALLOWANCE)) is not None:
        response.headers.update(allowance.headers)
    return response
