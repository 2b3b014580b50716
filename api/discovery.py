"""The discovery document: what this service offers, in OpenAPI 3.0, written from our tables (REST section 1.1).

No token is asked for. Both names are in use: that of the binding and that of the certification guide.
"""

import functools
from typing import Any

import msgspec
from aiohttp import web

from api import links, operations, schemas
from api.operations import Operation
from api.query import LIMIT, MOST
from oneroster import scopes

NAMES = ("onerosterv1p2rostersservice_openapi3_v1p0.json", "imsorv1p2_rostering_openapi3_v1p0.json")

TOKEN_PATH = "/token"

TROUBLE = {
    "400": "A query parameter cannot be read.",
    "401": "A valid access token is needed.",
    "403": "The access token does not allow this.",
    "404": "There is no such record.",
    "429": "Too many requests; Retry-After says when to come again.",
    "500": "The request failed here.",
    "503": "The service is not available for the moment; Retry-After says when to come again.",
}

SCOPES = {
    scopes.ROSTER: "Everything but demographics.",
    scopes.CORE: "Whole collections and single records, but no demographics.",
    scopes.DEMOGRAPHICS: "Demographics.",
}


async def document(request: web.Request) -> web.Response:
    """The document for the host that was asked."""
    return web.Response(
        body=written(links.origin(request)),
        content_type="application/json",
        headers={"Cache-Control": "public, max-age=3600"},
    )


@functools.lru_cache(maxsize=16)
def written(origin: str) -> bytes:
    """The document of the service at an origin such as https://roster.example.jp."""
    return msgspec.json.encode(
        {
            "openapi": "3.0.3",
            "info": {
                "title": "OneRoster 1.2 Rostering Service of RosterHub",
                "description": "Rosters of a school board, for learning platforms that poll them. See /docs.",
                "version": "1.2",
            },
            "servers": [{"url": origin + operations.BASE}],
            "security": [{"OAuth2CC": []}],
            "paths": {one.path: {"get": _operation(one)} for one in operations.OPERATIONS},
            "components": {
                "schemas": schemas.every(),
                "securitySchemes": {
                    "OAuth2CC": {
                        "type": "oauth2",
                        "flows": {
                            "clientCredentials": {
                                "tokenUrl": origin + TOKEN_PATH,
                                "scopes": {scopes.url(name): text for name, text in SCOPES.items()},
                            }
                        },
                    }
                },
            },
        }
    )


def _operation(one: Operation) -> dict[str, Any]:
    name = schemas.model(one.selection.entity)
    good: dict[str, Any] = {
        "description": "The records." if one.many else "The record.",
        "content": _content(f"{name}Set" if one.many else f"Single{name}"),
    }
    if one.many:
        good["headers"] = {
            "X-Total-Count": {"description": "Records in all.", "schema": {"type": "integer"}},
            "Link": {"description": "first, last, next and prev page.", "schema": {"type": "string"}},
        }
    return {
        "operationId": one.name,
        "parameters": [*_path(one), *(_QUERY if one.many else _QUERY[-1:])],
        # Any one of the scopes suffices (REST note N3).
        "security": [{"OAuth2CC": [scopes.url(name)]} for name in one.scopes],
        "responses": {
            "200": good,
            **{status: {"description": text, "content": _content("StatusInfo")} for status, text in TROUBLE.items()},
        },
    }


def _path(one: Operation) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in one.path.split("/") if part.startswith("{")]
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _asked(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}


_QUERY = (
    _asked("limit", f"Records on a page, {MOST} at most.", type="integer", format="int32", minimum=1, default=LIMIT),
    _asked("offset", "Records before the page.", type="integer", format="int32", minimum=0, default=0),
    _asked("sort", "The member by which records are sorted.", type="string"),
    _asked("orderBy", "The direction of sorting.", type="string", enum=["asc", "desc"]),
    _asked("filter", "Which records, such as familyName='Sato' AND status='active'.", type="string"),
    _asked("fields", "The members to show; all where it is not given.", type="array", items={"type": "string"}),
)


def _content(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
