"""The verbs of the command line, a module a noun. Each takes `here`, does one thing through `sql`, and prints it."""

from typing import Annotated

from cyclopts import Parameter

from daemon.here import Here

Given = Annotated[Here, Parameter(parse=False)]
"""The settings and the database: given by the launcher, no parameter of the command line."""
