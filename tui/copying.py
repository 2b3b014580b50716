"""Where a copy goes: to the terminal that the operator sits at, through ssh and tmux; else into a file."""

import base64
import os
from collections.abc import Mapping
from pathlib import Path

FILE = "rosterhub-copied.txt"
DEAF = ("", "linux", "dumb", "vt100", "vt102", "vt220", "ansi", "cons25")
"""Terminals, by TERM, that have no clipboard."""


def deaf(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the terminal cannot take a copy."""
    return environ.get("TERM", "") in DEAF


def sequence(text: str, environ: Mapping[str, str] = os.environ) -> str:
    """What makes the terminal take the text (OSC 52); in tmux once more, to pass through to the one around it."""
    osc = f"\x1b]52;c;{base64.b64encode(text.encode()).decode()}\x07"
    return f"{osc}\x1bPtmux;\x1b{osc}\x1b\\" if environ.get("TMUX") else osc


def keep(text: str) -> Path:
    """Write it to a file at home that others cannot read. Raises OSError."""
    path = Path.home() / FILE
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "w") as target:
        target.write(text)
    return path
