"""A report of a load says which arrays of a model were loaded from a file, which were not, and why."""

from collections.abc import Iterable
from dataclasses import dataclass

from minnet.saving.messages import brief, listed

MOST_CHARACTERS = 600  # of each list


@dataclass(frozen=True)
class LoadReport:
    """What `mn.load` did. Printed, it is readable.

    Attributes
    ----------
    path
        The file.
    loaded
        The arrays of the model that were loaded, by name.
    missing
        Those that are not in the file.
    mismatched
        Those that have another shape or dtype in the file, as name → both.
    unexpected
        The arrays of the file that are not in the model, under the names that they had after `rename`.
    left_out
        The arrays of the file that `prefix` or `rename` left out, under the names that they have there.
    """

    path: str
    loaded: tuple[str, ...]
    missing: tuple[str, ...]
    mismatched: dict[str, str]
    unexpected: tuple[str, ...]
    left_out: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether each array of the model was loaded, and each of the file was used."""
        return not (self.missing or self.mismatched or self.unexpected or self.left_out)

    def __repr__(self) -> str:
        total = len(self.loaded) + len(self.missing) + len(self.mismatched)
        lines = [f"{brief(self.path)}: {len(self.loaded):,} of the model's {total:,} arrays were loaded"]
        lines += _paragraph("another shape or dtype in the file, not loaded", self.mismatched.values())
        lines += _paragraph("in the model, not in the file", self.missing)
        lines += _paragraph("in the file, not in the model", self.unexpected)
        lines += _paragraph("in the file, left out by prefix or rename", self.left_out)
        return "\n".join(lines)


def _paragraph(title: str, names: Iterable[str]) -> list[str]:
    names = list(names)
    return (
        [f"  {title} ({len(names):,}):", *(f"    {line}" for line in listed(names, MOST_CHARACTERS))] if names else []
    )
