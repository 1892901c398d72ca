"""A crash is an error that a layer's method raised, with the place in the student's code."""

from dataclasses import dataclass
from typing import Any

from minnet.core.layer import Layer
from minnet.inspection.source import Place


@dataclass
class Crash:
    """An error, with the layer, the method that raised it, the place, and the method's arguments."""

    error: BaseException
    layer: Layer
    method: str
    arguments: list[Any]
    place: Place

    @property
    def text(self) -> str:
        """What the error says."""
        return str(self.error)

    @property
    def at(self) -> str:
        """The failing code, or "some line", if there is no source."""
        return self.place.quoted or "some line"

    @property
    def signature(self) -> str:
        """How the method is to be defined, such as "def backward(self, dy)"."""
        names = {"forward": ", x" if len(self.arguments) == 1 else ", prediction, target"}.get(self.method, ", dy")
        return f"def {self.method}(self{names if self.arguments else ''})"
