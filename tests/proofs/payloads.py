"""S12: no value becomes code.

300 payloads go in by every way that a stranger has: as names, ids and values in bundles, as names of files and of
entries of a zip, as names of clients and tenants, in what callers of the API and of SFTP say of themselves, in the
log's targets. Then everything that people look at is looked at: every verb's output and what it says on stderr, exports
and reports in CSV, the screens on a pty, the daemon's log. What is judged harmless is said here anew, apart from the
code that makes it so. Each payload bears its number, so that those that came out are counted.
"""

import csv
import io
import json
import random
import re
import sys
import unicodedata
import zipfile
from pathlib import Path

import paramiko

from tests.proofs import rosters
from tests.proofs.guesses import ask
from tests.proofs.standing import database, standing
from tests.proofs.verdict import Report, Verdict, judged
from tests.story.bundles import Files, write
from tests.story.hub import Hub
from tests.tui.terminal import Terminal

COUNT = 300
NAMES = {"short": 40, "full": COUNT}
"""Payloads of which each is the name of a bundle."""

KINDS: dict[str, tuple[str, ...]] = {
    "formula": (
        "=1+1{}",
        "+1+1{}",
        "-2+3{}",
        "@SUM(1+1){}",
        "=cmd|'/C calc'!A0{}",
        '=HYPERLINK("http://x.example/{}")',
        "\t=1+1{}",
        "\r=1+1{}",
        "\n=1+1{}",
        " =1+1{}",
        "\u3000=1+1{}",
        "＝1+1{}",
        "＋1{}",
        "－1{}",
        "＠A1{}",
        "|x{}",
        "%0a=1{}",
        "\ufeff=1+1{}",
        "\u200b=1+1{}",
        "\ufe0f=1+1{}",
        'x"=1+1{}',
        "x;=1+1{}",
        "x\t=1+1{}",
        'x",=1+1{}',
        "x',=1{}",
    ),
    "escape": (
        "\x1b[5;31m{}",
        "\x1b[2J{}",
        "\x1b[1;1H{}",
        "\x1b]0;{}\x07",
        "\x1b]52;c;{}\x07",
        "\x1bc{}",
        "\x1b[?1049l{}",
        "\x1bP1000p{}\x1b\\",
        "\x1b_G{}\x1b\\",
        "\x1b^{}\x1b\\",
        "\x1b[6n{}",
        "\x1b[>c{}",
        "\x1b(0{}",
        "\x1bD{}",
        "\x1b[3J{}",
        "\x1b[21t{}",
        "\x1b]11;?\x07{}",
        "\x1b]1337;File=:{}\x07",
        "\x1b[?2004l{}",
        "\x1b[200~{}\x1b[201~",
    ),
    "link": (
        "\x1b]8;;http://x.example/{}\x07a\x1b]8;;\x07",
        "\x1b]8;;file:///etc/{}\x1b\\a\x1b]8;;\x1b\\",
        "\x9d8;;x{}\x9c",
    ),
    "control": (
        "\x9b5;31m{}",
        "\x9d0;{}\x9c",
        "\x90{}\x9c",
        "\x85{}",
        "\x84{}",
        "\x9f{}",
        "\x80{}",
        "\x7f{}",
        "\x08\x08{}",
        "\x07{}",
        "\x0e{}\x0f",
        "\x05{}",
        "\x0c{}",
        "\x0b{}",
        "\x1a{}",
        "\x11{}\x13",
    ),
    "line": (
        "a\nb{}",
        "a\r\nb{}",
        "a\rb{}",
        "{}\n",
        "a\u2028b{}",
        "a\u2029b{}",
        "a\x0bb{}",
        "a\x1db{}",
        "\n\n\n{}",
        '"level":"x"\n{{{}}}',
    ),
    "bidi": (
        "\u202e{}\u202c",
        "\u202d{}",
        "\u2066{}\u2069",
        "\u2067{}",
        "\u200f{}",
        "\u061c{}",
        "a\u202eb{}",
        "\u2068{}",
    ),
    "hidden": (
        "a\u200bb{}",
        "\ufeff{}",
        "a\u200d{}",
        "\u00ad{}",
        "\u2060{}",
        "\U000e0001{}",
        "\U000e0041{}",
        "\u180e{}",
        "\ue000{}",
        "\U000f0000{}",
        "\uffff{}",
        "\u0378{}",
        "\ufff9{}",
    ),
    "null": ("\x00{}", "a\x00b{}", "{}\x00", "\\x00{}", "%00{}"),
    "flood": (
        "e" + "\u0301" * 60 + "{}",
        "\u0e49" * 200 + "{}",
        "あ" + "\u3099" * 50 + "{}",
        "\u20dd" * 40 + "{}",
        "x" + "\u0336\u0489" * 40 + "{}",
    ),
    "shell": (
        "$(reboot){}",
        "`id`{}",
        "'; DROP TABLE jobs;--{}",
        "{{{{7*7}}}}{}",
        "<script>{}</script>",
        "%n%s{}",
        "../../{}",
        "[bold red]{}[/]",
        "[@click=app.quit]{}[/]",
        "\\e[31m{}",
        "-{}",
        "--help={}",
        "\\u001b[31m{}",
    ),
}
"""Of each kind some; more are made of them by what stands before."""

