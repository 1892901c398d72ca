"""What goes through the layers: the numbers are those of forward and backward, and the model stays as it was."""

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason='plots need matplotlib, the extra "plots"')

import minnet as mn
from minnet import plots

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 6)).astype(np.float32)
Y = RNG.integers(0, 3, 64)


def rows(figure):
    """The quantiles that are drawn, by the name of their row, and the remarks."""
    axes = figure.axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    drawn = [line for line in axes.get_lines() if line.get_transform() == axes.transData]
    found = {}
    for i, name in enumerate(names):
        thin, thick, middle = drawn[3 * i : 3 * i + 3]
        found[name] = [*thin.get_xdata(), *thick.get_xdata(), *middle.get_xdata()]
        assert {*thin.get_ydata(), *thick.get_ydata(), *middle.get_ydata()} == {i}
    return found, [text.get_text() for text in axes.texts]


def expected(values):
    return np.quantile(np.asarray(values, np.float64), [0.01, 0.99, 0.25, 0.75, 0.5])


def test_activations_are_the_outputs_of_each_layer():
    model = mn.Sequential(
        mn.Linear(6, 8, rng=0), mn.Tanh(), mn.Residual(mn.Linear(8, 8, rng=1)), mn.Linear(8, 3, rng=2)
    )
    found, _ = rows(plots.activations(model, X))
    assert list(found) == ["layers[0] Linear", "layers[1] Tanh", "layers[2].layers[0] Linear", "layers[3] Linear"]
    x = X
    for name, layer in zip(["layers[0] Linear", "layers[1] Tanh"], model.layers, strict=False):
        x = layer.forward(x)
        np.testing.assert_allclose(found[name], expected(x), rtol=1e-6)
    np.testing.assert_allclose(found["layers[3] Linear"], expected(model.forward(X)), rtol=1e-5)


def test_dead_units_and_saturation_are_counted():
    model = mn.Sequential(mn.Linear(6, 10, rng=0), mn.ReLU(), mn.Linear(10, 10, rng=0), mn.Sigmoid(), mn.Tanh())
    model.layers[0].bias.data[:4] = -100
    model.layers[2].bias.data[:5] = 100
    _, remarks = rows(plots.activations(model, X))
    assert remarks == ["", "4 of 10 dead", "", "50 % saturated", "0 % saturated"]


def test_a_unit_of_a_convolution_is_a_channel():
    model = mn.Sequential(mn.Conv2d(1, 4, 3, rng=0), mn.ReLU())
    model.layers[0].bias.data[1] = -100
    assert rows(plots.activations(model, RNG.random((5, 1, 8, 8)).astype(np.float32)))[1] == ["", "1 of 4 dead"]
    model.layers[0].bias.data[:] = 100
    assert rows(plots.activations(model, RNG.random((5, 1, 8, 8)).astype(np.float32)))[1] == ["", "none dead"]


def test_gradients_are_those_of_backward():
    model, loss = mn.Sequential(mn.Linear(6, 8, rng=0), mn.ReLU(), mn.Linear(8, 3, rng=1)), mn.SoftmaxCrossEntropyLoss()
    model.layers[0].bias.data[:] = -100  # everything below is dead
    found, remarks = rows(plots.gradients(model, loss, X, Y))
    loss.forward(model.forward(X), Y)
    model.backward(loss.backward())
    assert list(found) == [name for name, _ in model.named_parameters()]
    assert remarks == ["all 0", "all 0", "all 0", ""]
    assert np.isnan(found["layers[0].weight"]).all()
    np.testing.assert_allclose(found["layers[2].bias"], expected(np.abs(model.layers[2].bias.grad)), rtol=1e-6)
    model.layers[0].bias.data[:] = 0
    figure = plots.gradients(model, loss, X, Y)
    assert figure.axes[0].get_xscale() == "log"
    assert rows(figure)[1] == [""] * 4


