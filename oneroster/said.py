"""A sentence in the two languages of those who read it: the board's admin and the sender of a file."""

import msgspec


class Said(msgspec.Struct, frozen=True):
    """The same sentence twice."""

    english: str
    japanese: str

    def __add__(self, other: "Said") -> "Said":
        return Said(f"{self.english} {other.english}", self.japanese + other.japanese)
