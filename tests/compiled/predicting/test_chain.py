"""A copy for predictions has the layers, the names and the messages of its model, and runs of compiled code in it."""

import pickle

import numpy as np
import pytest

import minnet as mn

pytest.importorskip("numba", reason="the extra compiled is not installed")
from minnet.compiled.predicting.chain import for_prediction, runs_of

pytestmark = pytest.mark.slow


def linear(*sizes):
    return mn.Linear(*sizes, rng=0)


def test_runs_are_found_where_layers_follow_each_other():
    layers = [
        *(mn.Conv2d(1, 2, 3), mn.ReLU(), mn.MaxPool2d(2), mn.GELU(), mn.Flatten()),
        *(linear(3, 4), mn.ReLU(), linear(4, 4), mn.LSTM(4, 5)),
    ]
    assert {place: run.length for place, run in runs_of(layers).items()} == {0: 3, 5: 3, 8: 1}


def test_the_calls_of_runs_take_the_place_of_formulas_where_shapes_are_known():
    model = for_prediction(mn.Sequential(mn.Tanh(), linear(3, 4), mn.ReLU(), mn.GELU(), linear(4, 2)))
    model.forward(np.ones((2, 3), np.float32))
    (plan,) = model._plans.values()
    assert plan.order == [0, 1, 3, 4]
    assert len(plan.forward) == 4


def test_the_model_stays_as_it_is():
    model = mn.Sequential(linear(3, 4), body=mn.Sequential(linear(4, 4)), way=mn.Residual(linear(4, 4)))
    copied = for_prediction(model)
    assert [type(layer) for _, layer in model.named_layers()][0::2] == [mn.Sequential, mn.Sequential, mn.Residual]
    assert not [layer for _, layer in copied.named_layers() if layer.training or layer.recording]
    assert repr(copied) == repr(model)
    assert list(copied.state_dict()) == list(model.state_dict())
    for array, other in zip(copied.state_dict().values(), model.state_dict().values(), strict=True):
        np.testing.assert_array_equal(array, other)


def test_layers_side_by_side_are_chains_of_one():
    model = mn.Graph({"one": linear(3, 4), "two": mn.Tanh(), "sum": mn.Sum()}, wires={"sum": ("one", "two")})
    copied = for_prediction(model)
    assert [list(getattr(layer, "runs", {})) for layer in copied.layers] == [[0], [], []]
    assert dict(copied.wires) == dict(model.wires)
    x = np.ones((2, 3), np.float32)
    for _ in range(2):
        np.testing.assert_allclose(copied.forward(x), model.forward(x), rtol=1e-6)


def test_a_recurrent_layer_of_a_graph_may_be_given_a_state():
    model = mn.Graph(gru=mn.GRU(3, 4, rng=0), inputs=("x", "h"), wires={"gru": ("x", "h")}).eval()
    x, h = np.ones((2, 5, 3), np.float32), np.ones((2, 4), np.float32)
    np.testing.assert_allclose(for_prediction(model).forward(x, h), model.forward(x, h), rtol=1e-6)


@pytest.mark.parametrize("first", [linear(3, 4), mn.Tanh()])
def test_an_error_says_in_which_layer_it_was(first):
    class Fails(mn.Layer):
        def forward(self, x):
            if x[0, 0] > 0:
                raise ZeroDivisionError("no")
            return x

    model = for_prediction(mn.Sequential(first, mn.ReLU(), inner=Fails()))
    x = np.zeros((1, 3), np.float32)
    model.forward(x * np.nan)
    with pytest.raises(ZeroDivisionError) as caught:
        model.forward(x + 1 if isinstance(first, mn.Tanh) else x + 1e3)
    assert 'in Sequential.layers["inner"] = Fails()' in caught.value.__notes__[-1]


def test_copies_find_their_runs_again():
    model = for_prediction(mn.Sequential(linear(3, 4), mn.Sequential(linear(4, 2))))
    again = pickle.loads(pickle.dumps(model))
    assert [list(layer.runs) for _, layer in again.named_layers() if hasattr(layer, "runs")] == [[0], [0]]
