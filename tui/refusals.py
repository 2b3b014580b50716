"""What sql refuses, as the screens say it: in Japanese too, where `Refused` itself speaks English."""

from oneroster import scopes
from oneroster.refused import NoReason, Refused
from sql import amounts, clients, decisions, inboxes, jobs, limits, lineage, settings, tenants
from tui import words
from tui.words import say, word

SAID: dict[type[Refused], str] = {
    NoReason: word("A reason is needed; it is kept in the audit log."),
    jobs.NotNow: word("The job is no longer in a state that allows this."),
    jobs.UnknownJob: word("There is no such job any more."),
    decisions.Unconfirmed: word("The number of removals is not what the bundle would remove."),
    decisions.NothingToUndo: word("The job changed nothing that could be undone."),
    decisions.LaterRevisions: word("Later bundles changed the roster since; look again."),
    tenants.ChangedMeanwhile: word("Somebody changed the tenant since you opened this; nothing of yours is saved:"),
    tenants.NotSo: word("The tenant is not in a state that allows this."),
    tenants.BadTenant: word("That cannot be a tenant's profile."),
    tenants.UnknownTenant: word("There is no such tenant."),
    clients.UnknownClient: word("There is no such client."),
    clients.AlreadyRevoked: word("The client is revoked already."),
    inboxes.UnknownInbox: word("There is no such inbox any more."),
    lineage.UnknownRecord: word("There is no such record, and none is remembered."),
    settings.BadSetting: word("That cannot be set so:"),
    amounts.BadSpan: word("That is no length of time; write 30m, 12h or 7d:"),
    amounts.BadSize: word("That is no size; write 500MB or 2GB:"),
    scopes.BadScope: word("There is no such scope:"),
    limits.BadRate: word("That is no number of requests; write 600/m, or 0 for any number:"),
    limits.BadNetwork: word("That is no network; write 192.0.2.0/24 or any:"),
    limits.BadMoment: word("That is no day or time; write 2027-03-31:"),
}
"""Those whose sentence ends with a colon go on with what was meant."""


def told(error: Refused) -> str:
    """A refusal in the operator's language."""
    sentence = next((SAID[kind] for kind in type(error).__mro__ if kind in SAID), None)
    if sentence is None or not words.japanese():
        return f"{error} {error.hint}"
    return f"{say(sentence)} {error.detail}".rstrip() if sentence.endswith(":") else say(sentence)
