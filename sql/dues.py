"""When a delivery is overdue: a time of day in Japan, every day, and a grace after it. Pure."""

import datetime

from sql.settings import Settings

JAPAN = datetime.timezone(datetime.timedelta(hours=9), "JST")
DAY = datetime.timedelta(days=1)


def missed(
    settings: Settings, since: datetime.datetime, last: datetime.datetime | None, now: datetime.datetime
) -> datetime.datetime | None:
    """The last due time that passed, its grace too, with nothing delivered for it; None while all is well.

    `last` is the latest delivery, `since` when there began to be something to expect. What comes within the grace
    of a day counts for that day; what comes later, or the evening before, counts for the day that follows.
    """
    if settings.due is None:
        return None
    grace = datetime.timedelta(seconds=settings.grace)
    due = _passed(datetime.time.fromisoformat(settings.due), now - grace)
    begun = due - DAY + grace
    if since > due:
        return None
    return due if last is None or last <= begun else None


def _passed(due: datetime.time, now: datetime.datetime) -> datetime.datetime:
    """The last moment at which it was that time of day in Japan."""
    local = now.astimezone(JAPAN)
    at = datetime.datetime.combine(local.date(), due, JAPAN)
    return at if at <= local else at - DAY
