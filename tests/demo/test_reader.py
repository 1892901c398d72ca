"""A Reader's probabilities, reasons and steps are those of the formulas, whatever model it has."""

import sys
from threading import Thread

import numpy as np
import pytest
from hands import HANDS, strokes

import minnet as mn
from minnet.demo.drawing import picture
from minnet.demo.reader import RATE, Reader
from minnet.errors import NonFiniteError

SEVEN = picture(strokes("round", 7))
X = SEVEN / 256


def matrix(rng=0):
    return mn.Sequential(mn.Linear(784, 10, rng=rng), mn.Softmax())


def softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()


def test_it_reads_the_digits_of_three_hands(reader):
    read = [reader.read(picture(strokes(h, d))).probabilities.argmax() == d for h in HANDS for d in range(10)]
    assert np.mean(read) >= 0.9
    assert all(reader.read(picture(strokes(hand, 7))).probabilities.argmax() == 7 for hand in HANDS)


@pytest.mark.slow
def test_it_reads_them_after_training_on_real_mnist():
    from minnet.demo.training import find_digits, train

    digits = find_digits()
    if not digits.real:
        pytest.skip("MNIST is not on this disk")
    reader, accuracy = train(digits, progress=False)
    assert accuracy > 0.91
    read = [reader.read(picture(strokes(h, d))).probabilities.argmax() == d for h in HANDS for d in range(10)]
    assert np.mean(read) >= 0.9


def test_probabilities_and_what_pixels_speak():
    model = matrix()
    W, b, start = (
        model[0].weight.data.copy(),
        model[0].bias.data.copy(),
        np.random.default_rng(1).normal(size=(784, 10)),
    )
    found = Reader(model, start).read(SEVEN, 3)
    np.testing.assert_allclose(found.probabilities, softmax(X @ W + b), rtol=1e-5)
    np.testing.assert_allclose(found.speaks, X * (W - start)[:, 3], atol=1e-6)
    assert found.digit == 3
    best = Reader(matrix()).read(SEVEN)
    assert best.digit == best.probabilities.argmax()
    np.testing.assert_allclose(best.speaks, X * W[:, best.digit], atol=1e-6)
    assert np.isclose(best.speaks.sum() + b[best.digit], (X @ W + b)[best.digit], atol=1e-5)


def test_a_step_is_that_of_sgd():
    model = matrix()
    W, b = model[0].weight.data.copy(), model[0].bias.data.copy()
    reader = Reader(model)
    p = softmax(X @ W + b)
    reader.read(SEVEN, 2)  # whose slopes are no gradient of the loss
    step = reader.learn(SEVEN, 4)
    slope = p - np.eye(10)[4]
    np.testing.assert_allclose(step.changes["layers[0].weight"], -RATE * np.outer(X, slope), atol=1e-7)
    np.testing.assert_allclose(step.changes["layers[0].bias"], -RATE * slope, atol=1e-7)
    after = softmax(X @ (W - RATE * np.outer(X, slope)) + b - RATE * slope)
    np.testing.assert_allclose(step.before, p, rtol=1e-5)
    np.testing.assert_allclose(step.after, after, rtol=1e-4)
    np.testing.assert_allclose(step.losses, [-np.log(p[4]), -np.log(after[4])], rtol=1e-4)
    np.testing.assert_allclose(reader.read(SEVEN).probabilities, after, rtol=1e-4)
    assert reader.steps == 1


def test_forget_restores_every_bit():
    reader = Reader(matrix())
    first, state = reader.read(SEVEN).probabilities, reader.model.state_dict()
    for digit in (1, 2, 2):
        reader.learn(SEVEN, digit)
    assert not np.array_equal(reader.read(SEVEN).probabilities, first)
    reader.forget()
    assert reader.steps == 0
    assert np.array_equal(reader.read(SEVEN).probabilities, first)
    assert all(np.array_equal(state[path], array) for path, array in reader.model.state_dict().items())


MODELS = {
    "scores": lambda: mn.Sequential(mn.Linear(784, 10, rng=0)),
    "a layer alone": lambda: mn.Linear(784, 10, rng=0),
    "log-probabilities": lambda: mn.Sequential(mn.Linear(784, 10, rng=0), mn.LogSoftmax()),
    "dropout and batch norm": lambda: mn.Sequential(
        mn.Linear(784, 20, rng=0),
        mn.BatchNorm1d(20),
        mn.ReLU(),
        mn.Dropout(0.5),
        mn.Linear(20, 10, rng=1),
        mn.Softmax(),
    ),
    "images without a channel": lambda: mn.Sequential(mn.GRU(28, 16, rng=0), mn.Select(-1), mn.Linear(16, 10, rng=1)),
    "images": lambda: mn.Sequential(
        mn.Conv2d(1, 4, 5, rng=0), mn.ReLU(), mn.MaxPool2d(4), mn.Flatten(), mn.Linear(144, 10, rng=1), mn.Softmax()
    ),
    "float64": lambda: matrix().astype(np.float64),
}


