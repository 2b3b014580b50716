"""Statements that travel in one message, prepared or, behind a pooler, whole."""

import pytest

from sql import reading
from sql.database import Pool


@pytest.mark.parametrize("kept", [True, False], ids=["prepared", "whole"])
async def test_a_value_arrives_as_it_is(pool: Pool, kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading._sessions, "keep", kept)
    for value in ("100%%", "%(tenant)s", "a\\'b", "%", "$1; SELECT 2"):
        asked = reading.Query("SELECT %(value)s::text, 7 %% %(tenant)s", {"value": value})
        assert await reading.ask(pool, 5, [asked]) == [[(value.encode(), b"2")]]
