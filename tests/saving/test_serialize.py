"""Tests of states: what goes out comes back, and what never went out is refused."""

import json
import math
import random
import time
from collections import Counter, OrderedDict, defaultdict, deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minnet.core.state import attributes, is_plain, set_attributes, update_in_place
from minnet.saving.serialize import _TAGS, NamedOnce, decode, encode

BITS = ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"]


def generator(kind, draws=3):
    rng = np.random.Generator(getattr(np.random, kind)(0))
    rng.random(draws, dtype=np.float32)  # leaves half of 64 bits over, and a position in the middle
    return rng


def there_and_back(value):
    tensors = {}
    text = json.dumps(encode(value, tensors, "state"), allow_nan=False)
    return decode(json.loads(text), tensors)


def same(a, b):
    """Compare type by type; NaN is NaN."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ma.MaskedArray):
        return all(map(same, (a.data, a.mask, a.fill_value), (b.data, b.mask, b.fill_value)))
    if isinstance(a, np.ndarray | np.generic):
        return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    if isinstance(a, list | tuple | deque):
        return len(a) == len(b) and all(map(same, a, b)) and getattr(a, "maxlen", 0) == getattr(b, "maxlen", 0)
    if isinstance(a, set | frozenset):
        return sorted(map(repr, a)) == sorted(map(repr, b))
    if isinstance(a, complex):
        return repr(a) == repr(b)
    if isinstance(a, random.Random):
        return a.getstate() == b.getstate()
    if isinstance(a, np.random.RandomState):
        return same(a.get_state(legacy=False), b.get_state(legacy=False))
    if isinstance(a, defaultdict) and a.default_factory is not b.default_factory:
        return False
    if isinstance(a, dict):
        return len(a) == len(b) and all(map(same, a, b)) and all(map(same, a.values(), b.values()))
    return a == b or (isinstance(a, float) and math.isnan(a) and math.isnan(b))


DTYPES = st.sampled_from(
    [np.dtype(name) for name in ("?", "i1", "u2", "i4", "u8", "i8", "f2", "f4", "f8", "c8", "c16")]
)
ARRAYS = hnp.arrays(DTYPES, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["$", "$tensor", "$tuple", "/"]),
    DTYPES.flatmap(hnp.from_dtype),
    st.binary(max_size=3),
    st.complex_numbers(),
)
KEYS = st.one_of(SCALARS, st.tuples(SCALARS, st.tuples(SCALARS)))
PLAIN = st.recursive(
    SCALARS | ARRAYS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.lists(inner, max_size=3).map(deque)
        | st.dictionaries(KEYS, inner, max_size=3)
        | st.dictionaries(KEYS, inner, max_size=3).map(OrderedDict)
        | st.dictionaries(KEYS, inner, max_size=3).map(lambda items: defaultdict(list, items))
        | st.sets(KEYS, max_size=3)
        | st.sets(KEYS, max_size=3).map(frozenset)
        | st.dictionaries(st.text("ab/$0k", max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(PLAIN)
def test_plain_data_come_back(value):
    assert is_plain(value)
    assert same(there_and_back(value), value)


@pytest.mark.parametrize(
    "value",
    [
        {"a": {"b": np.ones(2)}, "a/b": np.zeros(2), "a/b+": np.arange(2)},  # these would share a name
        {1: {"k": np.ones(1)}, "1k": np.zeros(1)},
        {-1: "a", -2: "b", 1.5: "c", (): "d"},  # -1 and -2 have one hash
        [-0.0, 5e-324, 2**200, -(2**63), True, 1],
        [np.float16(1), np.bool_(True), np.uint64(2**64 - 1), np.array(3), np.float64("nan")],
        {float("nan"), float("nan")},
        [Counter("aab"), deque([1, 2], maxlen=2), defaultdict(None), defaultdict(Counter, {1: Counter("a")})],
        [np.ma.masked_array([[1.0, 2]], [[True, False]], fill_value=5), np.ma.masked_array([1, 2])],
        [np.complex64(1 - 2j), complex(-0.0, math.nan), np.zeros((2, 0), complex), np.array(1j)],
        [np.arange(24.0).reshape(2, 3, 4).transpose(2, 0, 1), np.asfortranarray(np.ones((3, 2), complex))],
        [random.Random(5), np.random.RandomState(5), b"", b"\x00\xff", "\ud800".encode("utf-8", "surrogatepass")],
        *(
            kind(map(value, range(40)))
            for value in (int, float, bool, np.float32)
            for kind in (list, tuple, deque, set)
        ),
        {i: i / 3 for i in range(40)},
        {str(i): i / 3 for i in range(40)},
        [(i, i / 3, i > 7) for i in range(40)],
        [np.full((2, 3), i, np.float32) for i in range(40)],
        [np.full((2, 3), i, np.float32).T for i in range(40)],
        [*range(40), 2**63],
    ],
)
def test_special_cases_come_back(value):
    assert same(there_and_back(value), value)


@pytest.mark.parametrize("kind", BITS)
def test_a_generator_continues(kind):
    for draws in (0, 1, 3, 700):
        rng = generator(kind, draws)
        copy = there_and_back({"rng": [rng]})["rng"][0]
        assert copy is not rng
        assert type(copy.bit_generator) is type(rng.bit_generator)
        np.testing.assert_array_equal(copy.random(1500, dtype=np.float32), rng.random(1500, dtype=np.float32))
        np.testing.assert_array_equal(copy.normal(size=10), rng.normal(size=10))


@pytest.mark.parametrize("draws", [0, 1, 625])
def test_an_old_generator_continues(draws):
    for rng, draw in ((random.Random(1), "gauss"), (np.random.RandomState(1), "normal")):
        for _ in range(draws):
            getattr(rng, draw)(0, 1)
        copy = there_and_back(rng)
        assert [getattr(copy, draw)(0, 1) for _ in range(700)] == [getattr(rng, draw)(0, 1) for _ in range(700)]


def test_memory_order_comes_back():
    for order in ((2, 0, 1), (1, 0, 2), (0, 2, 1)):
        array = np.arange(24.0).reshape(2, 3, 4).transpose(order)
        assert there_and_back(array).strides == array.strides


class Thing:
    pass


@pytest.mark.parametrize(
    "value",
    [
        *(Thing(), Thing, len, {Thing()}, np.array([None]), np.array(["text"]), defaultdict(lambda: 1)),
        *(np.str_("text"), np.datetime64("2020"), np.longdouble(1), random.SystemRandom(), range(3)),
        *([1, {"a": (Thing(),)}], {Thing(): 1}, {"a": bytearray(b"bytes")}, deque([Thing()])),
    ],
)
def test_what_is_not_plain_is_refused(value):
    assert not is_plain(value)
    with pytest.raises(TypeError, match=r"^state.*: a \w+ cannot be written to a file"):
        encode(value, {}, "state")


def test_what_is_written_can_be_read():
    """However deep it lies: either both refuse it, or neither."""
    for leaf in (1, np.ones(1), (), {1: 2}, generator("MT19937")):
        deep = leaf
        for _ in range(60):
            deep = [deep]
            if is_plain(deep):
                assert is_plain(there_and_back(deep))
            else:
                with pytest.raises(TypeError, match="cannot be written"):
                    encode(deep, {}, "state")
        assert not is_plain(deep)


def test_what_holds_itself_is_not_plain():
    endless = []
    endless.append(endless)
    owner = Thing()
    owner.endless, owner.fine = endless, 1
    assert attributes(owner) == {"fine": 1}
    with pytest.raises(TypeError, match="cannot be written"):
        encode(endless, {}, "state")


# Hostile JSON


def state_of(kind, **changes):
    """Return the JSON of a Generator with some of it changed, and its tensors."""
    tensors = {}
    value = encode(generator(kind), tensors, "x")
    inner = value["$generator"]
    for name, change in changes.items():
        (inner["state"] if isinstance(inner["state"], dict) and name in inner["state"] else inner)[name] = change
    return value, tensors


TENSORS = {
    "vector": np.arange(3.0),
    "matrix": np.ones((2, 2)),
    "number": np.array(7),
    "key": np.ones(625, np.uint32),
    "wide": np.ones((624, 2), np.uint32),
    "zeros": np.zeros(624, np.uint32),
    "far": np.full(625, 625, np.uint32),
    "flags": np.ones(2, bool),
    "float": np.array(1.0),
    "matrix3": np.ones((3, 2)),
}
HOSTILE = {
    "unknown tag": {"$exec": "print(1)"},
    "a bare tag": {"$": 1},
    "no such tensor": {"$tensor": "missing"},
    "tensor by number": {"$tensor": 1},
    "tensor by list": {"$tensor": ["vector"]},
    "tensor by dict": {"$tensor": {"$tensor": "vector"}},
    "tensor of null": {"$tensor": None},
    "scalar that is a vector": {"$scalar": "vector"},
    "number of another name": {"$number": "infinity"},
    "number that is one": {"$number": 1.5},
    "number of list": {"$number": []},
    "tuple of text": {"$tuple": "abc"},
    "tuple of dict": {"$tuple": {"a": 1}},
    "tuple of number": {"$tuple": 7},
    "dict of text": {"$dict": ["ab", "cd"]},
    "dict of dict": {"$dict": {"a": 1}},
    "dict of triples": {"$dict": [[1, 2, 3]]},
    "dict of singles": {"$dict": [[1]]},
    "dict with a list as key": {"$dict": [[[1], 2]]},
    "dict with a dict as key": {"$dict": [[{}, 2]]},
    "dict with an array as key": {"$dict": [[{"$tensor": "vector"}, 2]]},
    "dict with a tuple of lists as key": {"$dict": [[{"$tuple": [[]]}, 2]]},
    "dict with a key twice": {"$dict": [[1, 2], [1, 3]]},
    "dict with a key twice, as another type": {"$dict": [[1, 2], [True, 3]]},
    "generator of text": {"$generator": "PCG64"},
    "generator of a number": {"$generator": 7},
    "generator of a list": {"$generator": ["PCG64"]},
    "generator of a tuple": {"$generator": {"$tuple": ["PCG64"]}},
    "generator of an array": {"$generator": {"$tensor": "vector"}},
    "generator of nothing": {"$generator": {}},
    "generator without a state": {"$generator": {"bit_generator": "PCG64"}},
    "generator of another class": {"$generator": {"bit_generator": "RandomState"}},
    "generator of a function": {"$generator": {"bit_generator": "seed"}},
    "generator of a dunder": {"$generator": {"bit_generator": "__loader__"}},
    "generator named by an array": {"$generator": {"bit_generator": {"$tensor": "vector"}}},
    "generator named by a list": {"$generator": {"bit_generator": ["PCG64"]}},
    "set of text": {"$set": "ab"},
    "set of texts": {"$set": ["ab"]},
    "set of two lists": {"$set": [[1], [2]]},
    "set with an item twice": {"$set": [[1, 1]]},
    "set with an item twice, as another type": {"$frozenset": [[1, True]]},
    "set of lists": {"$set": [[[1]]]},
    "deque of nothing": {"$deque": []},
    "deque without a length": {"$deque": [[1]]},
    "deque that is too long": {"$deque": [[1, 2], 1]},
    "deque of a float's length": {"$deque": [[1], 2.0]},
    "deque of no length": {"$deque": [[], -1]},
    "deque of a huge length": {"$deque": [[], 2**63]},
    "deque of three": {"$deque": [[], 1, 2]},
    "ordered of a list": {"$ordered": [[]]},
    "counter of a list": {"$counter": [[1, 2]]},
    "defaultdict of a name": {"$defaultdict": [{}, "eval"]},
    "defaultdict of a number": {"$defaultdict": [{}, 1]},
    "defaultdict of a list": {"$defaultdict": [{}, ["list"]]},
    "complex of ints": {"$complex": [1, 2]},
    "complex of one": {"$complex": [1.0]},
    "bytes of floats": {"$bytes": "vector"},
    "bytes of text": {"$bytes": "abc"},
    "complex array of a vector": {"$complex_array": "vector"},
    "complex array of a number": {"$complex_array": "number"},
    "complex scalar of a vector": {"$complex_scalar": "matrix3"},
    "axes that are not": {"$ordered_axes": ["matrix", [0, 0]]},
    "axes of one too many": {"$ordered_axes": ["matrix", [0, 1, 2]]},
    "axes of a bool": {"$ordered_axes": ["matrix", [False, True]]},
    "axes of text": {"$ordered_axes": ["matrix", "01"]},
    "axes of three": {"$ordered_axes": ["matrix", [1, 0], 1]},
    "masked of a list": {"$masked": [[1], None, 1]},
    "masked of another shape": {"$masked": [{"$tensor": "vector"}, {"$tensor": "flags"}, {"$scalar": "float"}]},
    "masked with a mask of floats": {"$masked": [{"$tensor": "vector"}, {"$tensor": "vector"}, {"$scalar": "float"}]},
    "masked with an int": {"$masked": [{"$tensor": "vector"}, None, 1]},
    "masked with another fill": {"$masked": [{"$tensor": "vector"}, None, {"$scalar": "number"}]},
    "long tuple of a dict": {"$long_tuple": [{}]},
    "columns of one": {"$columns": [[1]]},
    "columns of two lengths": {"$columns": [[1, 2], [1]]},
    "columns with a key twice": {"$columns": [[1, 1], [1, 2]]},
    "columns with a key that is a list": {"$columns": [[[1]], [1]]},
    "rows of nothing": {"$rows": []},
    "rows of two lengths": {"$rows": [[1, 2], [1]]},
    "floats of a matrix": {"$numbers": "matrix"},
    "floats of nothing": {"$numbers": "missing"},
    "random of floats": {"$random": [{"$tensor": "vector"}, None]},
    "random of zeros": {"$random": [{"$tensor": "zeros"}, None]},
    "random out of range": {"$random": [{"$tensor": "far"}, None]},
    "random of an int": {"$random": [{"$tensor": "key"}, 1]},
    "random of nothing": {"$random": []},
    "random state of nothing": {"$random_state": [{}]},
    "random state of a list": {"$random_state": [[1]]},
    "deep sets": json.loads('{"$frozenset":[[' * 40 + "1" + "]]}" * 40),
    "deep lists": json.loads("[" * 60 + "]" * 60),
    "deep dicts": json.loads('{"a":' * 60 + "1" + "}" * 60),
    "deep tuples": json.loads('{"$tuple":[' * 60 + "1" + "]}" * 60),
    "deep keys": json.loads('{"$dict":[[' * 60 + "1" + ",1]]}" * 60),
    "deep generators": json.loads('{"$generator":' * 60 + "{}" + "}" * 60),
    "very deep tensor": {"$tensor": json.loads("[" * 900 + "]" * 900)},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_json(name):
    with pytest.raises(ValueError, match=r"."):
        decode(HOSTILE[name], dict(TENSORS))


def test_an_error_at_the_edge_of_the_stack():
    """The message of an error must not itself fail, as the repr of deep JSON does."""

    def deeper(n):
        if n:
            return deeper(n - 1)
        with pytest.raises(ValueError, match=r"\$tensor of a list"):
            decode(HOSTILE["very deep tensor"], {})
        return None

    deeper(150)


WRONG_GENERATORS = [
    *(("MT19937", {"pos": pos}) for pos in (-1, 625, 2**31, 10**30, 1.5, "1", True, None, [1])),
    *(("MT19937", {"key": key}) for key in ("abc", None, [], [1] * 624, *({"$tensor": t} for t in TENSORS))),
    *(("Philox", {"buffer_pos": pos}) for pos in (-1, 5, -(2**31), 2**64, 0.0, None)),
    *(("Philox", {name: {"$tensor": "vector"}}) for name in ("buffer", "counter", "key")),
    *(("SFC64", {"state": state}) for state in (7, {}, {"state": 1}, {"state": {"$tensor": "vector"}})),
    *(("PCG64", {"state": state}) for state in (-1, 2**128, 0.5, "0", {}, None)),
    *(("PCG64", {"inc": inc}) for inc in (-1, 2**128 + 1, 2, 0)),
    *(("PCG64DXSM", {"has_uint32": value}) for value in (2, -1, 2**40, None, "no")),
    *(("PCG64DXSM", {"uinteger": value}) for value in (-1, 2**32, 2**64)),
    *(("PCG64", {"more": 1}), ("MT19937", {"bit_generator": "PCG64"}), ("PCG64", {"bit_generator": "SFC64"})),
]


@pytest.mark.parametrize(("kind", "changes"), WRONG_GENERATORS, ids=str)
def test_a_wrong_generator_is_refused_before_numpy_sees_it(kind, changes):
    """With pos = 2 billion, NumPy would read its own memory's neighbours, and the process end."""
    value, tensors = state_of(kind, **changes)
    with pytest.raises(ValueError, match=r"[gG]enerator"):
        decode(value, tensors | TENSORS)