KNOWN = {kind: sum(len(KINDS[one]) for one in list(KINDS)[:place]) for place, kind in enumerate(KINDS)}
"""Where those of a kind begin."""

STEERS = {"Cc", "Cf", "Zl", "Zp", "Cs", "Co"}
FORMULA = tuple("=+-@|%＝＋－＠\t\r\n")
TAG = re.compile(r"zq(\d{3})zq")

MARKS = 4
"""More of them over one another than any script needs."""
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")

ALLOWED = re.compile(
    r"\x1b\[[0-9;]*[Hm]"  # places and looks
    r"|\x1b\[\?[0-9]+[hl]"  # modes
    r"|\x1b\[[<>=][0-9;]*u"  # what keys send
    r"|\x1b\[\?[0-9]+\$p"  # asks whether a mode is known
    r"|\x1b\]22;[a-z]*\x07"  # the shape of the pointer
)
"""All that the screens need of a terminal."""
MOVED = re.compile(r"\x1b\[[?0-9;]*[Hhl](?:zq[0-9]{3}zq)")
"""A sequence of a payload's own: its number follows at once."""
LOOKS = re.compile(r"\x1b\[([0-9;]*)m")
COLOURS = re.compile(r"[34]8;(?:2;[0-9]+;[0-9]+;[0-9]+|5;[0-9]+)")
BLINK = re.compile(r";0*5;")
"""Which our screens never use, and the payloads do."""

BUG = 70
LEAST = {"verbs": 250, "csv": 250, "screens": 100}
"""How many of the payloads are to be seen there; else nothing is proved."""


def made(seed: int) -> list[str]:
    """The payloads, numbered."""
    chance, found = random.Random(seed), []
    forms = [form for kind in KINDS.values() for form in kind]
    before = ("", "", "山田", "O'Neil ", "a", "ｱ", "  ", "\u00a0")
    while len(found) < COUNT:
        number = len(found)
        form = forms[number] if number < len(forms) else chance.choice(forms)
        prefix = "" if number < len(forms) else chance.choice(before)
        found.append(prefix + form.format(f"zq{number:03d}zq"))
    return found


