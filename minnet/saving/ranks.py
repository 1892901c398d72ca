"""What differs by rank in the state of a job: random numbers, what layers remember of a part, what a script sets apart.

A checkpoint holds the state of rank 0 and, of every rank, how it differs. A difference is a list ``[place, value]``,
or ``[place]`` of what the rank does not have; a place is a list of keys.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from minnet.core.state import State, same

DEEPEST = 4  # keys of a place
# What all ranks have alike. Loaders that a rank reads by its own rows may have transforms that differ.
ALIKE = ("trainer", "run", "history", "optimizer", "frozen", "sets", "loader", "beginning", "ranks")
DIFFERENCES, RNG = "differences", "rng"  # of a rank; the Generator draws for the loader's transform

MORE = ("loader", "sets")  # of these, what may differ all the same

Difference = list[Any]


def may_differ(state: State, *more: str) -> State:
    """Return what may differ by rank in a state, and `more` of it."""
    return {name: part for name, part in state.items() if name not in ALIKE or name in more}


def differences(mine: Any, first: Any, place: tuple[Any, ...] = ()) -> list[Difference]:
    """List how the state of a rank differs from that of rank 0."""
    if same(mine, first):
        return []
    if len(place) < DEEPEST and type(mine) is type(first) is dict:
        found = [[[*place, key]] for key in first if key not in mine]
        for key, value in mine.items():
            inside = (*place, key)
            found += differences(value, first[key], inside) if key in first else [[[*inside], value]]
        return found
    if len(place) < DEEPEST and type(mine) is type(first) is list and len(mine) == len(first):
        return [one for i, pair in enumerate(zip(mine, first, strict=True)) for one in differences(*pair, (*place, i))]
    return [[[*place], mine]]


def put_in(state: State, found: Iterable[Difference]) -> None:
    """Change the state of rank 0 into that of the rank whose differences these are.

    They may come from a file: LookupError, TypeError or ValueError if they are of another state.
    """
    for (*way, last), *value in found:
        if not way or (way[0] in ALIKE and way[0] not in MORE):
            raise ValueError("a rank differs in what all ranks have alike")
        owner: Any = state
        for key in way:
            owner = owner[key]
        if type(owner) is not dict and type(owner) is not list:
            raise TypeError("a rank differs in what has no items")
        if value:
            owner[last] = value[0]
        else:
            del owner[last]


def check_ranks(ranks: Any) -> None:
    """Raise ValueError if this, from a file, does not have the form of what differs by rank."""
    if type(ranks) is not list or any(type(rank) is not dict for rank in ranks):
        raise ValueError("ranks is no list of dicts")
    for rank in ranks:
        if rank.keys() != {DIFFERENCES, RNG} or type(rank[DIFFERENCES]) is not list:
            raise ValueError("ranks has other entries than a job writes")
        if type(rank[RNG]) is not np.random.Generator:
            raise ValueError("ranks has something other than a Generator")
        if any(
            type(one) is not list or len(one) not in (1, 2) or type(one[0]) is not list for one in rank[DIFFERENCES]
        ):
            raise ValueError("ranks has a difference that is none")
