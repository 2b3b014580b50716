"""A sentence in the two languages of those who read it: the board's admin and the sender of a file."""

import msgspec

ENTITIES = {
    "orgs": "組織",
    "academicSessions": "学期・年度",
    "courses": "コース",
    "classes": "クラス",
    "users": "利用者",
    "students": "児童生徒",
    "teachers": "教職員",
    "enrollments": "在籍",
    "demographics": "属性情報",
}
"""What people in Japan call them."""


class Said(msgspec.Struct, frozen=True):
    """The same sentence twice."""

    english: str
    japanese: str

    def __add__(self, other: "Said") -> "Said":
        return Said(f"{self.english} {other.english}", self.japanese + other.japanese)
