"""A Buffer is an array of a layer: found, converted, copied and saved as a Parameter, and never learned."""

import copy
import operator
import pickle

import numpy as np
import pytest

import minnet as mn
from minnet import Buffer, Parameter

KINDS = [Buffer, Parameter]


class Centre(mn.Layer):
    """y = x − c, with Buffers wherever an attribute may have them."""

    def __init__(self):
        self.scale = Parameter([1.0, 1.0])
        self.centre = Buffer([1.0, 2.0])
        self.more = {"a": [Buffer([3.0]), Parameter([4.0])]}

    def forward(self, x):
        return x - self.centre.data

    def backward(self, dy):
        return dy


# -- the array


def test_holds_a_copy_of_the_values_and_no_gradient():
    values = np.ones((2, 3), np.float32, order="F")
    buffer = Buffer(values)
    assert buffer.data.flags.c_contiguous
    assert not np.shares_memory(buffer.data, values)
    assert not hasattr(buffer, "grad")
    assert not hasattr(buffer, "trainable")
    assert not isinstance(buffer, Parameter)


def test_is_written_in_place():
    buffer = Buffer([1.0, 2.0])
    data = buffer.data
    buffer.data += 1
    buffer.data = [5, 6]
    assert buffer.data is data
    assert data.tolist() == [5, 6]
    with pytest.raises(ValueError, match=r"this Buffer has shape \(2,\), the new values have \(3,\)"):
        buffer.data = [1, 2, 3]
    with pytest.raises(AttributeError):
        buffer.trainable = True


def test_is_float32_or_float64():
    assert Buffer([1, 2]).data.dtype == np.float32
    buffer = Buffer([1, 2], np.float64)
    buffer.astype(np.float32)
    assert buffer.data.dtype == np.float32
    for refused in (lambda: Buffer([1], np.int64), lambda: buffer.astype(np.float16)):
        with pytest.raises(TypeError, match="a Buffer is float32 or float64, not"):
            refused()


def test_repr():
    assert repr(Buffer(np.ones((2, 3)))) == "Buffer(shape=(2, 3), dtype=float32)"


@pytest.mark.parametrize("copied_by", [copy.deepcopy, lambda b: pickle.loads(pickle.dumps(b))])
def test_copies_are_equal_and_independent(copied_by):
    buffer = Buffer([0.1, 0.2], np.float64)
    first, second = copied_by([buffer, buffer])
    assert first is second
    assert type(first) is Buffer
    assert first.data.tobytes() == buffer.data.tobytes()
    first.data += 1
    assert buffer.data.tolist() == [0.1, 0.2]


# -- neither a Buffer nor a Parameter is an array

X = np.ones((2, 2), np.float32)

