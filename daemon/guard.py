"""The guard: whether a load would change so much that a person must look first. Pure arithmetic on counts.

Strictly greater than the limits: deletes over 10 % or updates over 75 % of the active records of an entity, for users
also of students and of teachers; all ids new; a bulk file without rows where active records exist. Of an entity with
fewer than 20 records it counts only whether more than 5 go.
"""

import datetime
from collections.abc import Mapping, Sequence

import msgspec

from oneroster.said import ENTITIES, Said
from sql.jobs import Count
from sql.settings import Limits, Settings

TURNING_OVER = frozenset({"academicSessions", "courses", "classes", "enrollments"})
"""What a new school year replaces entirely."""


def limits_of(settings: Settings, entity: str, day: datetime.date) -> Limits:
    """The limits for an entity on a day: in the window of the school years' change they are wider."""
    window = settings.window
    if window is None or not window.begin <= day <= window.end:
        return settings.guard
    if entity in TURNING_OVER:
        return msgspec.structs.replace(settings.guard, deleted=1.0, updated=1.0, few=0)
    return msgspec.structs.replace(settings.guard, deleted=window.deleted, updated=window.updated)


def judge(
    counts: Sequence[Count], rows: Mapping[str, int], bulk: frozenset[str], settings: Settings, day: datetime.date
) -> list[Count]:
    """The counts with the guard's word: ok, or hold:empty, hold:ids, hold:deleted, hold:updated.

    `rows` are the data rows of each file in the bundle, `bulk` the entities whose file is a bulk file, `day` the one
    on which the bundle came.
    """
    return [
        msgspec.structs.replace(one, guard=_word(one, rows, bulk, limits_of(settings, one.entity, day)))
        for one in counts
    ]


def held_because(counts: Sequence[Count]) -> Said | None:
    """A sentence for people naming the worst of what is held, or None when nothing is."""
    sentences = {
        "hold:empty": Said(
            "The bulk file {entity} has no rows, but {before:,} active records are stored.",
            "{entity}.csvにデータ行がありませんが、有効な{name}が{before:,}件登録されています。",
        ),
        "hold:ids": Said(
            "Every id in {entity} is new: all {before:,} active records would go.",
            "{name}のIDがすべて新しく、登録済みの{before:,}件がすべて削除されます。",
        ),
        "hold:deleted": Said(
            "{deleted:,} of {before:,} active {entity} would go ({share:.1%}).",
            "{name}{before:,}件のうち{deleted:,}件（{share:.1%}）が削除されます。",
        ),
        "hold:updated": Said(
            "{updated:,} of {before:,} active {entity} would change ({share:.1%}).",
            "{name}{before:,}件のうち{updated:,}件（{share:.1%}）が変更されます。",
        ),
    }
    held = [one for one in counts if one.guard != "ok"]
    if not held:
        return None
    order = list(sentences)
    worst = min(held, key=lambda one: (order.index(one.guard), -_moved(one) / one.before))
    given = msgspec.structs.asdict(worst) | {"share": _moved(worst) / worst.before, "name": ENTITIES[worst.entity]}
    said = sentences[worst.guard]
    return Said(said.english.format(**given), said.japanese.format(**given))


def _moved(one: Count) -> int:
    return one.updated if one.guard == "hold:updated" else one.deleted


def _word(one: Count, rows: Mapping[str, int], bulk: frozenset[str], limits: Limits) -> str:
    if one.before == 0:
        return "ok"
    if one.entity in bulk and rows.get(one.entity) == 0:
        return "hold:empty"
    if _too_many_go(one, limits):
        return "hold:ids" if one.deleted >= one.before and one.inserted > 0 else "hold:deleted"
    if one.before >= limits.few and _over(one.updated, one.before, limits.updated):
        return "hold:updated"
    return "ok"


def _too_many_go(one: Count, limits: Limits) -> bool:
    if one.before < limits.few:
        return one.deleted > limits.few_allowed
    return _over(one.deleted, one.before, limits.deleted)


def _over(moved: int, before: int, share: float) -> bool:
    """In whole numbers of per mille, so that exactly 10 % is not over 10 %."""
    return moved * 1000 > before * round(share * 1000)
