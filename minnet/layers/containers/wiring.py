"""The wiring of a Graph: which layer reads what, and in which order its layers run."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from minnet.core.checks import named as what_is
from minnet.core.layer import Layer
from minnet.core.layers import Layers

Names = str | tuple[str, ...]


class Step(NamedTuple):
    """One layer of a Graph, as it is run."""

    place: int  # its number
    name: str
    layer: Layer
    reads: tuple[str, ...]
    last: list[str]  # what it is the last to read
    learns: bool  # whether there are Parameters in it, or in what it reads
    passes_on: bool  # whether there are any in what it reads


class Plan(NamedTuple):
    """What a Graph runs."""

    changes: int  # the number of changes of models after which it was made
    steps: list[Step]
    outputs: tuple[str, ...]


def plan_of(layers: Layers[Any], inputs: Names, wires: Mapping[str, Names], outputs: Names | None) -> Plan:
    """Return what to run of a Graph's layers: those that an output depends on."""
    read, before = dict[str, tuple[str, ...]](), as_names("inputs", inputs)[0]
    for name in map(str, layers.names):
        read[name], before = as_names("wires", wires.get(name, before)), name
    ends = as_names("outputs", before if outputs is None else outputs)
    needed, last = set(ends), dict[str, str]()
    for name in reversed(read):
        if name in needed:
            needed.update(read[name])
            for other in read[name]:
                last.setdefault(other, name)
    steps: list[Step] = []
    learning: set[str] = set()
    for place, (name, names) in enumerate(read.items()):
        if name in needed:
            passes_on = not learning.isdisjoint(names)
            if passes_on or layers[place].parameters():
                learning.add(name)
            done = [other for other in dict.fromkeys(names) if last[other] == name and other not in ends]
            steps.append(Step(place, name, layers[place], names, done, name in learning, passes_on))
    return Plan(Layer.changes, steps, ends)


def check_wires(
    names: tuple[str | None, ...], inputs: Names, wires: Mapping[str, Names], outputs: Names | None
) -> None:
    """Raise a ValueError unless each layer has a name, and reads what is there before it."""
    given = as_names("inputs", inputs)
    if None in names:
        place = names.index(None)
        raise ValueError(f"Graph needs a name for each layer, and layer {place} has none: Graph(name=layer, ...)")
    known = set(given)
    for name in map(str, names):
        if name in known:
            raise ValueError(f"Graph has an input {name!r}, so no layer can have that name")
        for read in as_names("wires", wires.get(name, ())):
            if read not in known:
                where = "which comes after it" if read in names else "and there is none"
                raise ValueError(
                    f"Graph: layer {name!r} reads {read!r}, {where}: a layer reads inputs, and layers before it"
                )
        known.add(name)
    there = set(names)
    for name in wires:
        if name not in there:
            raise ValueError(f"Graph has wires for {name!r}, and no layer of that name: assign other wires first")
    for name in () if outputs is None else as_names("outputs", outputs):
        if name not in names:
            raise ValueError(f"Graph has the output {name!r}, and no layer of that name: its outputs are layers'")


def as_names(what: str, names: Any) -> tuple[str, ...]:
    """Return one or several names as a tuple."""
    found = names if isinstance(names, tuple) else (names,)
    for name in found:
        if not isinstance(name, str):
            raise TypeError(f"Graph expected {what} to be a name or a tuple of names, got {what_is(name)}")
        if not name.isidentifier():
            raise ValueError(f"Graph got {name!r} in {what}: a name is a word of letters, digits and _")
    if (what == "inputs" and len(found) - len(set(found))) or (not found and what != "wires"):
        raise ValueError(f"Graph needs {what} with names, each once, got {names!r}")
    return found


def as_wires(wires: Any) -> dict[str, Names]:
    """Return a copy of wires, after a check that they are names."""
    if not isinstance(wires, Mapping):
        raise TypeError(f"Graph expected wires to be a dict of layers and what they read, got {what_is(wires)}")
    for name, names in wires.items():
        as_names("wires", name)
        as_names("wires", names)
    return dict(wires)