@pytest.mark.parametrize(
    "changes",
    [{"has_gauss": 2}, {"gauss": 1}, {"state": {"key": 1, "pos": 2}}, {"bit_generator": "PCG64"}, {"more": 1}],
)
def test_a_wrong_random_state_is_refused(changes):
    tensors = {}
    value = encode(np.random.RandomState(0), tensors, "x")
    value["$random_state"][0].update(changes)
    with pytest.raises(ValueError, match=r"[gG]enerator"):
        decode(value, tensors)


def test_keys_of_one_hash_take_no_time():
    """Python's int n has the hash n modulo 2^61 - 1: of 20,000 such keys, each is compared with all others."""
    start = time.perf_counter()
    with pytest.raises(ValueError, match="one hash"):
        decode({"$dict": [[i * (2**61 - 1), 0] for i in range(20_000)]}, {})
    with pytest.raises(ValueError, match="one hash"):
        decode({"$set": [[i * (2**61 - 1) for i in range(20_000)]]}, {})
    assert time.perf_counter() - start < 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.sampled_from([*TENSORS, *BITS]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["bit_generator", "state", "a"]) | st.text(max_size=2), inner, max_size=3)
        | st.tuples(st.sampled_from(sorted(_TAGS)), inner | st.lists(inner, max_size=4)).map(lambda pair: dict([pair]))
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(JSON)
def test_any_json_is_plain_data_or_a_value_error(value):
    try:
        found = decode(value, dict(TENSORS))
    except ValueError:
        return
    assert is_plain(found)


