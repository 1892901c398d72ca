"""Which dict of a file is taken."""

from pathlib import Path

import numpy as np
import pytest

from minnet.errors import CheckpointError
from minnet.torch.reading.nested import state_dict_in
from minnet.torch.reading.records import ELEMENTS, Other, Storage, Tensor, Unreadable

PATH = Path("model.pt")


def tensor():
    return Tensor(Storage("0", ELEMENTS["float32"], 1), ELEMENTS["float32"], 0, (1,), (1,))


STATE = {"weight": tensor(), "bias": tensor()}
NUMBER = Tensor(Storage("1", ELEMENTS["float32"], 1), ELEMENTS["float32"], 0, (), ())
OTHER = {"weight": tensor()}
OPTIMIZER = {"state": {0: {"step": tensor(), "exp_avg": tensor()}}, "param_groups": [{"lr": 0.1, "params": [0]}]}
NAMED = {"state": {"weight": {"step": tensor()}}, "param_groups": []}


@pytest.mark.parametrize(
    "values",
    [
        STATE,
        {"model_state": STATE},
        {"state_dict": STATE, "epoch": 3, "best": None, "rng": tensor()},
        {"net": STATE, "optimizer": OPTIMIZER, "optimizers": [OPTIMIZER, NAMED], "scaler": {}, "args": Other("x")},
        {"a": {"b": [0, {"c": STATE}]}},
        [STATE, OPTIMIZER],
        {"ema": STATE, "same": STATE},
        {"metrics": {"loss": NUMBER}, "state_dict": STATE, "callbacks": {"best_k_models": {"a.ckpt": NUMBER}}},
    ],
)
def test_the_only_one_is_found(values):
    assert state_dict_in(values, PATH) == STATE


def test_one_of_numbers_is_found_if_there_is_no_other():
    assert state_dict_in({"model": {"scale": NUMBER}, "epoch": 3}, PATH) == {"scale": NUMBER}


def test_one_without_tensors_at_the_top_is_a_model_without_weights():
    assert state_dict_in({}, PATH) == {}


def test_a_tensor_of_another_kind_is_one_of_them():
    """So that it is refused by its name, when it is read."""
    found = state_dict_in({"model": {"w": Unreadable("a sparse tensor"), "b": tensor()}}, PATH)
    assert [*found] == ["w", "b"]


def test_what_modules_keep_beside_their_tensors_is_left_out():
    assert state_dict_in({"model": {**STATE, "layer._extra_state": {"x": 1}}}, PATH) == STATE


def test_without_any_of_tensors_only_those_of_the_outermost_are_taken():
    mixed = {**STATE, "epoch": 3, "args": Other("x"), "more": {"a": 1}, 5: None}
    assert state_dict_in(mixed, PATH) == STATE
    assert state_dict_in({"x": mixed, "y": {}}, PATH, "x") == STATE
    assert state_dict_in({**STATE, "metrics": {"loss": NUMBER}}, PATH) == STATE


TWO = {"model": STATE, "ema": {"shadow": OTHER}, "more": [{"x": OTHER | STATE}]}


def test_several_are_listed():
    with pytest.raises(CheckpointError) as caught:
        state_dict_in(TWO, PATH)
    assert str(caught.value) == (
        "model.pt: expected a dict of names and tensors, found 3 of them; dicts of tensors are at: "
        "model, ema.shadow, more.0.x\nChoose one, such as key='model'."
    )


@pytest.mark.parametrize(
    ("key", "found"), [("model", STATE), ("ema.shadow", OTHER), ("more.0.x", OTHER | STATE), ("ema", OTHER)]
)
def test_one_is_chosen_by_its_key(key, found):
    assert state_dict_in(TWO, PATH, key) == found


@pytest.mark.parametrize("values", [{"a.b": {"c": STATE}}, {"a": {"b": {"c": STATE}}}, {"a": {"b.c": STATE}}])
def test_a_name_may_have_dots_itself(values):
    assert state_dict_in(values, PATH, "a.b.c") == STATE


def test_a_key_for_what_is_not_nested():
    with pytest.raises(CheckpointError, match=r"nothing under the key 'model'\nLeave out the key\."):
        state_dict_in(STATE, PATH, "model")
    with pytest.raises(TypeError, match="key must be a string such as 'model_state', got 3"):
        state_dict_in({3: STATE}, PATH, 3)


def test_keys_may_be_numbers():
    assert state_dict_in({0: STATE, "1": OTHER}, PATH, "0") == STATE
    assert state_dict_in({0: STATE, "1": OTHER}, PATH, "1") == OTHER
    assert state_dict_in(OPTIMIZER, PATH, "state.0").keys() == {"step", "exp_avg"}


@pytest.mark.parametrize("key", ["x", "model.x", "more.1", "ema.shadow.weight", "", "model."])
def test_a_key_of_no_state_dict(key):
    with pytest.raises(
        CheckpointError, match=r"(?s)under the key '.*(dicts of tensors are at: model, ema.shadow|Save a dict of)"
    ):
        state_dict_in(TWO, PATH, key)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (tensor(), "one tensor without a name\nSave a dict"),
        (None, "a value of the type NoneType"),
        ([], "a list of 0 things"),
        ({"a": 1}, "a value of the type int at 'a'"),
        ({"a": tensor(), "b": Other("a NumPy array")}, "a NumPy array at 'b'"),
        ({"a": tensor(), 1: tensor()}, "a name that is no text"),
        ({"a": Other("a NumPy array")}, "a NumPy array at 'a'"),
        ({1: tensor()}, "a name that is no text"),
        (Other("a thing"), "a thing"),
        ({"optimizer": OPTIMIZER}, "a dict of 2 things at 'optimizer'"),
    ],
)
def test_without_any_the_first_thing_is_named(values, found):
    with pytest.raises(CheckpointError, match=f"expected a dict of names and tensors, found {found}"):
        state_dict_in(values, PATH)


def test_a_dict_in_memory_has_arrays():
    found = state_dict_in({"model": {"w": np.ones(2)}, "x": np.ones(3)}, PATH)
    assert [*found] == ["w"]
    with pytest.raises(CheckpointError, match="one tensor without a name under the key 'x'"):
        state_dict_in({"x": np.ones(3)}, PATH, "x")


def test_cycles_and_shared_dicts_end():
    values: dict = {"a": {}}
    values["a"]["back"] = values
    for _ in range(100):
        values = {"x": values, "y": values}
    values["model"] = STATE
    assert state_dict_in(values, PATH) == STATE


def test_very_deep_ones_are_not_searched():
    values: object = STATE
    for _ in range(100_000):
        values = [values]
    with pytest.raises(CheckpointError, match="a list of 1 things"):
        state_dict_in(values, PATH)
