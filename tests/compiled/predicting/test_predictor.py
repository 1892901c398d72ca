"""A Predictor returns what its model's forward returns, for any model, and refuses what that refuses."""

import copy
import pickle
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import minnet as mn
from minnet.errors import MissingExtraError

pytestmark = pytest.mark.slow

NETWORKS = {
    "one matrix": lambda: [mn.Linear(12, 5, rng=0)],
    "softmax": lambda: [mn.Linear(12, 5, rng=0), mn.Softmax()],
    "without bias": lambda: [mn.Linear(12, 5, bias=False, rng=0), mn.Softmax()],
    "one output": lambda: [mn.Linear(12, 1, rng=0), mn.Sigmoid()],
    "deep": lambda: [
        *(mn.Linear(12, 40, rng=0), mn.ReLU(), mn.Linear(40, 33, rng=1), mn.Tanh()),
        *(mn.Linear(33, 7, rng=2), mn.Linear(7, 9, rng=3), mn.Sigmoid(), mn.Softmax()),
    ],
    "flat": lambda: [mn.Flatten(), mn.Linear(12, 8, rng=0), mn.ReLU(), mn.Linear(8, 5, rng=1), mn.Softmax()],
}
TOLERANCE = {np.float32: 1e-6, np.float64: 1e-14}


def network(name, dtype=np.float32):
    return mn.Sequential(*NETWORKS[name]()).astype(dtype).eval()


def samples(shape, dtype=np.float32):
    return np.random.default_rng(0).normal(size=shape).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(12,), (1, 12), (4, 12), (7, 12), (2, 3, 12), (0, 12), (2, 0, 12)])
@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "flat"])
def test_answers_are_those_of_the_model(name, shape, dtype):
    model, x = network(name, dtype), samples(shape, dtype)
    y = mn.Predictor(model)(x)
    expected = model.forward(x)
    assert (y.shape, y.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(y, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize("shape", [(12,), (1, 12), (3, 2, 2, 3), (0, 3, 4)])
def test_images_are_laid_flat(shape):
    model, x = network("flat"), samples(shape)
    y = mn.Predictor(model)(x)
    assert y.shape == model.forward(x).shape
    np.testing.assert_allclose(y, model.forward(x), rtol=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, -1e30])
@pytest.mark.parametrize("name", ["one matrix", "softmax", "one output"])
def test_numbers_that_are_large_or_none(name, value):
    model, x = network(name), samples((3, 12))
    x[1, 4] = value
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(mn.Predictor(model)(x), model.forward(x), rtol=1e-5)


def test_no_probability_is_zero():
    model = network("softmax")
    model.layers[0].weight.data *= 1000
    x = samples((5, 12))
    assert mn.Predictor(model)(x).min() == model.forward(x).min() == np.finfo(np.float32).tiny


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x[::2],
        lambda x: x.T.copy().T,
        lambda x: np.frombuffer(x.tobytes(), x.dtype).reshape(x.shape),
        lambda x: np.broadcast_to(x[0], (4, 12)),
    ],
    ids=["every other row", "Fortran order", "read-only", "broadcast"],
)
def test_arrays_of_any_kind_take_the_code_that_is_there(make):
    from minnet.compiled.foundation import kernels

    model = network("deep")
    predict, x = mn.Predictor(model), make(samples((6, 12)))
    before, compiled = x.copy(), len(kernels.predict.signatures)
    np.testing.assert_allclose(predict(x), model.forward(x), rtol=1e-5)
    assert np.array_equal(x, before)
    assert len(kernels.predict.signatures) == compiled


def test_answers_are_the_callers_own():
    predict, x = mn.Predictor(network("deep")), samples(12)
    first = predict(x)
    before = first.copy()
    second = predict(x + 1)
    assert not np.shares_memory(first, second)
    assert np.array_equal(first, before)