@pytest.mark.parametrize("name", MODELS)
def test_any_model(name):
    """Probabilities do not depend on dropout or a batch; what pixels speak is the slope, and a step helps."""
    reader = Reader(MODELS[name]().eval())
    first, again = reader.read(SEVEN), reader.read(SEVEN)
    assert np.array_equal(first.probabilities, again.probabilities)
    assert first.probabilities.sum() == pytest.approx(1, abs=1e-5)
    step = reader.learn(SEVEN, 8)
    assert step.losses[1] < step.losses[0]
    assert step.after[8] > step.before[8]
    assert all(np.abs(change).max() > 0 for change in step.changes.values())
    reader.forget()
    assert np.array_equal(reader.read(SEVEN).probabilities, first.probabilities)


def test_slopes_beside_finite_differences():
    model = MODELS["dropout and batch norm"]().astype(np.float64)
    speaks = Reader(model, None).read(SEVEN, 2).speaks
    scores = model[:-1].eval()
    for pixel in np.flatnonzero(SEVEN)[::20]:
        step = np.zeros(784)
        step[pixel] = 1e-6
        slope = (scores.forward((X + step)[None]) - scores.forward((X - step)[None]))[0, 2] / 2e-6
        assert speaks[pixel] == pytest.approx(slope * X[pixel], abs=1e-6)


def test_frozen_parameters_stay(tmp_path):
    model = mn.Sequential(mn.Linear(784, 8, rng=0), mn.Linear(8, 10, rng=1))
    model[0].freeze()
    changes = Reader(model).learn(SEVEN, 1).changes
    assert not changes["layers[0].weight"].any()
    assert changes["layers[1].weight"].any()


@pytest.mark.parametrize(
    ("make", "matrix_path"),
    [
        (matrix, "layers[0].weight"),
        (lambda: mn.Sequential(mn.Flatten(), mn.Linear(784, 10)), "layers[1].weight"),
        (lambda: mn.Linear(784, 10), "weight"),
        (lambda: mn.Sequential(mn.Linear(784, 10), mn.Linear(10, 10)), None),
        (lambda: mn.Sequential(mn.Linear(784, 10), mn.ReLU()), None),
    ],
)
def test_which_models_are_one_matrix(make, matrix_path):
    assert Reader(make()).matrix == matrix_path


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: mn.Linear(784, 5), "10 outputs is needed: with inputs (784,), its output is (5,)"),
        (lambda: mn.Linear(100, 10), "expected 100 features"),
        (lambda: mn.Conv2d(1, 10, 3), "10 outputs is needed"),
        (lambda: mn.Linear(28, 10), "with inputs (784,), Linear(28, 10) expected 28 features"),
    ],
)
def test_a_model_of_other_inputs_or_outputs(make, words):
    with pytest.raises(ValueError, match="needed") as raised:
        Reader(make())
    assert words in str(raised.value)


def test_a_model_of_nan():
    model = mn.Linear(784, 10)
    model.weight.data[0] = np.nan
    with pytest.raises(ValueError, match="NaN or infinite"):
        Reader(model)


def test_a_step_that_diverges_changes_nothing():
    model = matrix()
    reader = Reader(model)
    reader._optimizer.lr = 1e38
    state = model.state_dict()
    with pytest.raises(NonFiniteError):
        reader.learn(SEVEN, 1)
    assert reader.steps == 0
    assert all(np.array_equal(state[path], array) for path, array in model.state_dict().items())


@pytest.fixture
def often():
    """Let Python change from thread to thread as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("often")
def test_threads_do_not_mix_their_answers():
    reader = Reader(mn.Sequential(mn.Linear(784, 20, rng=0), mn.Tanh(), mn.Linear(20, 10, rng=1)))
    pictures = [picture(strokes("round", digit)) for digit in range(4)]
    alone, wrong = [reader.read(p) for p in pictures], []

    def ask(i):
        for _ in range(50):
            found = reader.read(pictures[i])
            if not np.array_equal(found.speaks, alone[i].speaks):
                wrong.append(i)

    threads = [Thread(target=ask, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_the_scale_that_a_model_expects():
    model = matrix()
    model.input_scale = None
    np.testing.assert_allclose(
        Reader(model).read(SEVEN).probabilities, model.forward(SEVEN.astype(np.float32)[None])[0]
    )
