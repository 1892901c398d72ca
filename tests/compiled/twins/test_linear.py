import numpy as np
import pytest

import minnet as mn

module = pytest.importorskip("minnet.compiled.twins.linear", exc_type=ImportError)
SHAPES = [(3000, 20, 7), (64, 30, 300), (128, 1, 128), (16384, 5, 1)]


def layers(i, o, bias=True):
    """Return a layer, and the same in float64."""
    twin, exact = (mn.Linear(i, o, bias=bias, rng=0) for _ in range(2))
    return twin, exact.astype(np.float64)


def arrays(n, i, o):
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, i), np.float32), rng.standard_normal((n, o), np.float32)


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * max(1.0, np.abs(b).max()))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_all_is_that_of_float64(shape, bias):
    twin, exact = layers(*shape[1:], bias)
    x, dy = arrays(*shape)
    close(module.forward(twin, x), exact.forward(x.astype(np.float64)))
    for _ in range(2):  # the second gradients are added to the first
        close(module.backward(twin, dy), exact.backward(dy.astype(np.float64)))
        for p, q in zip(twin.parameters(), exact.parameters(), strict=True):
            close(p.read_grad(), q.read_grad())
    for layer in (twin, exact):
        for p in layer.parameters():
            p.zero_grad()
    assert module.accumulate_grad(twin, dy) is None
    exact.accumulate_grad(dy.astype(np.float64))
    for p, q in zip(twin.parameters(), exact.parameters(), strict=True):
        close(p.grad, q.grad)


def test_leading_axes_are_the_batch():
    twin, exact = layers(6, 8)
    x, dy = arrays(30 * 100, 6, 8)
    x, dy = x.reshape(30, 100, 6), dy.reshape(30, 100, 8)
    y = module.forward(twin, x)
    assert y.shape == dy.shape
    close(y, exact.forward(x.astype(np.float64)))
    close(module.backward(twin, dy), exact.backward(dy.astype(np.float64)))


def test_a_bias_of_very_many_rows_is_precise():
    """In float32, row by row, a sum of a million equal numbers has one or two correct digits."""
    twin, _ = layers(1, 2)
    n = 1_000_000
    twin.forward(np.ones((n, 1), np.float32))
    module.accumulate_grad(twin, np.full((n, 2), 0.1, np.float32))
    assert twin.bias.grad == pytest.approx([n * np.float32(0.1)] * 2, rel=3e-5)


def transposed(x):
    return np.asfortranarray(x)


@pytest.mark.parametrize("change", [transposed, lambda x: np.repeat(x, 2, axis=1)[:, ::2], lambda x: x[:40]])
def test_what_the_kernels_are_not_for_is_left_to_the_formula(change, monkeypatch):
    """Columns in memory, numbers with gaps between them, and few numbers."""
    x, dy = map(change, arrays(3000, 20, 7))
    plain, _ = layers(20, 7)
    expected = plain.forward(x), plain.backward(dy)
    for name in ("forward_rows", "backward_rows"):
        monkeypatch.setattr(module, name, None)
    twin, _ = layers(20, 7)
    for result, other in zip((module.forward(twin, x), module.backward(twin, dy)), expected, strict=True):
        np.testing.assert_array_equal(result, other)
    np.testing.assert_array_equal(twin.weight.grad, plain.weight.grad)


@pytest.mark.parametrize("shape", [(3000, 8), (2999, 7), (3001, 7), (21000,)])
def test_gradients_of_another_shape_are_refused(shape):
    """A kernel would read what lies beside them in memory."""
    twin, _ = layers(20, 7)
    module.forward(twin, arrays(3000, 20, 7)[0])
    with pytest.raises(ValueError, match="shape"):
        module.backward(twin, np.ones(shape, np.float32))


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_numbers_that_are_not_finite_stay(number):
    twin, _ = layers(20, 7)
    x, dy = arrays(3000, 20, 7)
    x[5, 6] = dy[8, 3] = number
    assert not np.isfinite(module.forward(twin, x)[5]).any()
    assert np.isfinite(module.forward(twin, x)[6]).all()
    dx = module.backward(twin, dy)
    assert not np.isfinite(dx[8]).any()
    assert not np.isfinite(twin.weight.grad[6]).any()
    assert np.isfinite(twin.bias.grad).tolist() == [o != 3 for o in range(7)]


def test_a_trainer_uses_it(monkeypatch):
    called = []
    kernel = module.backward_rows
    monkeypatch.setattr(module, "backward_rows", lambda *arguments: called.append(1) or kernel(*arguments))
    model = mn.Sequential(mn.Linear(20, 300, rng=0), mn.GELU(), mn.Linear(300, 7, rng=1))
    X, y = arrays(128, 20, 7)[0], np.arange(128) % 7
    optimizer = mn.SGD(model.parameters(), lr=0.1)
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), optimizer, compiled=True)
    trainer.fit(mn.DataLoader(X, y, 128), epochs=1, progress=False)
    assert called == [1]