def test_it_keeps_the_weights_of_the_moment_it_was_made():
    model, x = network("softmax"), samples(12)
    predict = mn.Predictor(model)
    before = predict(x)
    model.layers[0].weight.data *= 2
    assert np.array_equal(predict(x), before)
    np.testing.assert_allclose(mn.Predictor(model)(x), model.forward(x), rtol=1e-6)


def test_threads_may_share_one():
    predict, x = mn.Predictor(network("deep")), samples((200, 12))
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(predict, x))
    assert np.array_equal(answers, [predict(row) for row in x])


@pytest.mark.parametrize("twin", [copy.copy, copy.deepcopy, lambda predict: pickle.loads(pickle.dumps(predict))])
def test_copies(twin):
    predict, x = mn.Predictor(network("deep")), samples(12)
    assert np.array_equal(twin(predict)(x), predict(x))


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (np.zeros(11, np.float32), ValueError, r"Linear\(12, 5\) expected 12 features in the last axis.*\(11,\)"),
        (np.zeros((12, 1), np.float32), ValueError, r"got shape \(12, 1\)"),
        (np.zeros((5, 3, 4), np.float32), ValueError, r"got shape \(5, 3, 4\): .* x.reshape\(len\(x\), -1\)"),
        (np.zeros(12), TypeError, "float64"),
        (np.zeros(12, ">f4"), TypeError, "float32"),
        (np.zeros(12, np.int64), TypeError, "int64"),
        ([0.0] * 12, TypeError, "list"),
        (np.float32(1), TypeError, "float32"),
        (np.zeros((), np.float32), ValueError, "single number"),
    ],
)
def test_samples_that_do_not_fit(x, error, message):
    predict = mn.Predictor(network("softmax"))
    for _ in range(2):  # before and after it knows samples that fit
        with pytest.raises(error, match=message) as caught:
            predict(x)
        assert caught.value.__notes__[0].startswith("in Sequential.layers[0] = Linear(12, 5), input")
        predict(np.zeros(12, np.float32))


COPIED = """
import pickle, sys
import numpy as np
from minnet.compiled.foundation import kernels
predict = pickle.load(sys.stdin.buffer)
predict(np.zeros(12, np.float32))
print(sum(kernels.predict.stats.cache_misses.values()))
"""


def test_a_copy_in_another_process_compiles_nothing():
    given = pickle.dumps(mn.Predictor(network("deep")))
    done = subprocess.run([sys.executable, "-c", COPIED], input=given, capture_output=True, check=True)
    assert done.stdout.split() == [b"0"]


