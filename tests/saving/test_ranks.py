"""What differs by rank is found between two states, and put into that of rank 0 again."""

import copy

import numpy as np
import pytest

from minnet.core.state import same
from minnet.saving.ranks import check_ranks, differences, may_differ, put_in


def state(rank):
    return {
        "model": {"": {}, "layers[1]": {"rng": np.random.default_rng(rank), "rate": 0.5, "mean": np.full(2, rank)}},
        "callbacks": [["Counter", {"count": 3, "rank": rank}], ["Other", {"a": 1} if rank else {"b": 2}]],
        "objects": {"callbacks[0].inner": {".x": (1, rank)}} | ({} if rank else {"callbacks[1].file": {".y": 1}}),
        "loader": {"attributes": {"rng": np.random.default_rng(0)}},
        "optimizer": {"lr": 0.1},
    }


def test_what_differs_is_put_into_the_state_of_rank_0():
    first, mine = may_differ(state(0)), may_differ(state(1))
    assert first.keys() == {"model", "callbacks", "objects"}
    found = differences(mine, first)
    assert [place for place, *_ in found] == [
        ["model", "layers[1]", "rng"],
        ["model", "layers[1]", "mean"],
        ["callbacks", 0, 1, "rank"],
        ["callbacks", 1, 1, "b"],
        ["callbacks", 1, 1, "a"],
        ["objects", "callbacks[1].file"],
        ["objects", "callbacks[0].inner", ".x"],
    ]
    put_in(first, copy.deepcopy(found))
    assert all(same(differences(mine[name], first[name]), []) for name in mine)


def test_nothing_differs():
    assert differences(state(2), state(2)) == []
    assert may_differ(state(0), "loader").keys() == {"model", "callbacks", "objects", "loader"}


@pytest.mark.parametrize(
    ("found", "error"),
    [
        ([[["optimizer", "lr"], 1.0]], ValueError),
        ([[["run", "began"], 1.0]], ValueError),
        ([[["model"], {}]], ValueError),
        ([[[], {}]], ValueError),
        ([[["model", "layers[7]", "rate"], 1.0]], LookupError),
        ([[["callbacks", 7, 1, "rank"], 1.0]], LookupError),
        ([[["callbacks", 0, 1, "none"]]], LookupError),
        ([[["model", "layers[1]", "rate", "x"], 1.0]], TypeError),
        ([[["callbacks", "x", 1], 1.0]], TypeError),
    ],
)
def test_differences_of_another_state_are_refused(found, error):
    with pytest.raises(error):
        put_in(state(0), found)


def rank(**entries):
    return {"differences": [], "rng": np.random.default_rng(0)} | entries


@pytest.mark.parametrize(
    "ranks",
    [
        {},
        [[]],
        [{}],
        [rank(more=1)],
        [rank(differences={})],
        [rank(rng=None)],
        [rank(), rank(rng=np.random.RandomState(0))],
        [rank(differences=[[]])],
        [rank(differences=[["model"]])],
        [rank(differences=[[["model", "x"], 1, 2]])],
    ],
)
def test_another_form_is_refused(ranks):
    check_ranks([])
    check_ranks([rank(), rank(differences=[[["model", "x"], 1], [["model", "y"]]])])
    with pytest.raises(ValueError, match="ranks"):
        check_ranks(ranks)
