"""A proposal for `rename`: which layers of a file may be which of the model, by their order, kinds and shapes."""

from bisect import bisect_left
from collections.abc import Collection, Mapping

from minnet.saving.selection import renamed
from minnet.torch.layouts import COUNT, Values
from minnet.torch.names import Names
from minnet.torch.tensors import Placed

MOST = 20_000  # parts of names; a file with more of them gets no proposal
Shapes = frozenset[tuple[str, tuple[int, ...]]]
COUNTER = "num_batches_tracked"


def propose(names: Names, given: Mapping[str, Values], missing: Collection[Placed]) -> tuple[dict[str, str], bool]:
    """Return a dict for `rename` that pairs layers of a model with those of a file, both in their order.

    Returns also whether some could be paired otherwise, because several have the same shapes.

    A layer that lacks a tensor is paired with the next one in the file whose tensors have the same names and shapes,
    if that belongs to no other layer. It is a proposal only, because order proves nothing.
    """
    lacking = {tensor.layer for tensor in missing if tensor.layout is not COUNT}
    free = {}
    for name, values in given.items():
        tensor = names.find(name)
        if tensor is None or tensor.layer in lacking:
            free[name] = values.shape
    groups = _groups(free)
    where: dict[Shapes, list[int]] = {}
    for i, shapes in enumerate(groups.values()):
        where.setdefault(shapes, []).append(i)
    pairs, following = [], 0
    for module, shapes in _modules(names, lacking).items():
        places = where.get(shapes, [])
        place = bisect_left(places, following)
        if place < len(places):
            following = places[place] + 1
            pairs.append((list(groups)[places[place]], module))
    alike = any(len(where[groups[old]]) > 1 for old, _ in pairs)
    return {old: names.path_of(new) for old, new in _short(pairs, given).items()}, alike


def _modules(names: Names, layers: Collection[str]) -> dict[str, Shapes]:
    """Return the modules that stand for some layers, with the names and shapes of their tensors."""
    found: dict[str, set[tuple[str, tuple[int, ...]]]] = {}
    for tensor in names.tensors:
        if tensor.layout is not COUNT and tensor.layer in layers:
            found.setdefault(names.plain[tensor.layer], set()).add((tensor.inside, tensor.values().shape))
    return {module: frozenset(shapes) for module, shapes in found.items()}


def _groups(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Shapes]:
    """Return what is below each beginning of a name in a file, in its order."""
    found: dict[str, set[tuple[str, tuple[int, ...]]]] = {}
    if sum(name.count(".") for name in shapes) > MOST:
        return {}
    for name, shape in shapes.items():
        parts = name.split(".")
        for i in range(1, len(parts)) if parts[-1] != COUNTER else ():
            found.setdefault(".".join(parts[:i]), set()).add((".".join(parts[i:]), shape))
    return {group: frozenset(tensors) for group, tensors in found.items()}


def _short(pairs: list[tuple[str, str]], given: Mapping[str, Values]) -> dict[str, str]:
    """Return pairs of names as a dict: those of whole parts, if that does the same."""
    short: dict[str, str] = {}
    for old, new in pairs:
        a, b = old.split("."), new.split(".")
        while len(a) > 1 and b and a[-1] == b[-1]:
            a, b = a[:-1], b[:-1]
        if short.setdefault(".".join(a), ".".join(b)) != ".".join(b):
            return dict(pairs)
    each = dict(pairs)
    return short if all(renamed(name, short) == renamed(name, each) for name in given) else each
