"""One measurement against its bar."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """A ratio measured within one run, and the most it may be."""

    name: str
    ratio: float
    bar: float
    detail: str

    @property
    def holds(self) -> bool:
        """Whether the bar is met."""
        return self.ratio <= self.bar

    def __str__(self) -> str:
        word = "ok    " if self.holds else "MISSED"
        return f"{word} {self.name}: {self.ratio:.2f} (bar {self.bar:.2f})  {self.detail}"
