"""The text of an Explanation: at most 80 characters a line."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minnet.explaining.explanation import Explanation


def text(explanation: "Explanation") -> str:
    """Return the explanation as text."""
    return explanation.model
