"""Statements live in .sql files beside the module that runs them: each has a name, a colon and a sentence.

-- claim: take the oldest waiting job; nobody else gets the same one
UPDATE jobs SET ...
"""

import functools
import re
from importlib import resources


@functools.cache
def load(noun: str) -> dict[str, str]:
    """The statements of `sql/<noun>.sql` by name."""
    text = (resources.files("sql") / f"{noun}.sql").read_text(encoding="utf-8")
    parts = re.split(r"(?m)^-- ([a-z_]+): ", text)
    found: dict[str, str] = {}
    for name, body in zip(parts[1::2], parts[2::2], strict=True):
        sentence, _, statement = body.partition("\n")
        if name in found:
            raise ValueError(f"{noun}.sql names {name} twice")
        found[name] = f"-- {sentence}\n{statement.strip()}"
    return found