USES = {
    "x @ p": lambda p: X @ p,
    "p @ x": lambda p: p @ X,
    "x * p": lambda p: X * p,
    "p * 2": lambda p: p * 2,
    "2 / p": lambda p: 2 / p,
    "p ** 2": lambda p: p**2,
    "p += x": lambda p: operator.iadd(p, X),
    "x += p": lambda p: operator.iadd(X.copy(), p),
    "-p": operator.neg,
    "abs(p)": abs,
    "p < 0": lambda p: p < 0,
    "x > p": lambda p: operator.gt(X, p),
    "p[0]": lambda p: p[0],
    "p[0] = 1": lambda p: operator.setitem(p, 0, 1),
    "float(p)": float,
    "np.sum(p)": np.sum,
    "np.exp(p)": np.exp,
    "np.mean(p)": np.mean,
    "np.dot(x, p)": lambda p: np.dot(X, p),
    "np.add(x, p)": lambda p: np.add(X, p),
    "np.add.reduce(p)": np.add.reduce,
    "np.multiply(x, x, out=p)": lambda p: np.multiply(X, X, out=p),
    "np.asarray(p)": np.asarray,
    "np.array([p])": lambda p: np.array([p]),
    "np.concatenate([x, p])": lambda p: np.concatenate([X, p]),
    "np.shape(p)": np.shape,
    "np.where(x > 0, x, p)": lambda p: np.where(X > 0, X, p),
    "np.float32(p)": np.float32,
    "x[:] = p": lambda p: operator.setitem(X.copy(), slice(None), p),
    "q.data = p": lambda p: setattr(Parameter(X), "data", p),
    "Parameter(p)": Parameter,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_arithmetic_names_the_cure(kind, use):
    """Before, some of these were errors of NumPy that do not say what is wrong, and others made arrays of objects."""
    with pytest.raises(TypeError, match=f"a {kind.__name__} is not an array: use .data"):
        use(kind(X))


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_refuses_it_as_an_input(kind):
    with pytest.raises(TypeError, match=rf"ReLU\(\) expected a NumPy array, got {kind.__name__}: use .data"):
        mn.ReLU().forward(kind(X))


def test_comparing_which_one_it_is_still_works():
    p, q = Parameter([1.0]), Parameter([1.0])
    assert p == p
    assert p != q
    assert p in [q, p]
    assert len({p, q}) == 2


# -- in a layer


def test_a_layer_finds_its_buffers_and_its_parameters_apart():
    layer = Centre()
    names = ["scale", "centre", "more['a'][0]", "more['a'][1]"]
    assert [name for name, _ in layer.named_arrays()] == names
    assert [name for name, _ in layer.named_buffers()] == [names[1], names[2]]
    assert [name for name, _ in layer.named_parameters()] == [names[0], names[3]]
    assert layer.parameters() == [layer.scale, layer.more["a"][1]]


def test_a_shared_buffer_is_listed_once():
    first, second = Centre(), Centre()
    second.centre = first.centre
    model = mn.Sequential(first, second)
    assert [name for name, b in model.named_buffers() if b is first.centre] == ["layers[0].centre"]


def test_astype_and_copies_include_buffers():
    layer = Centre()
    layer.astype(np.float64)
    assert {array.data.dtype for _, array in layer.named_arrays()} == {np.dtype(np.float64)}
    copied = copy.deepcopy(layer)
    copied.centre.data += 1
    assert layer.centre.data.tolist() == [1, 2]
    assert mn.Sequential(mn.BatchNorm1d(2, affine=False)).dtype == np.float32


def test_no_switch_makes_a_running_statistic_learnable():
    """`for p in model.parameters(): p.trainable = True`, with weight decay, shrank the statistics: 0.64 for 0.997."""
    random = np.random.default_rng(0)
    X = random.normal(50, 3, (300, 4)).astype(np.float32)
    y = (X[:, 0] > 50).astype(int)
    model = mn.Sequential(mn.BatchNorm1d(4), mn.Linear(4, 2, rng=0))
    for parameter in model.parameters():
        parameter.trainable = True
    optimizer = mn.SGD(model.parameters(), lr=0.1, weight_decay=0.1)
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), optimizer)
    trainer.fit(mn.DataLoader(X, y, 10, shuffle=True, rng=0), epochs=10, progress=False)
    assert len(optimizer.parameters) == 4
    np.testing.assert_allclose(model.layers[0].running_mean.data, X.mean(axis=0), rtol=0.02)
    assert model.layers[0].num_batches_tracked.data == 300
    assert trainer.evaluate((X, y))["accuracy"] > 0.95


def test_an_optimizer_refuses_a_buffer():
    for given in ([Buffer([1.0])], [{"params": Buffer([1.0])}]):
        with pytest.raises(TypeError, match=r"SGD expected Parameters, got a Buffer, which is not learned: pass m"):
            mn.SGD(given, lr=0.1)


@pytest.mark.parametrize("kind", [mn.Buffer, mn.Parameter])
def test_an_attribute_of_arrays_names_the_array(kind):
    array = kind(np.ones((2, 3)))
    with pytest.raises(AttributeError, match=f"^a {kind.__name__} is not an array: use .data.T$"):
        array.T  # noqa: B018
    with pytest.raises(AttributeError, match="has no attribute 'weight'"):
        array.weight  # noqa: B018
    assert not hasattr(array, "shape")
