"""Writes clean bundles, and bundles with known faults, for any profile.

clean(path, profile, seed) and seed(path, profile, seed, faults) write a zip: at path when it ends with .zip, else
into the folder path under the bundle's own name.  seed gives the expected findings as a list of
(code, file, line, column, severity); None for a line or column means that any will do.
faults=1 draws one fault of a file or package; a larger number draws that many faults, all in rows but at most one.
python -m tests.standard.bundles.seed --selftest       tries checker.py on all this.
python -m tests.standard.bundles.seed --corpus FOLDER  writes 40 seeded bundles with expected.json, and 40 clean ones.
"""

import collections
import json
import os
import random
import re
import sys
import tempfile

from tests.standard.bundles import board, checker, filefaults, rowfaults
from tests.standard.bundles.sheets import PROFILES, japanese
from tests.standard.bundles.writer import write

HERE = os.path.dirname(os.path.abspath(__file__))
KINDS = {**filefaults.KINDS, **rowfaults.KINDS}


def table_of_faults():
    """Read faults.json."""
    with open(os.path.join(HERE, "faults.json"), encoding="utf-8") as stream:
        return json.load(stream)


def target(path, bundle):
    """Give the path of the zip to write."""
    return path if path.endswith(".zip") else os.path.join(path, bundle["zip_name"])


def clean(path, profile, seed, delta=False):
    """Write a clean bundle and give its path."""
    bundle = board.make(profile, seed, delta)
    write(target(path, bundle), bundle)
    return target(path, bundle)


def seed(path, profile, seed, faults, only=None, delta=False):
    """Write a bundle with faults and give the expected findings."""
    return seed_bundle(path, profile, seed, faults, only, delta)[1]


def seed_bundle(path, profile, seed, faults, only=None, delta=False):
    """Write a bundle with faults (only: from the fault of that name); give its path and the expected findings."""
    bundle = board.make(profile, seed, delta)
    state = {
        "bundle": bundle,
        "rng": random.Random(f"faults {profile} {seed}"),
        "profile": profile,
        "marks": {},
        "referenced": rowfaults.references(bundle),
        "count": {},
        "prefer": None,
        "kept": [],
    }
    pool = [
        fault
        for fault in table_of_faults()
        if profile in fault["profiles"]
        and (fault["level"] == "delta") == delta
        and fault["name"] == (only or fault["name"])
        and not (path.endswith(".zip") and fault["kind"] == "zip name")
    ]
    found = draw(state, pool, faults)
    members, places = write(target(path, bundle), bundle)
    expected = [resolve(state, entry, members, places) for entry in found]
    base = os.path.basename(target(path, bundle))
    if japanese(profile) and not re.match(r"RO_\d{8}_", base) and "W-ZIP-NAME" not in {code for code, *_ in expected}:
        expected.append(("W-ZIP-NAME", None, None, None, "warning"))
    return target(path, bundle), expected