# Putting back


class Owner:
    limit = 3

    def __init__(self):
        self.array = np.zeros(3, np.float32)
        self.rng = generator("PCG64")
        self.nested = {"rngs": [self.rng], "arrays": (self.array, 1)}
        self.count = 0
        self.function = len

    def step(self):
        return "the method"

    @property
    def size(self):
        return "the property"


def test_arrays_and_generators_stay_the_same_objects():
    owner, donor = Owner(), Owner()
    donor.array += 5
    donor.rng.random(10)
    donor.count = 7
    held_array, held_rng, state = owner.array, owner.rng, there_and_back(attributes(donor))
    assert "function" not in state
    set_attributes(owner, state)
    assert owner.array is held_array
    assert owner.nested["arrays"][0] is held_array
    assert held_array.tolist() == [5, 5, 5]
    assert owner.rng is held_rng
    assert owner.nested["rngs"][0] is held_rng
    assert held_rng.random() == donor.rng.random()
    assert owner.count == 7
    assert owner.function is len


def test_no_state_replaces_a_method_or_a_property():
    owner = Owner()
    set_attributes(owner, {"step": "gone", "size": "gone", "__class__": "gone", "__dict__": {}, "limit": 4, "new": 5})
    assert owner.step() == "the method"
    assert owner.size == "the property"
    assert type(owner) is Owner
    assert owner.count == 0
    assert (owner.limit, owner.new) == (4, 5)


