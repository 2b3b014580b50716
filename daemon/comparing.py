"""How what differs is printed for people: counts by entity, some of the records, members before and after."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from daemon import printing
from sql.jobs import Count
from sql.samples import Sample

SIGNS = {"inserted": "+", "updated": "~", "deleted": "-"}
LONGEST = 40
"""Characters of a value; more of it helps nobody here."""
DESCRIBING = 5
"""Members that describe a record which comes or goes."""


def say(counts: Sequence[Count], samples: Sequence[Sample]) -> None:
    """A table of counts; under it a line a sample."""
    printing.table(
        ("ENTITY", "BEFORE", "AFTER", "INSERT", "UPDATE", "DELETE", "GUARD"),
        [msgspec.structs.astuple(one) for one in counts],
    )
    entity = ""
    for one in samples:
        if one.entity != entity:
            entity = one.entity
            printing.line(f"\n{entity}, some of them:")
        shown = list(fields(one.fields)) if one.change == "updated" else list(_description(one))[:DESCRIBING]
        printing.line(f"  {SIGNS[one.change]} {one.sourced_id}  {', '.join(shown)}")


def fields(changed: Mapping[str, Sequence[Any]]) -> Iterator[str]:
    """`grades 05 -> 06`, a member each."""
    for name, (was, now) in changed.items():
        yield f"{name} {_value(was)} -> {_value(now)}"


def _description(one: Sample) -> Iterator[str]:
    side = 0 if one.change == "deleted" else 1
    for name, pair in one.fields.items():
        if pair[side] not in (None, "", []) and name != "status":
            yield f"{name} {_value(pair[side])}"


def _value(value: Any) -> str:
    if isinstance(value, list):
        value = " ".join(str(item) for item in value)
    text = "-" if value in (None, "") else str(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
