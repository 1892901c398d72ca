"""Options of optimizers are attributes, which check what they are set to."""

import pytest

import minnet as mn
from minnet.optimizers.option import Choice, Count, Numbers, Option, share


class Descent(mn.Optimizer):
    """Has an option of each kind."""

    anything, number, kept = Option(), Option(low=0), share()
    pair, count, name = Numbers("a pair (a, b)", 2, above=0), Count("it counts"), Choice((None, "a", "b"))

    def __init__(self, parameters, **options):
        given = {"anything": None, "number": 1, "kept": 0.5, "pair": [1, 2], "count": 3, "name": None}
        super().__init__(parameters, 0.1, **(given | options))


def test_numbers_become_floats_and_ints():
    optimizer = Descent([mn.Parameter([1.0])])
    assert [type(value) for value in (optimizer.number, optimizer.kept, *optimizer.pair)] == [float] * 4
    assert (type(optimizer.pair), type(optimizer.count), optimizer.name) == (tuple, int, None)
    optimizer.name, optimizer.count, optimizer.pair = "b", 5, (3, 4)
    assert (optimizer.name, optimizer.count, optimizer.pair) == ("b", 5, (3.0, 4.0))


@pytest.mark.parametrize(
    ("option", "value", "error", "message"),
    [
        ("number", -1, ValueError, "number >= 0, got -1"),
        ("kept", 1, ValueError, "0 <= kept < 1, got 1.*: it is the share of the past that each step keeps"),
        ("pair", 3, TypeError, r"expected pair to be a pair \(a, b\), got 3"),
        ("pair", (1, 2, 3), TypeError, "expected pair to be a pair"),
        ("pair", (1, 0), ValueError, "pair > 0, got 0"),
        ("count", 0, ValueError, "count >= 1, got 0: it counts"),
        ("count", 1.5, TypeError, "count to be an int"),
        ("name", "c", ValueError, "name to be one of None, 'a', 'b', got 'c'"),
    ],
)
def test_what_is_set_is_checked(option, value, error, message):
    optimizer = Descent([mn.Parameter([1.0])])
    before = getattr(optimizer, option)
    for attempt in (
        lambda: Descent([mn.Parameter([1.0])], **{option: value}),
        lambda: setattr(optimizer, option, value),
    ):
        with pytest.raises(error, match=f"^Descent .*{message}"):
            attempt()
    assert getattr(optimizer, option) == before
    with pytest.raises(error, match=f"^Descent .*{message}"):
        Descent([{"params": mn.Parameter([1.0]), option: value}])
