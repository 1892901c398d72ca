"""A proposal for `rename`: which layers of a file may be which of the model, by their order, kinds and shapes."""

import re
from collections.abc import Collection, Mapping, Sequence
from itertools import accumulate, pairwise

from minnet.saving.selection import renamed
from minnet.torch.layouts import COUNT, Values
from minnet.torch.names import Names
from minnet.torch.tensors import Placed

MOST = 20_000  # parts of names; a file with more of them gets no proposal
Shapes = frozenset[tuple[str, tuple[int, ...]]]
COUNTER = "num_batches_tracked"


def propose(names: Names, given: Mapping[str, Values], missing: Collection[Placed]) -> tuple[dict[str, str], bool]:
    """Return a dict for `rename` that pairs layers of a model with those of a file, both in their order.

    Returns also whether some could be paired otherwise, because several have the same shapes, and no numbers.

    The layers that lack a tensor are paired with those in the file whose tensors have the same names and shapes, and
    that belong to no other layer, if there are as many of them here as there: else the first of them would often be
    paired with the second. Where neither shapes nor numbers tell layers apart, they are paired only if all other pairs
    are in one order, too. It is a proposal only, because order proves nothing.
    """
    lacking = {tensor.layer for tensor in missing if tensor.layout is not COUNT}
    free = {}
    for name, values in given.items():
        tensor = names.find(name)
        if tensor is None or tensor.layer in lacking:
            free[name] = values.shape
    groups, modules = _groups(free), _modules(names, lacking)
    theirs, alike = _by_shapes(groups), False
    same = [(ours, theirs.get(shapes, [])) for shapes, ours in _by_shapes(modules).items()]
    same = [(ours, others) for ours, others in same if len(ours) == len(others)]
    found = {module: group for ours, others in same for module, group in zip(ours, others, strict=True)}
    pairs = {module: found[module] for module in modules if module in found}
    moved = _moved(pairs, list(groups))
    open_ones: set[str] = set()
    for ours, others in same:
        if not _are_numbered(others):
            alike |= moved.isdisjoint(ours)
            open_ones.update(() if moved.isdisjoint(ours) else ours)
    in_order = [(group, module) for module, group in pairs.items() if group != module and module not in open_ones]
    return {old: names.path_of(new) for old, new in _short(in_order, given).items()}, alike


def _moved(pairs: Mapping[str, str], groups: Sequence[str]) -> set[str]:
    """Return the modules that are before another one here and behind it in the file, or the other way round."""
    place = {group: i for i, group in enumerate(groups)}
    places = [place[group] for group in pairs.values()]
    before = [-1, *accumulate(places, max)]
    after = [*accumulate(reversed(places), min)][::-1] + [len(groups)]
    return {module for i, module in enumerate(pairs) if before[i] > places[i] or after[i + 1] < places[i]}


def _are_numbered(names: Sequence[str]) -> bool:
    """Whether each name differs from the next one first in a number, as blocks.2.a and blocks.10.a."""
    for a, b in pairwise(names):
        differing = [[x, y] for x, y in zip(a.split("."), b.split("."), strict=False) if x != y][:1]
        if not differing or len({re.sub(r"\d+", "0", part) for part in differing[0]}) > 1:
            return False
    return True


def _by_shapes(groups: Mapping[str, Shapes]) -> dict[Shapes, list[str]]:
    """Return the names of what has the same tensors, in their order."""
    found: dict[Shapes, list[str]] = {}
    for name, shapes in groups.items():
        found.setdefault(shapes, []).append(name)
    return found


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
