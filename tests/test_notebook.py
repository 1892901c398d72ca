"""The class notebook, through minnet's layers: its printed figures, and its own loops step by step.

The figures G1 to G6 need neither its data nor its random numbers: they follow from the ten printed
probabilities and from the first training digit's Σ pixel² = 5,940,005 (pixels are value/256).
"""

import numpy as np
import pytest

import minnet as mn

G1 = np.array(
    [1.11201478e-03, 2.32129668e-06, 3.47186834e-03, 3.64416088e-03, 9.89922844e-01]
    + [3.83462031e-04, 4.67890738e-09, 3.02581069e-04, 1.11720864e-07, 1.16063080e-03]
)
G2 = 7.8662699474374271
G3_5 = -9.99616538e-01
G4 = 0.0026163360947788227
Y = 5


@pytest.fixture
def first_sample():
    """Return a model in float64 and an x of the first digit's norm to which it gives the probabilities G1."""
    pixels = np.zeros(784)
    pixels[300:395] = [255] * 91 + [150, 15, 2, 1]
    assert (pixels**2).sum() == 5_940_005
    x = np.random.default_rng(0).permutation(pixels / 256)
    model = mn.Sequential(mn.Linear(784, 10, rng=0), mn.Softmax()).astype(np.float64)
    weight, bias = (p.data for p in model.parameters())
    weight += np.outer(x, np.log(G1) - (x @ weight + bias)) / (x @ x)
    return model, x


def test_one_sample_one_step(first_sample):
    model, x = first_sample
    loss, optimizer = mn.CrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1)
    weight, bias = model.parameters()

    pr = model.forward(x)
    assert pr.shape == (10,)  # G6
    assert (pr.shape, x.shape, weight.data.shape) == ((10,), (784,), (784, 10))
    np.testing.assert_allclose(pr, G1, rtol=2e-9)  # G1, all its digits
    assert pr.argmax() == 4  # G5, wrong
    assert loss.forward(pr, Y) == pytest.approx(G2, rel=1e-8)  # G2

    optimizer.zero_grad()
    model.backward(loss.backward())
    expected = G1.copy()
    expected[Y] = G3_5
    np.testing.assert_allclose(bias.grad, expected, rtol=1e-8)  # G3
    np.testing.assert_allclose(weight.grad, np.outer(x, expected), rtol=1e-8, atol=1e-16)

    optimizer.step()
    pr = model.forward(x)
    assert loss.forward(pr, Y) == pytest.approx(G4, rel=1e-7)  # G4
    assert pr.argmax() == Y  # G5, right


def test_other_scalings_would_not_give_the_printed_loss(first_sample):
    """With pixels of value/255 the loss after the step would be 0.00243428: the notebook's file has value/256."""
    model, x = first_sample
    model.layers[0].weight.data *= 255 / 256
    loss, optimizer = mn.CrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1)
    x = x * 256 / 255
    loss.forward(model.forward(x), Y)
    optimizer.zero_grad()
    model.backward(loss.backward())
    optimizer.step()
    assert loss.forward(model.forward(x), Y) == pytest.approx(0.00243428, rel=1e-5)


def test_number_of_parameters():
    model = mn.Linear(784, 10)
    assert sum(p.data.size for p in model.parameters()) == 7_850


SAMPLES = 600


@pytest.fixture
def problem():
    """Return data, first weights and bias as the notebook draws them, in float64."""
    rng = np.random.default_rng(1)
    X = rng.integers(0, 256, (SAMPLES, 784)) / 256 * (rng.random((SAMPLES, 784)) < 0.2)
    return X, rng.integers(0, 10, SAMPLES), rng.uniform(-1, 1, (784, 10)), rng.uniform(-1, 1, 10)


def start(W, b):
    model = mn.Sequential(mn.Linear(784, 10), mn.Softmax()).astype(np.float64)
    model.layers[0].weight.data[...] = W
    model.layers[0].bias.data[...] = b
    return model


