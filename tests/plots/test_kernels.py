"""Weights are drawn on one scale, a picture for each column or kernel."""

import copy

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason='plots need matplotlib, the extra "plots"')

import minnet as mn
from minnet import plots

RNG = np.random.default_rng(0)


def drawn(figure):
    return [image.get_array() for image in figure.axes[0].get_images()]


def captions(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_what_was_learned_is_the_difference_on_one_symmetric_scale():
    model = mn.Sequential(mn.Linear(784, 10, rng=0), mn.Softmax())
    start = copy.deepcopy(model)
    weight = model.layers[0].weight.data
    weight += RNG.normal(size=weight.shape).astype(np.float32)
    weight[400, 3] += 9
    change = weight - start.layers[0].weight.data
    limit = np.abs(change).max()
    assert limit == change.max() != -change.min()  # so that a scale can be lopsided
    for given in ({"start": start}, {"start": start.layers[0].weight.data}):
        figure = plots.weights(model, **given)
        assert len(figure.axes[0].get_images()) == 10
        for k, image in enumerate(figure.axes[0].get_images()):
            np.testing.assert_array_equal(image.get_array(), change[:, k].reshape(28, 28))
            assert image.get_clim() == (-limit, limit)
        assert captions(figure) == list("0123456789")
        assert figure.axes[1].get_ylabel() == "W − W₀"
        assert figure.get_suptitle() == "What the weights have learned"


def test_columns_are_named_by_the_model():
    model = mn.Sequential(mn.Flatten(), mn.Linear(64, 3, rng=0))
    model.class_names = ["zero", "one", "two"]
    assert captions(plots.weights(model)) == ["zero", "one", "two"]
    assert captions(plots.weights(model, class_names="abc")) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("classes", "shape"), [(1, (28, 28)), (3, (2, 9)), (26, (9, 2)), (4, (3, 5, 2)), (4, (5, 2, 3))]
)
def test_any_number_of_classes_and_any_shape(classes, shape):
    weight = RNG.normal(size=(int(np.prod(shape)), classes))
    figure = plots.weights(weight, shape=shape)
    limit = np.abs(weight).max()
    assert len(drawn(figure)) == classes
    for k, picture in enumerate(drawn(figure)):
        expected = weight[:, k].reshape(shape)
        if len(shape) == 3:
            expected = 0.5 + (np.moveaxis(expected, 0, 2) if shape[0] == 3 else expected) / (2 * limit)
        np.testing.assert_allclose(picture, expected)
    figure.draw_without_rendering()


def test_kernels_of_one_channel_of_three_and_of_many():
    grey, colour, many = (mn.Conv2d(channels, 4, (3, 5), rng=0) for channels in (1, 3, 2))
    for k, picture in enumerate(drawn(plots.weights(grey))):
        np.testing.assert_array_equal(picture, grey.weight.data[0, k])
    limit = np.abs(colour.weight.data).max()
    for k, picture in enumerate(drawn(plots.weights(colour))):
        np.testing.assert_allclose(picture, 0.5 + np.moveaxis(colour.weight.data[:, k], 0, 2) / (2 * limit), rtol=1e-6)
    figure = plots.weights(many)
    assert captions(figure) == ["0 → 0", "1 → 0", "0 → 1", "1 → 1", "0 → 2", "1 → 2", "0 → 3", "1 → 3"]
    np.testing.assert_array_equal(drawn(figure)[5], many.weight.data[1, 2])


def test_kernels_of_a_sequence_are_pictures_of_channels_and_time():
    layer = mn.Conv1d(5, 3, 7, rng=0)
    figure = plots.weights(layer)
    assert captions(figure) == ["0", "1", "2"]
    np.testing.assert_array_equal(drawn(figure)[1], layer.weight.data[:, 1])


def test_a_matrix_whose_inputs_are_no_picture_is_one():
    model = mn.Sequential(mn.Linear(13, 3, rng=0))
    model.class_names = ["setosa", "versicolor", "virginica"]
    figure = plots.weights(model)
    axes = figure.axes[0]
    np.testing.assert_array_equal(drawn(figure)[0], model.layers[0].weight.data)
    assert [label.get_text() for label in axes.get_xticklabels()] == model.class_names
    assert (axes.get_xlabel(), axes.get_ylabel(), figure.get_suptitle()) == ("output", "input", "W, 13 × 3")


def test_of_very_many_the_first_are_drawn():
    figure = plots.weights(mn.Linear(784, 1000, rng=0))
    assert len(drawn(figure)) == 100
    assert figure.get_suptitle() == "The columns of W: the first 100 of 1,000"


def test_nothing_learned_is_no_error():
    layer = mn.Linear(784, 10, rng=0)
    assert not np.any(drawn(plots.weights(layer, start=copy.deepcopy(layer))))


LAYER = mn.Linear(784, 10, rng=0)
FLAWED = [
    (lambda: plots.weights(LAYER, start=LAYER), r"same weight twice: pass a copy .*copy.deepcopy\(model\)"),
    (lambda: plots.weights(LAYER, start=np.zeros((10, 784))), r"start as \(784, 10\), got \(10, 784\)"),
    (lambda: plots.weights(np.ones(784)), r"expected floats \(I, O\) or \(I, O, H, W\), got float64 \(784,\)"),
    (lambda: plots.weights(np.ones((4, 4), int)), r"got int64 \(4, 4\): pass layer.weight.data"),
    (lambda: plots.weights(LAYER, shape=(7, 7)), r"784 numbers, which make no \(7, 7\)"),
    (lambda: plots.weights(LAYER, shape=(2, 14, 28)), r"shape with 1 or 3 channels, got \(2, 14, 28\)"),
    (lambda: plots.weights(np.full((784, 10), np.nan)), r"training diverged; lower the learning rate"),
    (lambda: plots.weights(mn.Sequential(mn.ReLU())), r"expected a layer with weights, got Sequential\(\)"),
    (lambda: plots.weights(LAYER, class_names=["cat"]), r"10 class_names, one a class, got 1"),
    (lambda: plots.weights(LAYER, most=0), r"most >= 1, got 0"),
]


@pytest.mark.parametrize(("draw", "message"), FLAWED, ids=[message[:30] for _, message in FLAWED])
def test_what_cannot_be_drawn_is_refused_with_the_cure(draw, message):
    with pytest.raises(ValueError, match=message) as caught:
        draw()
    assert str(caught.value).startswith("plots.weights")
