"""How entries of the log and its chain read on the screen: Structs and a moment in, rows and sentences out. Pure."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from sql import chain
from sql.audit import Entry
from sql.search import Asked
from sql.verification import Fault, Verified
from tui import times, words
from tui.format import Moment, json
from tui.rows import Column, Row
from tui.words import say, word

UUID = re.compile(r"\b([0-9a-f]{8})(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


def columns(zone: str, wide: bool) -> tuple[Column, ...]:
    """The log's columns: the whole time where there is room."""
    return (
        Column(say("TIME ({zone})", zone=zone), 23 if wide else 12),
        Column(word("WHO"), 14, grow=1),
        Column(word("FROM"), 15),
        Column(word("ACTION"), 18, grow=1),
        Column(word("TARGET"), 10, grow=2),
        Column(word("DONE"), 4),
    )


def row(one: Entry, at: Moment, wide: bool, names: Mapping[str, str], *, wrong: bool = False) -> Row:
    """An entry of the log; `names` are those of clients by their ids, which the log keeps; `wrong`: not as sealed."""
    who = names.get(one.who, one.who)
    return Row(
        key=str(one.id),
        cells=(
            (times.whole(one.at, at.zone) if wide else times.moment(one.at, at.now, at.zone), ""),
            (f"! {who}" if wrong else who, "bad" if wrong else ""),
            (one.origin or "-", ""),
            (one.action, ""),
            (brief(one, one.target) or "-", ""),
            (say(words.DONE[one.ok]), "" if one.ok else "bad"),
        ),
        ranks=(),
        facts={},
        copied=one.target,
        record=msgspec.structs.asdict(one),
        when=one.at,
    )


def lines(one: Entry, at: Moment, link: chain.Place | None) -> tuple[str, str]:
    """Whose an entry is, when it was made, where it stands in the chain; then its target and the rest."""
    place = say("not sealed yet") if link is None else f"#{link.seq:,}"
    kind = say(words.KINDS.get(one.who_kind, one.who_kind))
    tenant = say("tenant {code}", code=one.tenant or "-")
    first = f"{place}  {tenant}  {kind}  {times.whole(one.at, at.zone)[:19]}"
    if link is not None:
        before, own = (f"{digest.hex()[:4]}.." if digest else "-" for digest in (link.before, link.hmac))
        first += f"  {say('prev {before}  hash {own}', before=before, own=own)}"
    return first, brief(one, pairs(one.target, one.detail))


def short(one: Entry, at: Moment) -> str:
    """An entry on one line."""
    return f"{times.whole(one.at, at.zone)}  {one.who}  {one.action}  {one.target}".rstrip()


def range_line(asked: Asked, span: str) -> str:
    """`Range: last 24 h   Who: *   Action: *   Result: *`."""
    result = "*" if asked.ok is None else say(words.DONE[asked.ok])
    parts = [
        say("Range: {range}", range=span),
        say("Who: {who}", who=",".join(asked.who) or "*"),
        say("Action: {action}", action=",".join(asked.action) or "*"),
        say("Result: {result}", result=result),
    ]
    if asked.target:
        parts.append(say("Target: {target}", target=",".join(asked.target)))
    return "   ".join(parts)


def chain_state(sealed: int, checked: int | None, verified: Verified | None) -> tuple[str, str]:
    """What the screen says of the chain, and its style."""
    if checked is not None:
        return say("Chain: #{count:,} of #{sealed:,}", count=checked, sealed=sealed), "busy"
    if verified is None:
        return say("Chain: to #{sealed:,}", sealed=sealed), ""
    if verified.count:
        return say("Chain: WRONG, {count:,}", count=verified.count), "bad"
    return say("Chain: OK to #{last:,}", last=verified.last), "good"


def fault(one: Fault, at: Moment) -> str:
    """What is wrong with an entry or a link, and which entry that is."""
    entry = [] if one.audit_id is None else [f"id {one.audit_id}", times.whole(one.at, at.zone)]
    return "  ".join([say(FAULTS[one.kind]), *entry])


FAULTS = {
    "changed": word("The entry is not as it was sealed."),
    "deleted": word("The entry is gone."),
    "moved": word("The entry bears another time than when it was sealed."),
    "unsealed": word("The entry was put in behind the chain, or its link is gone."),
    "undrawn": word("The entry has an id that the hub never gave."),
    "behind": word("The entry was put in long after the time that it tells."),
    "relinked": word("The link is not as it was made; its entry is."),
    "unlinked": word("From here on links of the chain are gone."),
    "cut": word("The end of the chain is cut off; it came as far as this."),
    "anchor": word("The link is not the one that an anchor tells of."),
}
"""By the kind of what a verification finds."""


def pairs(target: str, detail: dict[str, Any]) -> str:
    """`target  reason=why  name=value`, the reason first."""
    named = sorted(detail.items(), key=lambda pair: pair[0] != "reason")
    said = [f"{name}={value if isinstance(value, str) else json(value)}" for name, value in named]
    return "  ".join([target or "-", *said])


def brief(one: Entry, said: str) -> str:
    """What is said of an entry, with ids of jobs as they stand on the screens; those of records stay whole."""
    return UUID.sub(r"\1", said) if one.action.partition(".")[0] in ("job", "bundle") else said
