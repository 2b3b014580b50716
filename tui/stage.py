"""What screens and dialogs have in common: no key is for them before they stand, or while they go."""

from textual.screen import Screen


class Stage(Screen[None]):
    """A screen on which keys may be pressed at any time."""

    @property
    def there(self) -> bool:
        """Whether it is composed, and not on its way out."""
        return self.is_mounted and self.is_attached and not self._pruning

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A key that comes before the screen stands, or while it goes, is not for it."""
        return self.there
