"""The chain of a picture: arrays, and between two of them the layer that computes one from the other."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from minnet.explaining.explanation import Explanation, Quantity, Step

LAYERS = 9  # that are drawn; of more, the first and the last


@dataclass
class Link:
    """A layer of the chain, the arrays that it computes, and what it is given if that is not what the last one gave.

    `around` are the layers with layers inside that begin before it; `left_out` is how many layers are not drawn between
    it and the one before.
    """

    step: "Step"
    outputs: "tuple[Quantity, ...]"
    given: "tuple[Quantity, ...]" = ()
    around: "list[Step]" = field(default_factory=list)
    left_out: int = 0


def chain(explanation: "Explanation") -> list[Link]:
    """Return the links of an explanation, the last of which is the loss."""
    links, last = list[Link](), explanation.inputs
    open_: list[Step] = []
    begun: list[Step] = []
    for step in (*explanation.steps, explanation.loss):
        while open_ and step.depth <= open_[-1].depth:
            around = open_.pop()
            if not _same(around.outputs, last):  # such as a Residual, which adds its input
                links.append(Link(around, around.outputs, around=[]))
                last = around.outputs
        if step.inside:
            open_.append(step)
            begun += [step] if not step.description.startswith("Sequential(") else []
            continue
        is_loss = step is explanation.loss
        given = step.inputs if not is_loss and not _same(step.inputs, last) else ()
        links.append(Link(step, step.outputs, given, begun))
        last, begun = step.outputs, []
    return _abridged(links)


def _abridged(links: list[Link]) -> list[Link]:
    if len(links) <= LAYERS + 1:
        return links
    first, rest = links[: LAYERS - 3], links[-4:]
    rest[0].left_out = len(links) - LAYERS - 1
    rest[0].given = rest[0].step.inputs
    return first + rest


def _same(some: "tuple[Quantity, ...]", others: "tuple[Quantity, ...]") -> bool:
    return len(some) == len(others) and all(
        np.array_equal(one.values, other.values) for one, other in zip(some, others, strict=True)
    )
