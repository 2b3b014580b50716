"""What a profile says: the columns of each file in order, the files it must have, the words it narrows."""

from collections.abc import Mapping

import msgspec

from oneroster import entities
from oneroster.entities import Entity, Field
from oneroster.kinds import Kind
from oneroster.vocabularies import Vocabulary


class Metadata(msgspec.Struct, frozen=True):
    """A `metadata.` column: it becomes a string at its path inside the JSON member `metadata`."""

    header: str
    kind: Kind
    path: str = ""
    """The path in the JSON, where an older edition spells the header differently."""
    refers: str | None = None

    @property
    def key(self) -> str:
        return self.path or self.header


class Profile(msgspec.Struct, frozen=True):
    """A dialect. It may leave fields out, add metadata, narrow words; it never changes what a field means."""

    name: str
    versions: tuple[str, ...]
    """Values of `oneroster.version` in the manifest that go with it; the first is the one written."""
    mandatory: tuple[str, ...]
    """Entities whose file a bulk bundle must have."""
    left_out: Mapping[str, tuple[str, ...]] = {}
    """Columns of the table that this profile's file does not have."""
    may_lack: Mapping[str, tuple[str, ...]] = {}
    """Columns that a file may have or not."""
    added: Mapping[str, tuple[Metadata, ...]] = {}
    only: Mapping[str, Mapping[str, Vocabulary]] = {}
    """Narrowed vocabularies: entity, column, words."""
    primary_filled: bool = False
    """`primary` of an enrollment is to be filled; a blank one is warned of."""
    japanese: bool = False
    """Literal NULL is blank in parentSourcedId, and `True` is read as `true` with a warning."""

    def fields(self, entity: Entity) -> tuple[Field, ...]:
        """The fields of the entity's file, in the order of its columns, `metadata.` columns not among them."""
        left_out = self.left_out.get(entity.name, ())
        return tuple(field for field in entity.fields if field.name not in left_out)

    def metadata(self, entity: Entity) -> tuple[Metadata, ...]:
        return self.added.get(entity.name, ())

    def header(self, entity: Entity) -> tuple[str, ...]:
        """The whole header row of the entity's file."""
        names = tuple(field.name for field in self.fields(entity))
        return names + tuple(one.header for one in self.metadata(entity))

    def words(self, entity: Entity, field: Field) -> Vocabulary | None:
        return self.only.get(entity.name, {}).get(field.name, field.words)


CORE = tuple(
    entity.name
    for entity in (
        entities.ACADEMIC_SESSIONS,
        entities.CLASSES,
        entities.COURSES,
        entities.ENROLLMENTS,
        entities.ORGS,
        entities.ROLES,
        entities.USERS,
    )
)
"""The minimum set of a bulk rostering bundle (CSV binding section 5)."""