def prove(scale: str, seed: int, folder: Path, report: Report) -> Verdict:
    """All in, then all out."""
    payloads, look = made(seed), Look()
    with standing(folder) as hub:
        given(hub, folder, payloads, NAMES[scale], look)
        report(f"{len(payloads)} payloads are in, {len(look.amiss)} outputs amiss")
        verbs(hub, folder, payloads, look)
        report(f"{look.outputs} outputs of verbs, {len(look.amiss)} amiss")
        exports(hub, folder, look)
        screens(hub, folder, look)
        report(f"{look.cells} cells of CSV files, {look.bytes} bytes to the terminal, {len(look.amiss)} amiss")
        log = hub.log.read_bytes().decode(errors="surrogateescape")
    lines = look.log(log)
    for where, least in LEAST.items():
        if len(look.seen[where]) < least:
            look.amiss.append(f"only {len(look.seen[where])} payloads came out by {where}, less than {least}")
    return judged(
        not look.amiss,
        f"{COUNT} payloads, of which {len(set().union(*look.seen.values()))} came out: in {look.outputs} outputs of"
        f" verbs, {look.cells} cells of CSV files, {look.bytes} bytes to a terminal, {lines} lines of the daemon's log:"
        f" {look.formulas} formulas, {look.raw} raw characters that steer or hide",
        look.amiss[:40],
    )


class Look:
    """Judges what came out, and keeps count."""

    def __init__(self) -> None:
        self.outputs = self.cells = self.bytes = self.formulas = self.raw = 0
        self.seen: dict[str, set[int]] = {where: set() for where in LEAST}
        self.amiss: list[str] = []

    def note(self, where: str, text: str) -> None:
        """Which payloads came out there."""
        self.seen[where] |= {int(number) for number in TAG.findall(text)}

    def plain(self, where: str, text: str) -> None:
        """Text of lines: nothing in it steers or hides."""
        for line in text.split("\n"):
            self._judge(where, line)

    def verb(self, words: tuple[str, ...], code: int, out: str, err: str) -> None:
        """What a verb printed."""
        self.outputs += 1
        self.note("verbs", out + err)
        self.plain(f"{words!r}", out)
        self.plain(f"{words!r} on stderr", err)
        if code == BUG or "Traceback" in err:
            self.amiss.append(f"{words!r}: exit {code}: {err[-300:]!r}")

    def table(self, where: str, text: str) -> None:
        """A CSV file, as spreadsheets with any of three separators read it."""
        self.note("csv", text)
        for separator in ",;\t":
            for row in csv.reader(io.StringIO(text), delimiter=separator):
                for cell in row:
                    self.cells += separator == ","
                    self._judge(where, cell)
                    if cell.strip(" \u3000\u00a0").startswith(FORMULA) and not NUMBER.fullmatch(cell):
                        self.formulas += 1
                        self.amiss.append(f"{where}: a cell computes, read with {separator!r}: {cell!r}")

    def log(self, text: str) -> int:
        """The daemon's log; how many lines it has."""
        self.plain("the log", text)
        lines = text.splitlines()
        for line in lines:
            try:
                json.loads(line)
            except ValueError:
                self.amiss.append(f"the log: not a line of JSON: {line[:200]!r}")
        return len(lines)

    def terminal(self, output: bytes) -> None:
        """What the screens sent: their own sequences, and text that is only text."""
        self.bytes += len(output)
        text = output.decode()
        self.note("screens", text)
        for one in MOVED.findall(text):
            self.amiss.append(f"the screens: a payload moved or switched something: {one!r}")
        for one in LOOKS.findall(text):
            if BLINK.search(f";{COLOURS.sub('', one)};"):
                self.amiss.append(f"the screens: a payload changed the look: {one!r}")
        self.plain("the screens", ALLOWED.sub("", text).replace("\r\n", "\n"))

    def _judge(self, where: str, line: str) -> None:
        marks = 0
        for character in line:
            kind = unicodedata.category(character)
            marks = marks + 1 if kind in ("Mn", "Me") else 0
            if kind in STEERS or marks > MARKS:
                self.raw += 1
                self.amiss.append(f"{where}: U+{ord(character):04X} in {line[:200]!r}")
                return


# -- in ----------------------------------------------------------------------------------------------------------------


