"""The promises of RosterHub, each with its proof: what `make prove` goes through and docs/promises.md lists.

python -m tests.proofs.promises > docs/promises.md
"""

from pathlib import Path

import msgspec

PAGE = Path(__file__).parents[2] / "docs" / "promises.md"


class Promise(msgspec.Struct, frozen=True):
    """One promise. `proof` is the module of this folder that has its `prove`; without one, `how` says why not."""

    name: str
    says: str
    how: str
    """How it is proved, or the reason why it is not: one clause."""
    proof: str = ""
    full: float = 1800
    """Seconds that the full form may take; the short one has a third of it, and five minutes at least."""


PROMISES = (
    Promise("R1", "A bundle is applied once or not at all",
            "kill -9 at 200 random points of a 100,000-row load, each phase hit its share: same checksums as"
            " undisturbed, applied within 30 s of the restart (short: 20 points)", "kills", 6 * 3600),
    Promise("R2", "PostgreSQL may crash any time",
            "the loading backend killed, or the embedded server stopped at once, at 50 random points of a load (short:"
            " 6): job retried, same checksums as undisturbed; the API answers 200 or 503 with Retry-After, and is"
            " healthy within 10 s of the database", "outages", 7200),
    Promise("R3", "The same bundle twice changes nothing",
            "one bundle ten times at once by SFTP, drop and pull: 1 applied, 9 duplicates, no dateLastModified moved",
            "copies"),
    Promise("R4", "A late bundle never wins", "20 bundles of 20 days in 100 random orders: the newest state each time",
            "orders"),
    Promise("R5", "Half a file is never read", "sessions are cut in tests/daemon/doors, but not yet at 100 offsets"),
    Promise("R6", "No delivery is overlooked", "the flood of 60,000 files is not written yet"),
    Promise("R7", "Full disk, inodes or quota: refuse, never corrupt", "failing the n-th write is not written yet"),
    Promise("R8", "Mass changes wait for a person",
            "9.9, 10.0 and 10.1 % removed, 74.9 and 75.1 % changed of every kind, files with a header only, all ids"
            " new, 0 bytes: held exactly when due, nothing changed, the old state served", "guards"),
    Promise("R9", "A missing delivery is noticed", "screens tell of it; nobody is alerted yet"),
    Promise("R10", "Errors name file, line, column, rule, value",
            "seeded faults of 244 kinds in bundles of every profile, in rows over several lines too, and clean bundles:"
            " each found at its place, none other, none in clean ones", "faults"),
    Promise("R11", "A poison bundle harms only itself",
            "20 bad bundles that kill their worker, cannot be opened, or are wrong: ended after three tries, the"
            " bundles of others at most 10 % slower, the daemon never restarted", "poison"),
    Promise("R12", "No tenant starves another",
            "1,000 bundles of one tenant, then one of another: done within 60 s", "queues"),
    Promise("R13", "Readers see before or after, never between",
            "10,000 paged reads at 20 a second during loads: each page and each walk is of one revision, p99 at most"
            " twice that of an idle hub, or 150 ms", "readers"),
    Promise("R14", "Any bundle can be rolled back",
            "50 pairs of load and rollback: the API's content as before, in at most twice the time", "undo"),
    Promise("R15", "Backups restore", "the verbs for backup are not written yet"),
    Promise("R16", "Restart and reload refuse nobody",
            "200 connections a second through 20 kills of the API's process, 20 reloads and 5 restarts of the whole"
            " tree on a socket like systemd's: none refused; what was cut with its process is counted apart",
            "restarts"),
    Promise("R17", "Clocks may be wrong", "file times are not tried yet; POLL steps the hub's clock"),
    Promise("R18", "A hung daemon is replaced", "tested with stopped and blocked roles in tests/daemon/test_run.py,"
            " but not yet measured against 35 s"),
    Promise("R19", "It runs for months", "takes a day, and nobody has had one yet"),
    Promise("R20", "Upgrades are safe", "there is no earlier release to upgrade from"),
    Promise("R21", "Japanese exports load",
            "60 files typed byte by byte in the encodings of exporters, each loaded by a worker: read back from the"
            " database true to the byte, or refused with line and byte", "encodings"),
    Promise("POLL", "A poller that keeps the greatest date it saw, or the Date of its first page, misses nothing",
            "pollers with both cursors, by next and by offset, with pages of 1, 7, 100 and 10,000, during 50 revisions,"
            " every other run with the hub's times a day ahead, as after a clock stepped back: every replica equals the"
            " hub, in 10 runs (short: one of each)", "pollers", 3600),
    Promise("OAS", "All 41 operations are as the official document says",
            "10,000 requests, right and wrong in every way, of two rosters, one of which fills every member: status,"
            " headers and body of each answer by the official OpenAPI document (OPENAPI=FILE) and the rules of the"
            " binding that no schema can say, 0 deviations (short: 1,000)", "openapi"),
    Promise("QUERY", "A filter, sort, field selection and page mean what the standard says",
            "20,000 answers to queries that Hypothesis draws, right and wrong ones, over some 300 records whose values"
            " collide, each compared with an evaluator written from the sheet alone (short: 1,000)", "queries", 3600),
    Promise("S1", "Tenants cannot see each other",
            "10,000 calls with A's token, by every operation: 404 for each id that only B has, nothing by filters on"
            " B's ids and words, A's own record for ids of both, after B has asked for the same; and PostgreSQL's"
            " catalogue looked through: row security, owners, rights, keys, views, functions", "isolation"),
    Promise("S2", "Pooled connections carry nothing over",
            "10,000 requests of two tenants with half of their ids in common, answered by the API in our own process"
            " over a pool of 4, besides handlers cancelled at any moment, clients that hang up, refused queries and"
            " backends cancelled and ended: no foreign row, and at each check-in a look by SQL finds neither role nor"
            " tenant", "leftovers"),
    Promise("S3", "SFTP stays in its inbox", "odd paths are tried in tests/daemon/doors, but not yet 5,000"),
    Promise("S4", "Modern SSH only", "ssh-audit and the six clients are not among the tools of the tests yet"),
    Promise("S5", "Nothing works before login", "fuzzed packets are not written yet"),
    Promise("S6", "Guessing is hopeless",
            "1,000 wrong secrets for one client: at most 10 checked, then 429 with Retry-After, the right one too;"
            " other clients on that address and the client on another unharmed; unknown clients take as long; wrong"
            " passwords at the SFTP server, whose checks are counted in tests/daemon/doors", "guesses"),
    Promise("S7", "Floods stay outside", "caps for sessions and handles are not built yet"),
    Promise("S8", "Secrets are stored well",
            "1,000 passwords of inboxes, operators and pupils and secrets of clients, and private keys besides: none in"
            " a dump of all tables nor in any file of the state folder but the key files; every hash Argon2id of 64"
            " MiB, 3 passes, 4 lanes, less than 19/2/1 refused; 8 log-ins at once take the memory of two; secrets of"
            " 256 bits under a key; at least 500 tokens a second from one process", "kept"),
    Promise("S9", "Tokens are short and scoped",
            "every endpoint with every set of scopes against a table written by hand; 200 tampered tokens (each claim,"
            " algorithm, key, cut, bits, spellings, expired) of which none is accepted, beside forged ones with the"
            " hub's own key that are; clients revoked while they ask: refused within 5 s", "scopes"),
    Promise("S10", "The API withstands abuse",
            "1,000,000 queries of pieces of the grammar, random text and random bytes on a roster of 2,000 users"
            " (short: 3,000): no server error, no statement over 2 s, less than 0.1 % answered 503; a client with a"
            " rate gets 429 with Retry-After, and is answered when that is over", "fuzz", 3 * 3600),
    Promise("S11", "Archives cannot hurt", "tested in tests/oneroster, but memory and time are not measured yet"),
    Promise("S12", "No value becomes code",
            "300 payloads (formulas, escapes, links, C0 and C1 controls, line ends, bidi, hidden, NUL, floods of marks)"
            " as names, ids, values, names of files, clients and tenants, log-ins and targets of the log: in every"
            " output of the verbs, in exports and reports, on the screens on a pty and in the log no cell that computes"
            " and no raw character that steers or hides", "payloads"),
    Promise("S13", "The audit log is complete and tamper-evident",
            "each deed by command line, SFTP and API leaves exactly one entry; 30,000 reads by four clients are as many"
            " entries, with the records they gave, and what a kill of the API's process loses lies within the gap that"
            " is told; of 1,000,000 entries one changed, dropped, swapped or put in by hand, a changed or dropped link"
            " and an end cut off are found and named within 60 s (short: 3,000 reads, 50,000 entries)", "tampering",
            3600),
    Promise("S14", "Logs hold no personal data or secrets", "the story searches its log for secrets, not yet for 1,000"
            " canaries"),
    Promise("S15", "What rests is encrypted", "the raw search of the disk is not written yet"),
    Promise("S16", "A tenant can be deleted, provably", "purge is not built yet"),
    Promise("S17", "A break-in gains little", "wants systemd"),
    Promise("S18", "The supply chain is known", "the bill of materials is not built yet"),
)  # fmt: skip


def page() -> str:
    """docs/promises.md."""
    lines = [
        "# Promises and their proofs",
        "",
        "`make prove [ONLY=R1,S3] [SCALE=short|full] [SEED=n]` tries them and prints a line each: PASS or FAIL with",
        "its figures, or NOT-RUN with the reason. It exits with 1 when one fails. A proof that is named here stands in",
        "`tests/proofs/`; what it compares with is worked out without the code that it judges.",
        "",
        "| | promise | proof | how |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {one.name} | {one.says} | {f'`{one.proof}.py`' if one.proof else 'none yet'} | {one.how} |"
        for one in PROMISES
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
