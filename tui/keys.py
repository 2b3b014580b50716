"""Every key, what it does and where: bindings, the help and the commands are read from this one list."""

import msgspec
from textual.binding import Binding, BindingType

from tui.words import word


class Key(msgspec.Struct, frozen=True):
    """A key, or several for one deed. None of them changes anything but the screen."""

    keys: str
    """As the toolkit calls them, divided by commas."""
    shown: str
    """As people call them: a text for the catalogue where it is more than what stands on the key."""
    action: str
    does: str
    command: bool = False
    """Whether it is worth a line among the commands."""


EVERYWHERE = (
    Key("1", "1", "app.go('overview')", word("Overview: every tenant and how it stands"), True),
    Key("2", "2", "app.go('jobs')", word("Jobs: what came and what became of it"), True),
    Key("3", "3", "app.go('audit')", word("Audit: who did what, newest first"), True),
    Key("4", "4", "app.go('clients')", word("Clients: who calls the API, with which secrets"), True),
    Key("5", "5", "app.go('tenants')", word("Tenants: doors, due times, guard, settings"), True),
    Key("6", "6", "app.go('logs')", word("Logs: what the daemon says"), True),
    Key("", "", "app.ask_record", word("Record: what became of a pupil, a class, an enrollment"), True),
    Key("", "", "app.ask_delivery", word("Deliver a file by hand, rehearsed first"), True),
    Key("enter", "Enter", "open", word("Open what the cursor stands on")),
    Key("escape", "Esc", "back(True)", word("Drop the filter; go back")),
    Key("q", "q", "back(False)", word("Go back; on the Overview: quit")),
    Key("j,down", word("j Down"), "down", word("Next row")),
    Key("k,up", word("k Up"), "up", word("Row before")),
    Key("g,home", "g Home", "first", word("First row")),
    Key("G,end", "G End", "last", word("Last row")),
    Key("pagedown,space", "PgDn", "page(1)", word("A screenful down")),
    Key("pageup", "PgUp", "page(-1)", word("A screenful up")),
    Key("ctrl+d", "Ctrl+D", "scroll(1)", word("Half a screen down: scrolls, nothing else")),
    Key("ctrl+u", "Ctrl+U", "scroll(-1)", word("Half a screen up")),
    Key("h,left", word("h Left"), "shift(-1)", word("Columns to the left")),
    Key("l,right", word("l Right"), "shift(1)", word("Columns to the right, so that the last has more room")),
    Key("slash", "/", "filter", word("Filter: word field:value,other !not since:24h; in Audit: search"), True),
    Key("n", "n", "next(1)", word("Next row that the filter found, round the end")),
    Key("N", "N", "next(-1)", word("Row before that the filter found, round the end")),
    Key("s", "s", "sort", word("Sort by the next column"), True),
    Key("S", "S", "reverse", word("Sort the other way round"), True),
    Key("f", "f", "follow", word("Follow: keep the cursor on the newest row"), True),
    Key("T", "T", "app.choose_tenant", word("Show one tenant only, or all"), True),
    Key("a", "a", "deeds", word("What can be done to the item"), True),
    Key("A", "A", "deed('approve')", word("Approve the held bundle: opens a dialog")),
    Key("X", "X", "deed('reject')", word("Reject the held bundle: opens a dialog")),
    Key("R", "R", "deed('retry')", word("Try the job once more: opens a dialog")),
    Key("B", "B", "deed('rollback')", word("Roll back the job: opens a dialog")),
    Key("e", "e", "export", word("Export what is listed to a file, CSV or JSONL"), True),
    Key("r,ctrl+l", "r Ctrl+L", "refresh", word("Look again at once, and paint the screen anew"), True),
    Key("y", "y", "copy", word("Copy the id or value of the row (OSC 52)"), True),
    Key("Y", "Y", "copy_row", word("Copy the row as JSON (OSC 52)"), True),
    Key("colon,ctrl+p", ": Ctrl+P", "app.choose_command", word("Commands, searchable")),
    Key("question_mark", "?", "app.keys", word("These keys, searchable"), True),
    Key("ctrl+c,ctrl+q", "Ctrl+C Ctrl+Q", "app.quit", word("Quit, from anywhere"), True),
)
JOB = (
    Key("tab", "Tab", "tab(1)", word("Job: next of Problems, Diff, Files, Timeline, Raw")),
    Key("shift+tab", "Shift+Tab", "tab(-1)", word("Job: the one before")),
)
LOGS = (
    Key("l", "l", "level", word("Logs: show from another level on")),
    Key("u", "u", "unit", word("Logs: show one part of the daemon only, or all")),
    Key("w", "w", "wrap", word("Logs: fold long lines, or cut them")),
)
AUDIT = (
    Key("t", "t", "range", word("Audit: choose a range of time")),
    Key("v", "v", "verify", word("Audit: verify the chain, whether anything was changed since it was sealed")),
)


def bindings(keys: tuple[Key, ...]) -> list[BindingType]:
    """The keys as the toolkit wants them."""
    return [
        Binding(one.keys, one.action, one.does, show=False, priority="ctrl+c" in one.keys or "tab" in one.keys)
        for one in keys
        if one.keys
    ]