def test_online_pass_step_by_step(problem):
    X, labels, W0, b0 = problem
    W, b, score = W0.copy(), b0.copy(), 0.0
    scores = []
    for i in range(500):  # the notebook's loop
        x, y = X[i % SAMPLES], labels[i % SAMPLES]
        Pr = np.exp(x @ W + b)
        Pr = Pr / Pr.sum()
        score *= 1 - 0.001
        if Pr.argmax() == y:
            score += 0.001
        scores.append(score)
        gradb = Pr.copy()
        gradb[y] -= 1
        gradW = x.reshape(784, 1) @ Pr.reshape(1, 10)
        gradW[:, y] -= x
        W -= 1e-2 * gradW
        b -= 1e-2 * gradb

    model = start(W0, b0)  # by the Trainer, a batch of one
    running = mn.callbacks.RunningScore(decay=0.999)
    trainer = mn.Trainer(model, mn.CrossEntropyLoss(), mn.SGD(model.parameters(), lr=1e-2))
    trainer.fit(mn.DataLoader(X, labels, batch_size=1), steps=500, every=1, callbacks=[running])
    assert np.abs(model.layers[0].weight.data - W).max() <= 1e-12
    assert np.abs(model.layers[0].bias.data - b).max() <= 1e-12
    np.testing.assert_allclose(trainer.history.column("running_accuracy"), scores, rtol=1e-12)

    model = start(W0, b0)  # by hand, on single 1-D samples
    loss, optimizer = mn.CrossEntropyLoss(), mn.SGD(model.parameters(), lr=1e-2)
    for i in range(500):
        optimizer.zero_grad()
        loss.forward(model.forward(X[i % SAMPLES]), labels[i % SAMPLES])
        model.backward(loss.backward())
        optimizer.step()
    assert np.abs(model.layers[0].weight.data - W).max() <= 1e-12


def test_mini_batches_step_by_step(problem):
    X, labels, W0, b0 = problem
    W, b = W0.copy(), b0.copy()
    indices = np.random.default_rng(3)
    for _ in range(500):  # the notebook's loop
        rndidx = indices.choice(SAMPLES, 128, replace=False)
        x, y = X[rndidx], labels[rndidx]
        Pr = np.exp(x @ W + b)
        Pr = Pr / Pr.sum(axis=1, keepdims=True)
        Pr_one_y = Pr - np.eye(10)[y]
        W -= 0.5 * (x.T @ Pr_one_y / 128)
        b -= 0.5 * Pr_one_y.mean(axis=0)

    for loss, last in [
        (mn.CrossEntropyLoss(), [mn.Softmax()]),
        (mn.NLLLoss(), [mn.LogSoftmax()]),
        (mn.SoftmaxCrossEntropyLoss(), []),
    ]:
        model = mn.Sequential(*start(W0, b0).layers[:1], *last)
        trainer = mn.Trainer(model, loss, mn.SGD(model.parameters(), lr=0.5))
        trainer.fit(mn.DataLoader(X, labels, batch_size=128, shuffle="resampled", rng=3), steps=500)
        assert np.abs(model.layers[0].weight.data - W).max() <= 1e-12
        assert np.abs(model.layers[0].bias.data - b).max() <= 1e-12


def test_a_batch_gradient_is_the_mean_of_its_samples_gradients(problem):
    X, labels, W0, b0 = problem
    loss = mn.CrossEntropyLoss()
    model = start(W0, b0)
    loss.forward(model.forward(X[:7]), labels[:7])
    model.backward(loss.backward())
    whole = model.layers[0].weight.grad.copy()
    model.layers[0].weight.grad[...] = 0
    for x, y in zip(X[:7], labels[:7], strict=True):
        loss.forward(model.forward(x), y)
        model.backward(loss.backward())
    np.testing.assert_allclose(model.layers[0].weight.grad / 7, whole, rtol=1e-10, atol=1e-15)
