"""A summary tables a model: layers, shapes, Parameters."""

import numpy as np
import pytest

import minnet as mn


def fields(table, text):
    """Return the words of the one line that has the text."""
    (found,) = [row.split() for row in table.splitlines() if text in row]
    return found


def test_the_class_model():
    table = mn.summary(mn.Sequential(mn.Linear(784, 10), mn.Softmax()), 784)
    assert table.splitlines()[0].split() == ["layer", "output", "parameters"]
    assert fields(table, "Linear(784, 10)")[-3:] == ["(N,", "10)", "7,850"]
    assert fields(table, "Softmax()")[-2:] == ["(N,", "10)"]
    assert table.endswith("\n7,850 parameters, 7,850 of them trainable; 31 kB of float32")
    assert repr(table) == str(table)  # at the prompt and in a notebook, it shows without print


def test_a_nested_model():
    model = mn.Sequential(mn.Flatten(), mn.Residual(mn.Linear(6, 6), mn.ReLU()), mn.Linear(6, 2))
    table = mn.summary(model, (2, 3))
    depths = [len(row) - len(row.lstrip()) for row in table.splitlines()[2:-2]]
    assert depths == [0, 2, 2, 4, 4, 2]
    assert fields(table, "Linear(6, 6)")[-3:] == ["(N,", "6)", "42"]
    assert fields(table, "Sequential")[-2:] == ["(N,", "2)"]  # counts nothing of its own
    assert table.endswith("56 parameters, 56 of them trainable; 0 kB of float32")


@pytest.mark.parametrize("shape", [784, (784,), [784], np.int64(784)])
def test_the_input_shape_may_be_a_number_or_a_sequence(shape):
    assert mn.summary(mn.Linear(784, 10), shape) == mn.summary(mn.Linear(784, 10), (784,))


def test_more_than_one_axis_out():
    assert "(N, 5, 2)" in mn.summary(mn.Linear(3, 2), (5, 3))


def test_a_frozen_parameter_counts_but_is_not_trainable():
    layer = mn.Linear(3, 2)
    layer.bias.trainable = False
    assert "8 parameters, 6 of them trainable" in mn.summary(layer, 3)


def test_a_shared_parameter_counts_once():
    first, second = mn.Linear(3, 3), mn.Linear(3, 3)
    second.weight = first.weight
    table = mn.summary(mn.Sequential(first, second), 3)
    assert fields(table, "layers[0]")[-1] == "12"
    assert fields(table, "layers[1]")[-1] == "3"
    assert "15 parameters, 15 of them trainable" in table


def test_float64_takes_twice_the_room():
    assert mn.summary(mn.Linear(100, 100).astype(np.float64), 100).endswith("81 kB of float64")


def test_a_model_without_parameters():
    foot = mn.summary(mn.ReLU(), 5).splitlines()[-1]
    assert foot.startswith("0 parameters")
    assert "None" not in foot


def test_a_layer_that_is_not_run_says_so():
    class Picky(mn.Layer):
        def __init__(self):
            self.used, self.unused = mn.ReLU(), mn.Tanh()

        def forward(self, x):
            return self.used.forward(x)

    table = mn.summary(Picky(), 3)
    assert table.count("not run") == 1
    assert table.splitlines().index(next(row for row in table.splitlines() if "not run" in row)) > 3


def test_the_model_runs_in_eval_mode():
    class NotInTraining(mn.Layer):
        def forward(self, x):
            assert not self.training
            return x

    assert "(N, 3)" in mn.summary(NotInTraining(), 3)


def test_the_model_is_left_alone():
    model = mn.Sequential(mn.Linear(3, 2, rng=0), mn.Dropout(0.5, rng=1))
    x = np.ones((2, 3), np.float32)
    model.forward(x)
    state = model.layers[1].rng.bit_generator.state
    mn.summary(model, 3)
    assert model.layers[1].rng.bit_generator.state == state
    assert all(layer.training for _, layer in model.named_layers())
    assert "forward" not in vars(model)
    model.backward(np.ones((2, 2), np.float32))  # its cache is still that of x
    assert model.layers[0].weight.grad.any()


def test_a_wrong_input_shape_is_the_layers_error_with_the_place():
    with pytest.raises(ValueError, match="Linear\\(3, 2\\) expected 3 features") as caught:
        mn.summary(mn.Sequential(mn.Linear(3, 2)), 4)
    assert any("Sequential.layers[0] = Linear(3, 2), input shape (1, 4)" in note for note in caught.value.__notes__)


def test_it_fits_a_terminal():
    table = mn.summary(mn.Sequential(mn.Conv2d(16, 32, 5, padding=2), mn.Flatten()), (16, 28, 28))
    assert max(map(len, table.splitlines())) <= 79
    assert "  layers[0] Conv2d(16, 32, 5, stride=1" in table
    assert "...  (N, 32, 28, 28)" in table


def test_it_is_ascii_because_some_terminals_show_nothing_else():
    assert mn.summary(mn.Sequential(mn.Conv2d(16, 32, 5, padding=2), mn.Tanh()), (16, 28, 28)).isascii()


def test_several_outputs():
    heads = mn.Heads(age=mn.Linear(3, 1), sex=mn.Linear(3, 2))
    text = mn.summary(mn.Sequential(body=mn.Linear(4, 3), heads=heads), 4)
    assert '  layers["heads"] Heads()' in text
    assert "{age: (N, 1), sex: (N, 2)}" in text
    assert '    layers["sex"] Linear(3, 2)' in text


def test_a_model_with_several_inputs_and_outputs():
    parts = mn.Linear(4, 5), mn.Identity()
    for inputs, shapes in (
        (mn.Inputs(image=parts[0], table=parts[1]), {"image": 4, "table": (3,)}),
        (mn.Inputs(*parts), [(4,), (3,)]),
    ):
        said = mn.summary(mn.Sequential(inputs, mn.Heads(a=mn.Linear(8, 2), b=mn.Tanh())), shapes)
        assert "{a: (N, 2), b: (N, 8)}" in said
        assert "(N, 8)" in said.splitlines()[3]
