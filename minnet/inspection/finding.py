"""A finding is one thing that is wrong with a layer, in words for its author."""

from dataclasses import dataclass

# The right formula stands at the end of a message, and begins with one of these. An exercise must not show it.
RIGHT_ONE = ": the right one is "
FITS = "; here "
SUMMED = ": the sum is "
RULE = ". With y = x @ "
ANSWERS = (RIGHT_ONE, FITS, SUMMED, RULE)


@dataclass(frozen=True)
class Finding:
    """What is wrong with a layer.

    Attributes
    ----------
    check : str
        The name of the check that failed: one of `CHECKS`, or "gradient of" an array.
    message : str
        What is wrong, and what to do.
    where : str
        The path of the layer inside the one that was checked, such as "layers[1]"; "" for that itself.
    """

    check: str
    message: str
    where: str = ""

    @property
    def fault(self) -> str:
        """The message without the right formula, for exercises: what is wrong, and not what is right."""
        return self.message[: min(self.message.find(words) % (len(self.message) + 1) for words in ANSWERS)]

    def __str__(self) -> str:
        return self.message
