import pickle

import pytest

from minnet.torch.reading.names import NAMES, Name, of_a_family, put
from minnet.torch.reading.records import ELEMENTS, Element, Other, Storage, Tensor, Unreadable

STORAGE = Storage("0", ELEMENTS["float32"], 6)
TENSOR = Tensor(STORAGE, ELEMENTS["float32"], 0, (2,), (1,))


def make(name, *arguments):
    return NAMES[tuple(name.rsplit(".", 1))].make(arguments)


@pytest.mark.parametrize("name", ["_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3"])
def test_a_tensor_is_a_look_at_a_storage(name):
    more = {"_rebuild_tensor": (), "_rebuild_tensor_v2": (False, {})}.get(name, (False, {}, ELEMENTS["uint16"]))
    found = make(f"torch._utils.{name}", STORAGE, 1, (2, 3), (3, 1), *more)
    assert (found.storage, found.offset, found.shape, found.strides) == (STORAGE, 1, (2, 3), (3, 1))
    assert found.element is (ELEMENTS["uint16"] if name.endswith("v3") else ELEMENTS["float32"])


def test_a_view_with_the_other_sign_is_not_read_with_the_wrong_one():
    look = (STORAGE, 1, (2, 3), (3, 1), False, {})
    for name, more in (("v2", ()), ("v3", (ELEMENTS["uint16"],))):
        assert isinstance(make(f"torch._utils._rebuild_tensor_{name}", *look, *more, {"neg": True}), Unreadable)
        assert isinstance(make(f"torch._utils._rebuild_tensor_{name}", *look, *more, {}), Tensor)


def test_parameters_and_subclasses_are_tensors():
    assert make("torch._utils._rebuild_parameter", TENSOR, True, {}) is TENSOR
    assert make("torch._utils._rebuild_parameter_with_state", TENSOR, True, {}, {"note": 1}) is TENSOR
    function, parameter = NAMES["torch._utils", "_rebuild_tensor"], NAMES["torch.nn.parameter", "Parameter"]
    found = make("torch._tensor._rebuild_from_type_v2", function, parameter, (STORAGE, 0, (6,), (1,)), {})
    assert found.shape == (6,)


def test_containers_are_plain_ones():
    assert make("collections.OrderedDict") == {}
    assert make("collections.defaultdict", NAMES["builtins", "list"]) == {}
    assert make("collections.Counter", {"a": 1}) == {"a": 1}
    pairs = [["a", 1], ["b", 2]]
    assert make("collections.OrderedDict", pairs) == {"a": 1, "b": 2}
    assert pairs == []  # they are taken, and not copied as often as a file asks for it
    assert make("builtins.set", numbers := [1, 2]) is numbers
    assert make("torch.Size", (3, 4)) == (3, 4)


@pytest.mark.parametrize("name", ["argparse.Namespace", "pathlib.PosixPath", "torch.device", "numpy.dtype"])
def test_what_is_beside_the_weights_is_passed_over(name):
    assert isinstance(make(name, "anything"), Other)


def test_families():
    assert of_a_family("torch", "float8_e5m2") == Element("numbers of the type float8_e5m2")
    assert isinstance(of_a_family("numpy.random._pcg64", "PCG64"), Name)
    for module, name in (("torch", "load"), ("torch", "a" + "1" * 50_000), ("numpy", "load"), ("os", "system1")):
        assert of_a_family(module, name) is None


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("torch._utils._rebuild_tensor_v2", ()),
        ("torch._utils._rebuild_tensor_v2", (STORAGE, 0, [1], (1,))),
        ("torch._utils._rebuild_tensor_v2", (STORAGE, 0, (1,), (1, 1))),
        ("torch._utils._rebuild_tensor_v2", (STORAGE, 0, (1.0,), (1,))),
        ("torch._utils._rebuild_tensor_v2", (STORAGE, 2**63, (1,), (1,))),
        ("torch._utils._rebuild_tensor_v2", (STORAGE, 0, (1,) * 65, (1,) * 65)),
        ("torch._utils._rebuild_parameter", ("x",)),
        ("torch._tensor._rebuild_from_type_v2", (NAMES["torch", "Size"], NAMES["torch", "Tensor"], ((),))),
        ("collections.OrderedDict", ("x",)),
        ("torch.Size", ([1],)),
    ],
)
def test_unusual_arguments_are_refused(name, arguments):
    with pytest.raises(pickle.UnpicklingError):
        make(name, *arguments)


def test_numbers_without_a_place_here():
    element = NAMES["torch", "QInt8Storage"]
    assert isinstance(make("torch._utils._rebuild_tensor", Storage("0", element, 1), 0, (1,), (1,)), Unreadable)
    assert isinstance(make("torch._utils._rebuild_sparse_tensor", 1, 2), Unreadable)


def test_keys_are_few_kinds_of_values():
    found = {}
    put(found, ["a", 1, 2, 3, None, 4, (1, 2), 5, 2**63, 6])
    assert [*found][:3] == ["a", 2, None]
    assert [*map(type, found)][3:] == [Other, Other]
    with pytest.raises(pickle.UnpicklingError, match="a key of 10,001 letters"):
        put(found, ["a" * 10_001, 1])
    with pytest.raises(pickle.UnpicklingError, match="a key without a value"):
        put(found, ["a"])
