"""`python -m oneroster.codes`: the page docs/problems.md on stdout, written from the list."""

import sys

from oneroster.codes import CODES

HEAD = """# Problems

Every fault that RosterHub finds in a bundle has a code. A bundle with an error is rejected whole and changes nothing; a
bundle with warnings alone is loaded. `rosterhub explain CODE` prints the same. This page is written by `make docs`.
"""


def page() -> str:
    """The list as Markdown."""
    parts = [HEAD]
    for severity, title in (("error", "Errors"), ("warning", "Warnings")):
        parts.append(f"\n## {title}\n")
        for name, one in CODES.items():
            if one.severity == severity:
                parts.append(f"\n### {name}\n\n{one.english} {one.fix}\n\n{one.japanese}{one.fix_japanese}\n")
    return "".join(parts)


if __name__ == "__main__":
    sys.stdout.write(page())
