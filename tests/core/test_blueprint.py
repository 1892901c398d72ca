import threading
import tracemalloc

import numpy as np
import pytest

import minnet as mn
from minnet.core.blueprint import Blueprint, is_blueprint, new_array, new_gradient, stand_in

HUGE = 10**9


def test_arrays_of_a_blueprint_have_shapes_and_no_memory():
    tracemalloc.start()
    with Blueprint(100):
        layers = [mn.Linear(HUGE, 7), mn.BatchNorm1d(HUGE), mn.Embedding(HUGE, 9, padding_idx=3), mn.LayerNorm(HUGE)]
        layers += [mn.LSTM(HUGE, 5), mn.GroupNorm(1, HUGE), mn.Conv1d(HUGE, 4, 3), mn.LearnedPosition(HUGE, 4)]
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1e6
    assert layers[0].weight.data.shape == layers[0].weight.grad.shape == (HUGE, 7)
    assert layers[2].weight.data.shape == (HUGE, 9)


def test_it_ends_and_holds_for_this_thread_only():
    seen = []
    with Blueprint(9):
        thread = threading.Thread(target=lambda: seen.append((is_blueprint(), mn.Linear(3, 2, rng=0).weight.data)))
        thread.start()
        thread.join()
        assert is_blueprint()
    assert not is_blueprint()
    assert seen[0][0] is False
    np.testing.assert_array_equal(seen[0][1], mn.Linear(3, 2, rng=0).weight.data)


def test_it_ends_with_an_error_too():
    with pytest.raises(ValueError, match="needs in_features >= 1"), Blueprint(9):
        mn.Linear(0, 1)
    assert not is_blueprint()


def test_so_many_arrays_and_no_more():
    blueprint = Blueprint(3)
    with blueprint:
        mn.Linear(2, 2)
    with blueprint, pytest.raises(ValueError, match="more arrays would be made than there are in the file"):
        mn.Linear(2, 2)


def test_a_shape_that_numpy_does_not_have():
    with pytest.raises(ValueError, match=r"maximum|too big|too large"):
        stand_in((2**40, 2**40), np.dtype(np.float32))


def test_outside_arrays_are_copies():
    given = np.ones((2, 3), np.float32, order="F")
    array = new_array(given, np.dtype(np.float32))
    assert not np.shares_memory(array, given)
    assert array.flags.c_contiguous
    assert new_gradient(array).tolist() == [[0] * 3] * 2


def test_an_array_takes_the_place_of_a_stand_in():
    with Blueprint(2):
        layer = mn.Linear(2, 1)
    values = np.array([[1.0], [2.0]])
    layer.weight.adopt(values)
    layer.bias.adopt(np.zeros(1))
    assert layer.dtype == np.float64
    assert not np.shares_memory(layer.weight.data, values)
    assert layer.forward(np.ones((1, 2))).tolist() == [[3.0]]
    layer.backward(np.ones((1, 1)))
    assert layer.weight.grad.tolist() == [[1.0], [1.0]]
    with pytest.raises(TypeError, match="float32 or float64"):
        layer.bias.adopt(np.zeros(1, np.int64))
