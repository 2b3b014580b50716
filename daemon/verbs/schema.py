"""rosterhub schema, completion: about the command line itself."""

from typing import Literal

from daemon import printing, shapes
from oneroster.refused import Refused


class NoShape(Refused):
    """No verb of that name prints JSON."""

    hint = "`rosterhub schema` without a name lists all of them."
    exit_code = 64


def schema(verb: str | None = None) -> None:
    """The JSON Schema of what a verb prints with --json, with its name and version.

    Example: rosterhub schema job.list

    Parameters
    ----------
    verb
        noun.verb, such as job.list; a list of all when not given.
    """
    if verb is None:
        for name in shapes.SHAPES:
            printing.line(name)
        return
    if verb not in shapes.SHAPES:
        raise NoShape(verb)
    printing.data(shapes.schema(verb))


def completion(shell: Literal["bash", "zsh", "fish"]) -> None:
    """A script that lets a shell complete nouns, verbs and options.

    Example: rosterhub completion bash

    Parameters
    ----------
    shell
        bash: source it, or put it into /etc/bash_completion.d. zsh: as _rosterhub into a folder of $fpath. fish: as
        rosterhub.fish into ~/.config/fish/completions.
    """
    from daemon import cli

    printing.line(cli.app.generate_completion(prog_name="rosterhub", shell=shell).rstrip())
