"""Notes are sentences on what is special in a step, such as where gradients add up."""

from collections import Counter

from minnet.core.layer import Layer
from minnet.core.parameter import Parameter
from minnet.explaining.cells import number
from minnet.explaining.experiment import Experiment
from minnet.explaining.recording import Call
from minnet.layers import Graph, Residual
from minnet.layers.containers.branches import Branches
from minnet.layers.containers.wiring import plan_of
from minnet.losses import MultiLoss


def notes_of(call: Call, experiment: Experiment) -> list[str]:
    """Return the notes on a layer."""
    notes = [*_of_heads(call), *_gradients_add_up(call.layer), *_of_parameters(call, experiment)]
    if call.count > 1:
        notes.append(
            f"This layer runs {call.count} times in one forward. Its last call is shown, and no slopes of its input "
            "are measured."
        )
    if not call.went_back:
        notes.append("No gradient arrives here, because L does not depend on what this layer returns.")
    return notes


def corner_note(name: str) -> str:
    """Return the note on a number at which L has no slope."""
    return (
        f"L has a corner at {name}: to the left it has another slope than to the right. Finite differences show the "
        "mean of the two, and backward uses one of them, or a number between, so they may differ."
    )


def _of_heads(call: Call) -> list[str]:
    """Return how the losses of a MultiLoss make L."""
    loss = call.layer
    if not isinstance(loss, MultiLoss):
        return []
    parts = [f"{number(loss.weight(key))} · {number(call.y.heads[name])} ({name})" for name, key, _ in loss.heads]
    return [f"L = {' + '.join(parts)}, the loss of each output times its weight."]


def _gradients_add_up(layer: Layer) -> list[str]:
    if isinstance(layer, Residual):
        return [
            "x goes two ways, through the layers and around them, so two gradients add up: dx = dy + what the first of "
            "the layers passes on."
        ]
    if isinstance(layer, Graph):
        plan = plan_of(layer.layers, layer.inputs, layer.wires, layer.outputs)
        readers = Counter(name for step in plan.steps for name in step.reads)
        several = [f"{name} ({count} times)" for name, count in readers.items() if count > 1]
        if several:
            return [f"Gradients add up where an array is read more than once: {', '.join(several)}."]
    elif isinstance(layer, Branches) and len(layer.layers) > 1:
        return [f"x goes to all {len(layer.layers)} branches, so their gradients add up: dx is the sum of theirs."]
    return []


def _of_parameters(call: Call, experiment: Experiment) -> list[str]:
    notes = []
    arrays = list(experiment.arrays())
    for path, name, array in arrays:
        if path != call.path or not isinstance(array, Parameter):
            continue
        others = [f"{p}.{n}" if p else n for p, n, other in arrays if other is array and (p, n) != (path, name)]
        if others:
            notes.append(
                f"{name} is one Parameter with {' and '.join(others)}, so the gradients of these layers add up."
            )
        if not array.trainable:
            notes.append(f"{name} is frozen: no optimizer changes it.")
    return notes