def draw(state, pool, number):
    """Draw faults and place them; give their places."""
    rng = state["rng"]
    rows = [fault for fault in pool if fault["level"] in ("row", "delta")]
    files = [fault for fault in pool if fault["level"] == "file"]
    alone = [fault for fault in pool if fault["level"] == "alone"]
    if not rows or (number == 1 and files + alone):
        fault = rng.choice(files + alone)
        return KINDS[fault["kind"]](state, fault)
    found, placed = [], 0
    if files and rng.random() < 0.5:
        fault = rng.choice(files)
        found, placed = KINDS[fault["kind"]](state, fault), 1
    breaks = [fault for fault in rows if fault["kind"] == "line break"]
    for fault in rng.sample(breaks, min(len(breaks), number // 6)):
        more = place_break(state, fault, rows)[: number - placed]
        found, placed = found + more, placed + len(more)
    for fault in endless(rng, rows, 40):
        if placed >= number:
            break
        more = KINDS[fault["kind"]](state, fault) or []
        found, placed = found + more, placed + bool(more)
    return found


def endless(rng, rows, rounds):
    """Go through all faults in random order, again and again."""
    for _ in range(rounds):
        yield from rng.sample(rows, len(rows))


def place_break(state, fault, rows):
    """Put a line break into a row and up to two further faults into later cells of the same row."""
    found = KINDS[fault["kind"]](state, fault) or []
    if not found:
        return []
    header = rowfaults.table(state, fault["file"])["header"]
    behind = header.index(fault["column"])
    for other in state["rng"].sample(rows, len(rows)):
        fitting = other["file"] == fault["file"] and other["column"] and not other.get("copy")
        single = other["kind"] in (
            "put",
            "dangle",
            "dangle item",
            "spoil item",
            "line break",
            "control",
            "pad",
            "half width",
            "lengthen",
            "empty",
            "unquote",
            "point",
        )
        if fitting and single and header.index(other["column"]) > behind and len(found) < 3:
            state["prefer"] = (found[0][2], fault["column"])
            found = found + (KINDS[other["kind"]](state, other) or [])
            state["prefer"] = None
    return found


def resolve(state, entry, members, places):
    """Turn the place of a fault into an expected finding."""
    code, file, line, column = entry
    if line == "bad byte":
        line = bad_line(members[file])
    elif isinstance(line, list):
        header = rowfaults.table(state, file)["header"]
        line = places[id(line), header.index(column) if column else 0]
    return code, file, line, column, "error" if code[0] == "E" else "warning"


def bad_line(data):
    """Give the line of the first byte that is not UTF-8."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return 1 + len(re.findall(rb"\r\n|\r|\n", data[: error.start]))
    return None


def compare(expected, found):
    """Give the expected findings that were not found, and the found ones that were not expected."""
    rest, missing = list(found), []
    for code, file, line, column, severity in sorted(expected, key=lambda entry: (entry[2] is None, entry[3] is None)):
        match = next(
            (
                one
                for one in rest
                if one[:2] == (severity, code)
                and file in (None, one[2])
                and line in (None, one[3])
                and column in (None, one[4])
            ),
            None,
        )
        if match:
            rest.remove(match)
        else:
            missing.append((code, file, line, column, severity))
    return missing, rest


def selftest():
    """Try the checker on clean bundles, on random seeded ones, and on every fault of the table by itself."""
    tally = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        for profile in PROFILES:
            for number in range(100):
                report(tally, "clean", profile, number, [], checker.check(clean(folder, profile, number), profile))
            for number in range(5):
                path = clean(folder, profile, number, delta=True)
                report(tally, "clean delta", profile, number, [], checker.check(path, profile, delta=True))
        for number in range(40):
            profile = PROFILES[number % 4]
            try_seed(tally, "seeded", folder, profile, number, 1 if number >= 32 else 16)
        for number, fault in enumerate(table_of_faults()):
            for profile in fault["profiles"]:
                try_seed(tally, "single", folder, profile, number, 1, fault["name"], fault["level"] == "delta")
        for number in range(100):
            try_seed(tally, "many", folder, PROFILES[number % 4], 1000 + number, 20)
    for (what, measure), count in sorted(tally.items()):
        print(f"{what:12} {measure:9} {count}")
    return 1 if any(measure in ("missing", "extra", "short") for _, measure in tally) else 0


def try_seed(tally, what, folder, profile, number, faults, only=None, delta=False):
    """Write one seeded bundle and compare what is expected with what the checker finds."""
    path, expected = seed_bundle(folder, profile, number, faults, only, delta)
    if len(expected) < faults:
        tally[what, "short"] += 1
        print("short", what, profile, number, only, len(expected))
    report(tally, what, profile, number, expected, checker.check(path, profile, delta), only or "")


def report(tally, what, profile, number, expected, found, name=""):
    """Count one bundle's outcome and print what does not agree."""
    missing, extra = compare(expected, found)
    tally[what, "bundles"] += 1
    tally[what, "faults"] += len(expected)
    for word, entries in (("missing", missing), ("extra", extra)):
        if entries:
            tally[what, word] += len(entries)
            print(word, what, profile, number, name, entries[:3])


def corpus(folder, start=5000):
    """Write bundles below a folder: 32 with 17 faults each, 8 with one fault of a file, and 40 clean ones."""
    for number in range(80):
        profile, faults = PROFILES[number % 4], 17 if number < 32 else 1 if number < 40 else 0
        inner = os.path.join(folder, f"{number:02d}-{profile}-{faults}-faults")
        os.makedirs(inner, exist_ok=True)
        expected = seed(inner, profile, start + number, faults) if faults else []
        if not faults:
            clean(inner, profile, start + number)
        with open(os.path.join(inner, "expected.json"), "w", encoding="utf-8") as stream:
            json.dump({"profile": profile, "expected": expected}, stream, ensure_ascii=False, indent=0)


if __name__ == "__main__":
    if sys.argv[1:] == ["--selftest"]:
        sys.exit(selftest())
    elif len(sys.argv) == 3 and sys.argv[1] == "--corpus":
        corpus(sys.argv[2])
    else:
        sys.exit("usage: seed.py --selftest | --corpus FOLDER")
