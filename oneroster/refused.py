"""The second kind of trouble: what RosterHub will not do, with a sentence and a hint for the person who asked."""

from typing import ClassVar


class Refused(Exception):
    """RosterHub will not do this."""

    hint: ClassVar[str] = ""
    exit_code: ClassVar[int] = 1

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail

    def __str__(self) -> str:
        sentence = (type(self).__doc__ or "").strip()
        return f"{sentence} {self.detail}".strip()


class NoReason(Refused):
    """A reason is needed; it is kept in the audit log."""

    hint = "Say --reason with a few words."
    exit_code = 64