def test_the_model_and_the_loss_stay_as_they_were():
    model = mn.Sequential(
        mn.Linear(6, 8, rng=0), mn.BatchNorm1d(8), mn.Dropout(0.5, rng=0), mn.Linear(8, 3, rng=1)
    ).eval()
    loss = mn.SoftmaxCrossEntropyLoss()
    for parameter in model.parameters():
        parameter.grad[...] = 7
    before = [array.data.copy() for _, array in model.named_arrays()]
    plots.activations(model, X)
    plots.gradients(model, loss, X, Y)
    assert not model.training
    assert all((parameter.grad == 7).all() for parameter in model.parameters())
    for (_, array), was in zip(model.named_arrays(), before, strict=True):
        np.testing.assert_array_equal(array.data, was)
    with pytest.raises(RuntimeError):
        loss.backward()  # nothing went through this one


def test_bytes_are_scaled_as_the_model_says_and_a_large_batch_is_cut():
    model = mn.Sequential(mn.Identity(), mn.Linear(6, 2, rng=0))
    model.input_scale = 1 / 255
    figure = plots.activations(model, np.full((10_000, 6), 255, np.uint8))
    assert rows(figure)[0]["layers[0] Identity"] == [1.0] * 5
    assert figure.get_suptitle() == "Outputs of each layer, for 256 samples"


def test_of_very_many_layers_the_first_are_drawn():
    model = mn.Sequential(*(mn.Linear(6, 6, rng=k) for k in range(50)))
    figure = plots.activations(model, X)
    assert len(rows(figure)[0]) == 40
    assert figure.get_suptitle().endswith("\nthe first 40 of 50")


def test_outputs_of_very_different_size_have_an_axis_on_which_both_are_seen():
    model = mn.Sequential(mn.Linear(6, 8, rng=0), mn.Linear(8, 8, rng=1))
    assert plots.activations(model, X).axes[0].get_xscale() == "linear"
    model.layers[1].weight.data *= 1e4
    assert plots.activations(model, X).axes[0].get_xscale() == "symlog"


def test_recurrent_layers_and_a_single_layer():
    sequences = RNG.normal(size=(4, 7, 6)).astype(np.float32)
    assert list(rows(plots.activations(mn.Sequential(mn.GRU(6, 5, rng=0)), sequences))[0]) == ["layers[0] GRU"]
    assert list(rows(plots.activations(mn.Linear(6, 5, rng=0), sequences))[0]) == ["Linear"]


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match=r"^plots.gradients found no Parameter in ReLU\(\)"):
        plots.gradients(mn.ReLU(), mn.MSELoss(), X, X)
    with pytest.raises(ValueError, match=r"^plots.activations got no samples"):
        plots.activations(mn.Linear(6, 5), X[:0])
    with pytest.raises(ValueError, match="Linear"):
        plots.activations(mn.Linear(7, 5), X)


def test_models_of_several_inputs_and_outputs():
    class Two(mn.Layer):
        """Two inputs, two outputs."""

        def __init__(self):
            self.left, self.right = mn.Linear(6, 4, rng=0), mn.Linear(6, 3, rng=1)

        def forward(self, a, b):
            return self.left.forward(a), self.right.forward(b)

        def backward(self, dy):
            return self.left.backward(dy[0]), self.right.backward(dy[1])

    model, wanted = Two(), (X[:, :4] * 0, X[:, :3] * 0)
    for given in ((X, X), {"a": X, "b": X}):
        found, _ = rows(plots.activations(model, given))
        assert list(found) == ["left Linear", "right Linear"]
        np.testing.assert_allclose(found["right Linear"], expected(model.right.forward(X)), rtol=1e-6)

    class Both(mn.Loss):
        """The sum of two losses."""

        def __init__(self):
            self.parts = [mn.MSELoss(), mn.MSELoss()]

        def forward(self, prediction, target):
            return sum(part.forward(p, t) for part, p, t in zip(self.parts, prediction, target, strict=True))

        def backward(self):
            return tuple(part.backward() for part in self.parts)

    found, _ = rows(plots.gradients(model, Both(), (X, X), wanted))
    assert list(found) == ["left.weight", "left.bias", "right.weight", "right.bias"]


def test_tokens_stay_integers():
    model = mn.Sequential(mn.Embedding(50, 8, rng=0), mn.GRU(8, 8, rng=0), mn.Linear(8, 50, rng=0))
    tokens = RNG.integers(0, 50, (6, 7))
    assert len(rows(plots.activations(model, tokens))[0]) == 3
    assert len(rows(plots.gradients(model, mn.SoftmaxCrossEntropyLoss(), tokens, tokens))[0]) > 5