def given(hub: Hub, folder: Path, payloads: list[str], names: int, look: Look) -> None:
    """By every way that a stranger has."""

    def run(*words: str) -> None:
        words = tuple(word.replace("\x00", "") for word in words)  # which no argument can hold
        done = hub.call(*words)
        look.verb(words, done.code, done.out, done.err)

    run("tenant", "add", "board", "--name", payloads[KNOWN["escape"]])
    for number, payload in enumerate(payloads[:: COUNT // 6]):
        run("tenant", "add", f"other-{number}", "--name", payload)
    drop = folder / "drop"
    drop.mkdir(mode=0o777)
    run("inbox", "add", "board", "--kind", "drop", "--path", str(drop))
    for payload in payloads:
        run("client", "add", "board", "--name", payload)
    for payload in payloads[:: COUNT // 12]:
        run("tenant", "pause", "board", "--reason", payload)
        run("tenant", "resume", "board", "--reason", payload)
        ask(hub, payload, payload)
        _knock(hub, payload.replace("\x00", ""))
    for name, files in _bundles(payloads).items():
        write(folder / f"{name}.zip", files)
    with zipfile.ZipFile(folder / "values.zip", "a") as opened:
        for payload in payloads[::7]:
            opened.writestr(f"{payload}.csv".replace("\x00", ""), b"a\r\n")
    for name in ("sound", "values", "ids"):
        # By the folder, so that the sender is answered.
        (drop / f"RO_20260401_{name}.zip").write_bytes((folder / f"{name}.zip").read_bytes())
        hub.ended("board", len(hub.jobs("board")) + 1)
    many = folder / "many"
    many.mkdir()
    for payload in payloads[:: COUNT // names]:
        file = many / payload.replace("/", "_").replace("\x00", "").encode()[:200].decode(errors="ignore")
        write(file, {"orgs": [{"sourcedId": payload, "name": payload}]})
        run("ingest", "board", str(file))
    hub.ended("board", 3 + names)
    with database(hub) as conn:
        for payload in payloads:
            kept = payload.replace("\x00", "")
            conn.execute(
                "INSERT INTO audit (who, who_kind, origin, action, target, ok, detail)"
                " VALUES (%s, 'client', %s, %s, %s, false, %s)",
                (kept, kept, kept, kept, json.dumps({kept: kept})),
            )


def _knock(hub: Hub, name: str) -> None:
    """Ask to be let in by SFTP under that name."""
    host, _, port = hub.places["sftp"].rpartition(":")
    transport = paramiko.Transport((host, int(port)))
    try:
        transport.connect(username=name, password=name)
    except (paramiko.SSHException, OSError, EOFError):
        return
    finally:
        transport.close()
        transport.sock.close()


def _bundles(payloads: list[str]) -> dict[str, Files]:
    """One that is sound, of which the values are taken as they are; one of wrong values; one of wrong ids."""
    sound, values, ids = (rosters.roster(students=COUNT) for _ in range(3))
    for number, payload in enumerate(payloads):
        if not any(unicodedata.category(one) in ("Cc", "Zl", "Zp", "Cs") for one in payload):
            sound["users"][number] |= {"givenName": payload, "familyName": payload}
        values["users"][number] |= {"givenName": payload, "username": payload, "email": payload, "enabledUser": payload}
        ids["users"][number] |= {"sourcedId": payload}
        ids["enrollments"][number] |= {"userSourcedId": payload, "role": payload}
    for number in range(10):
        sound["classes"][number] |= {"title": payloads[KNOWN["formula"] + number].strip()}
    return {"sound": sound, "values": values, "ids": ids}


# -- out ---------------------------------------------------------------------------------------------------------------


def verbs(hub: Hub, folder: Path, payloads: list[str], look: Look) -> None:
    """Every verb that prints what is stored, and verbs that are given payloads themselves."""
    jobs = [job["id"] for job in hub.jobs("board")]
    plain: list[tuple[str, ...]] = [
        ("tenant", "list"),
        ("tenant", "show", "board"),
        ("inbox", "list"),
        ("client", "list", "board"),
        ("operator", "list"),
        ("job", "list", "--limit", "500"),
        ("audit", "list", "--limit", "1000"),
        ("audit", "verify"),
        ("check", str(folder / "values.zip")),
        ("check", str(folder / "ids.zip")),
        ("doctor",),
        ("ingest", "board", str(folder / "sound.zip"), "--dry-run"),
    ]
    plain += [("job", verb, job) for job in [*jobs[-3:], *jobs[:20]] for verb in ("show", "problems", "diff")]
    plain += [("job", "diff", job, "--samples") for job in jobs[-3:]]
    plain += [("record", "show", "board", "users", f"st-{number:05d}") for number in range(0, COUNT, 10)]
    for words in plain:
        for form in ((), ("--json",)):
            done = hub.call(*words, *form)
            look.verb((*words, *form), done.code, done.out, done.err)
    for payload in payloads[:: COUNT // 30]:
        for words in (
            ("tenant", "show", payload),
            ("job", "show", payload),
            ("explain", payload),
            ("client", "revoke", payload, "--reason", payload),
            ("record", "show", "board", "users", payload),
            ("audit", "list", "--who", payload, "--since", payload),
            ("check", str(folder / payload.replace("\x00", ""))),
            ("inbox", "remove", payload, "--reason", payload),
            (payload, payload),
            ("tenant", "set", "board", "--window", payload),
            ("export", payload, str(folder / "none.zip")),
        ):
            kept = tuple(word.replace("\x00", "") for word in words)  # which no argument can hold
            done = hub.call(*kept)
            look.verb(kept, done.code, done.out, done.err)


def exports(hub: Hub, folder: Path, look: Look) -> None:
    """What is made for spreadsheets: the log, and the answers to senders."""
    done = hub.call("audit", "export", str(folder / "audit.csv"))
    assert done.code == 0, done.err
    look.table("the exported log", (folder / "audit.csv").read_text())
    done = hub.call("audit", "export", "--format", "jsonl")
    look.verb(("audit", "export"), done.code, done.out, done.err)
    for file in sorted((folder / "drop" / "reports").iterdir()):
        if file.suffix == ".csv":
            look.table(file.name, file.read_text())
        else:
            look.plain(file.name, file.read_text())


def screens(hub: Hub, folder: Path, look: Look) -> None:
    """Through all the screens on a terminal, with what is listed written to files."""
    environ = hub.environ | {"TERM": "xterm-256color", "LANG": "C.UTF-8", "LC_ALL": ""}
    command = [sys.executable, "-m", "daemon.cli", "--state", str(hub.state), "tui"]
    with Terminal(command, environ, size=(120, 40), folder=folder) as shown:
        shown.until("RosterHub", 60)
        for key, title in (("2", "PROGRESS"), ("3", "ACTION"), ("4", "SCOPES"), ("5", "INBOX")):
            shown.press(key)
            shown.until(title)
            for keys in (" ", " ", " ", "G", "g", "\r", "\x1b", "q"):
                shown.press(keys)
                shown.watch(0.4)
            shown.press(key)
            shown.watch(0.5)
            shown.press("e")
            shown.watch(0.5)
            for keys in ("\x15", f"{key}.csv", "\t", "\t", "\r"):
                shown.press(keys)
                shown.watch(0.4)
            shown.watch(0.6)
            shown.press("\x1b")
            shown.watch(0.4)
        # The newest jobs are those of odd names; the oldest three have the problems.
        for up in range(6):
            shown.press("2")
            shown.watch(0.4)
            shown.press("G" + "k" * up + "\r")
            for keys in ("\t", "\t", " ", " ", "\r", "\x1b", "\t", " ", "\t", "\x1b", "\x1b"):
                shown.watch(0.4)
                shown.press(keys)
        shown.watch(0.5)
        look.terminal(shown.output)
        shown.press("\x11")
        assert shown.ended() == 0
    for file in sorted(folder.glob("[0-9].csv")):
        look.table(f"what screen {file.stem} listed", file.read_bytes().decode())
    if not list(folder.glob("[0-9].csv")):
        look.amiss.append("no list was written to a file")