@pytest.mark.parametrize(
    ("now", "value"),
    [
        (np.zeros(3), np.ones(4)),
        (np.zeros(3), np.ones(3, np.float32)),
        (np.broadcast_to(0.0, 3), np.ones(3)),
        (None, np.ones(3)),
        (np.zeros(3), 5),
        (generator("PCG64"), generator("SFC64")),
        ([1, 2], [1, 2, 3]),
        ([1, 2], (1, 2)),
        ({"a": 1}, {"b": 2}),
    ],
)
def test_what_does_not_fit_is_taken_anew(now, value):
    result = update_in_place(now, value)
    assert result is value or same(result, value)
    if isinstance(value, np.ndarray):
        assert not np.shares_memory(result, value)


def test_an_array_is_named_once_and_then_it_is_gone():
    tensors = NamedOnce(a=np.zeros(3), b=np.array(1.0), c=np.zeros(2))
    decode([{"$tensor": "a"}, {"$scalar": "b"}], tensors)
    assert list(tensors) == ["c"]
    for twice in ([{"$tensor": "c"}] * 2, {"$dict": [[1, {"$tensor": "c"}], [2, {"$scalar": "c"}]]}):
        with pytest.raises(ValueError, match=r"of something unusual \(KeyError\)"):
            decode(twice, NamedOnce(c=np.zeros(2)))
