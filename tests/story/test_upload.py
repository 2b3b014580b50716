"""A bundle that is delivered by HTTP is loaded and served like any other, and its sender can follow it."""

import http.client
import json
import urllib.parse
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.story.bundles import read
from tests.story.hub import Hub, until
from tests.story.lms import Lms

pytestmark = pytest.mark.xdist_group("story")

SCOPES = ("roster.readonly", "rosterhub.upload")


def asked(lms: Lms, method: str, path: str, body: bytes | None = None, kind: str = "") -> tuple[int, Any, str]:
    """Status, body and Location of an answer."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(lms.base).netloc, timeout=60)
    headers = {"Authorization": f"Bearer {lms.token}"} | ({"Content-Type": kind} if kind else {})
    place = urllib.parse.urlsplit(path)
    connection.request(method, f"{place.path}?{place.query}", body, headers)
    answer = connection.getresponse()
    found = answer.status, json.loads(answer.read()), answer.getheader("Location", "")
    connection.close()
    return found


def form(files: dict[str, bytes]) -> tuple[bytes, str]:
    """Files as curl -F sends them."""
    parts = [
        f'--line\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode() + content + b"\r\n"
        for name, content in files.items()
    ]
    return b"".join(parts) + b"--line--\r\n", "multipart/form-data; boundary=line"


def test_a_bundle_that_is_uploaded_is_served(hub: Hub, tmp_path: Path) -> None:
    board = hub.tenant("uploads")
    lms = hub.client(board.code, *SCOPES)
    bundle = hub.sample(tmp_path, 60)
    status, body, location = asked(
        lms, "POST", f"/v1p2/uploads/csv?name={bundle.name}", bundle.read_bytes(), "application/zip"
    )
    assert status == 201
    found: list[Any] = []

    def ended() -> bool:
        found[:] = asked(lms, "GET", location)
        return bool(found[1]["status"] != "processing")

    until(ended, "the upload to be loaded", pause=0.2)
    assert (found[0], found[1]["status"], found[1]["problems"]) == (200, "applied", [])
    assert found[1]["uploadId"] == body["uploadId"]
    assert found[1]["job"] == hub.shown("job", "show", body["uploadId"])
    served = {one["sourcedId"] for one in lms.get("/users", limit=1000).json["users"]}
    assert served == {row["sourcedId"] for row in read(bundle)["users"]}

    # The same files one by one, of which one is wrong now.
    with zipfile.ZipFile(bundle) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files["orgs.csv"] = files["orgs.csv"].replace(b"school", b"shool")
    status, body, location = asked(lms, "POST", "/v1p2/uploads/csv", *form(files))
    assert (status, body["filesReceived"]) == (201, sorted(files))
    until(ended, "the second upload to be examined", pause=0.2)
    assert found[1]["status"] == "rejected"
    assert {one["code"] for one in found[1]["problems"] if one["severity"] == "error"} >= {"E-ENUM"}
    assert {one["sourcedId"] for one in lms.get("/users", limit=1000).json["users"]} == served