class Doubled(mn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


class OfTwo(mn.Layer):
    """A layer of two inputs, with a chain in an attribute."""

    def __init__(self):
        self.body = mn.Sequential(mn.Linear(3, 4, rng=0), mn.ReLU())

    def forward(self, a, b):
        return self.body.forward(a) * self.body.forward(b)


def patched():
    model = mn.Sequential(mn.Linear(3, 4, rng=0), mn.ReLU())
    model.layers[1].forward = np.negative
    return model


def images(*shape):
    return [samples(shape), samples((1, *shape[1:]))]


def convolutions():
    conv, norm = mn.Conv2d(2, 3, 3, padding=1, rng=0), mn.BatchNorm2d(3)
    norm.running_mean.data, norm.running_var.data = np.arange(3), np.arange(1, 4)
    body = mn.Residual(mn.Conv2d(3, 3, 3, padding=1, rng=1), mn.ReLU())
    return mn.Sequential(conv, norm, mn.ReLU(), mn.MaxPool2d(2), body, mn.Flatten(), mn.Linear(27, 2, rng=2))


def graph():
    return mn.Graph(
        *({"conv": mn.Conv2d(2, 3, 3, padding=1, rng=0), "norm": mn.BatchNorm2d(3), "sum": mn.Sum()},),
        wires={"sum": ("norm", "conv")},
    )


MODELS = {  # any model, and what it is given
    "convolutions": (convolutions, images(4, 2, 6, 6)),
    "a graph": (graph, images(4, 2, 6, 6)),
    "branches": (lambda: mn.Concat(mn.Conv2d(2, 3, 1, rng=0), mn.Identity(), axis=1), images(4, 2, 6, 6)),
    "transformer": (
        lambda: mn.Sequential(mn.TransformerBlock(8, 2, 16, dropout=0.5, rng=0), mn.PoolTime()), images(4, 5, 8)
    ),
    "attention": (lambda: mn.MultiHeadAttention(8, 2, rng=0), images(4, 5, 8)),
    "lstm": (lambda: mn.LSTM(8, 3, rng=0), images(4, 5, 8)),
    "lstms": (lambda: mn.Sequential(mn.LSTM(8, 3, 2, rng=0), mn.Select(-1), mn.Dropout(0.5)), images(4, 5, 8)),
    "indices": (lambda: mn.Sequential(mn.Embedding(9, 3, rng=0), mn.GRU(3, 4, rng=0)), [np.array([[1, 8], [0, 2]])]),
    "one layer": (lambda: mn.Linear(8, 3, rng=0), images(4, 8)),
    "no weights": (lambda: mn.Sequential(mn.ReLU(), mn.MaxPool2d(2)), images(4, 2, 6, 6)),
    "heads": (lambda: mn.Heads(a=mn.Linear(8, 3, rng=0), b=mn.Linear(8, 2, rng=0)), images(4, 8)),
    "a subclass": (lambda: mn.Sequential(Doubled(8, 3, rng=0), mn.ReLU()), images(4, 8)),
    "a patched method": (patched, images(4, 3)),
}  # fmt: skip


def assert_same(y, expected):
    if isinstance(expected, dict | tuple):
        keys = expected if isinstance(expected, dict) else range(len(expected))
        assert type(y) is type(expected)
        assert len(y) == len(expected)
        for key in keys:
            assert_same(y[key], expected[key])
        return
    assert (y.shape, y.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_any_model(name):
    make, inputs = MODELS[name]
    model = make()
    predict = mn.Predictor(model)
    assert model.training  # only the copy is in eval mode
    again = pickle.loads(pickle.dumps(predict))
    model.eval()
    for x in inputs:
        first = predict(x)
        assert_same(first, model.forward(x))
        np.testing.assert_equal(predict(x), first)  # to the last digit, though it knows the shape now
        assert_same(again(x), model.forward(x))
        assert_same(copy.deepcopy(predict)(x), model.forward(x))


def test_float64_models():
    model, x = convolutions().astype(np.float64).eval(), samples((1, 2, 6, 6), np.float64)
    predict = mn.Predictor(model)
    for _ in range(2):
        np.testing.assert_allclose(predict(x), model.forward(x), rtol=1e-12)


def test_several_inputs():
    model = OfTwo().eval()
    a, b = samples((4, 3)), samples((4, 3)) + 1
    predict, expected = mn.Predictor(model), model.forward(a, b)
    for y in (predict(a, b), predict((a, b)), predict({"a": a, "b": b}), predict(a, b=b)):
        np.testing.assert_allclose(y, expected, rtol=1e-5)
    numbers = np.arange(12, dtype=np.uint8).reshape(4, 3)
    np.testing.assert_allclose(predict(numbers, b=numbers), model.forward(*[numbers / np.float32(256)] * 2), rtol=1e-5)


def test_masks():
    model = mn.Sequential(mn.LSTM(3, 4, rng=0), mn.PoolTime("last"), mn.Linear(4, 2, rng=0)).eval()
    x, mask = samples((2, 5, 3)), np.arange(5) < np.array([[5], [2]])
    predict = mn.Predictor(model)
    np.testing.assert_allclose(predict(x, mask), model.forward(x, mask), rtol=1e-5)
    np.testing.assert_allclose(predict(x, mask=mask), model.forward(x, mask), rtol=1e-5)
    np.testing.assert_allclose(predict(x[1:, :2]), model.forward(x, mask)[1:], rtol=1e-5)


def test_it_goes_on_while_other_models_are_trained():
    model, x = convolutions().eval(), samples((1, 2, 6, 6))
    predict, expected = mn.Predictor(model), model.forward(x)
    for switch in (mn.Linear(2, 2).train, mn.Linear(2, 2).eval):
        switch()  # which makes all models look at their layers again
        np.testing.assert_allclose(predict(x), expected, rtol=1e-4, atol=1e-5)


def test_it_says_what_it_is_and_what_the_outputs_are():
    model = network("one matrix")
    model.class_names = list("abcde")
    predict = mn.Predictor(model)
    assert predict.class_names == list("abcde")
    assert repr(predict) == f"Predictor({model!r})"


@pytest.mark.parametrize("name", ["weight", "bias"])
def test_parameters_of_two_dtypes_are_computed_as_in_forward(name):
    model, x = network("deep"), samples((4, 12))
    getattr(model.layers[2], name).astype(np.float64)
    try:
        expected = model.forward(x)
    except TypeError as error:
        with pytest.raises(TypeError, match=re.escape(str(error))):
            mn.Predictor(model)(x)
    else:
        np.testing.assert_allclose(mn.Predictor(model)(x), expected, rtol=1e-5)


@pytest.mark.parametrize(("model", "got"), [(None, "NoneType"), (mn.Sequential, "the class Sequential: make one")])
def test_what_is_not_a_model(model, got):
    with pytest.raises(TypeError, match=got):
        mn.Predictor(model)


def test_without_the_extra_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(MissingExtraError, match="pip install numba"):
        mn.Predictor(network("softmax"))


BYTES = np.random.default_rng(0).integers(0, 256, (20, 12), np.uint8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1 / 256, 1 / 255, 1.0])
def test_bytes_are_multiplied_by_what_the_model_expects(scale, dtype):
    model = network("deep", dtype)
    model.input_scale = scale
    trainer = mn.Trainer(model, mn.MSELoss(), mn.SGD(model.parameters(), 0.1))
    predict = mn.Predictor(model)
    np.testing.assert_allclose(predict(BYTES), trainer.predict(BYTES), rtol=1e-5)
    np.testing.assert_array_equal(predict(BYTES[3]), predict(BYTES)[3])
    model.input_scale = 7.0
    np.testing.assert_allclose(predict(BYTES), predict((BYTES * np.float32(scale)).astype(dtype)), rtol=1e-6)


def test_bytes_of_a_model_that_leaves_them_are_refused():
    model = network("one matrix")
    model.input_scale = None
    with pytest.raises(TypeError, match="uint8"):
        mn.Predictor(model)(BYTES)


def test_the_scale_after_fit_is_that_of_the_loader():
    model = network("one matrix")
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), 1e-4))
    trainer.fit(mn.DataLoader(BYTES, np.arange(20) % 5, 5, scale=1.0), epochs=1)
    np.testing.assert_allclose(mn.Predictor(model)(BYTES), model.forward(BYTES.astype(np.float32)), rtol=1e-5)


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "flat"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_normalizing_layer_in_front(name, dtype):
    X = samples((30, 12), dtype) * 3 + 5
    model = mn.Sequential(mn.Normalize.of(X), *NETWORKS[name]()).astype(dtype).eval()
    predict = mn.Predictor(model)
    expected = model.forward(X)
    np.testing.assert_allclose(predict(X), expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
    np.testing.assert_allclose(predict(X[2]), expected[2], rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(predict))(X), predict(X))
    model.layers[0].mean.data += 1  # the Predictor keeps what it was made with
    np.testing.assert_allclose(predict(X), expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


def test_normalized_images_of_bytes():
    images = np.random.default_rng(1).integers(0, 256, (50, 3, 2, 2), np.uint8)
    model = mn.Sequential(mn.Normalize.of(images), *NETWORKS["flat"]()).eval()
    trainer = mn.Trainer(model, mn.MSELoss(), mn.SGD(model.parameters(), 0.1))
    np.testing.assert_allclose(mn.Predictor(model)(images), trainer.predict(images), rtol=1e-5)
