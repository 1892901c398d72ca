"""Every layer, loss and container keeps the promises of docs/design.md. A new one is one more line below."""

import pickle
import threading

import numpy as np
import pytest

import minnet as mn
from minnet.gradcheck import check_layer

random = np.random.default_rng(7)
X = random.normal(size=(4, 3))
IMAGES = random.normal(size=(4, 2, 3))
ODD = np.zeros((2, 1))
P = mn.Softmax().forward(X)
LABELS = np.array([0, 2, 1, 2])

LAYERS = [
    (mn.Linear(3, 2, rng=0), X),
    (mn.Linear(3, 2, bias=False, rng=0), X),
    (mn.Linear(1, 1, rng=0), ODD),
    (mn.ReLU(), X),
    (mn.Sigmoid(), X),
    (mn.Tanh(), X),
    (mn.Softmax(), X),
    (mn.Softmax(), ODD),
    (mn.LogSoftmax(), X),
    (mn.Flatten(), IMAGES),
    (mn.Dropout(0.4, rng=0), X),
    (mn.Sequential(mn.Linear(3, 5, rng=0), mn.Tanh(), mn.Dropout(0.5, rng=1), mn.Linear(5, 2, rng=2)), X),
    (mn.Sequential(mn.Flatten(), mn.Linear(6, 3, rng=0), mn.Softmax()), IMAGES),
    (mn.Residual(mn.Linear(3, 3, rng=0), mn.ReLU()), X),
    (mn.Residual(mn.Residual(mn.Tanh()), mn.Linear(3, 3, rng=0)), X),
]
LOSSES = [
    (mn.CrossEntropyLoss(), P, LABELS),
    (mn.NLLLoss(), np.log(P), LABELS),
    (mn.SoftmaxCrossEntropyLoss(), X, LABELS),
    (mn.MSELoss(), X, P),
]
# What works on single numbers, or on rows: any number of leading axes goes, none included.
ROWWISE = [(layer, x) for layer, x in LAYERS if not any(isinstance(k, mn.Flatten) for _, k in layer.named_layers())]


def name(value):
    return value.describe() if isinstance(value, mn.Layer) else "x".join(map(str, np.shape(value)))


def all_classes(base):
    return {base} | {c for child in base.__subclasses__() for c in all_classes(child)}


def test_nothing_is_missing_from_the_lists():
    ours = {c for c in all_classes(mn.Layer) if c.__module__.startswith("minnet.")} - {mn.Layer, mn.Loss}
    assert {type(layer) for layer, *_ in LAYERS + LOSSES} >= ours


@pytest.mark.parametrize("case", LAYERS + LOSSES, ids=lambda case: f"{name(case[0])}-{name(case[1])}")
def test_gradients_and_promises(case):
    assert "every promise kept" in check_layer(*case)


@pytest.mark.parametrize(("layer", "x"), ROWWISE, ids=name)
@pytest.mark.parametrize("leading", [(), (1,), (2,), (2, 3), (2, 1, 3), (0, 2)])
def test_any_leading_axes(layer, x, leading):
    x = np.random.default_rng(1).normal(size=(*leading, x.shape[-1]))
    layer = pickle.loads(pickle.dumps(layer)).astype(np.float64).eval()
    rows = layer.forward(x.reshape(-1, x.shape[-1]))
    y = layer.forward(x)
    assert y.shape[:-1] == leading
    np.testing.assert_allclose(y.reshape(rows.shape), rows, rtol=1e-12)
    layer.train()
    dy = np.ones_like(layer.forward(x))
    assert layer.backward(dy).shape == x.shape


@pytest.mark.parametrize("leading", [(), (1,), (2, 3), (0,), (0, 2)])
@pytest.mark.parametrize("loss", [mn.CrossEntropyLoss(), mn.NLLLoss(), mn.SoftmaxCrossEntropyLoss()], ids=name)
def test_losses_take_any_leading_axes(loss, leading):
    generator = np.random.default_rng(2)
    scores = generator.normal(size=(*leading, 3))
    prediction = {mn.CrossEntropyLoss: mn.Softmax(), mn.NLLLoss: mn.LogSoftmax()}.get(type(loss), mn.Flatten)
    prediction = prediction.forward(scores) if isinstance(prediction, mn.Layer) else scores
    labels = generator.integers(0, 3, leading)
    value = loss.forward(prediction, labels)
    gradient = loss.backward()
    assert isinstance(value, float)
    assert gradient.shape == prediction.shape
    assert np.isfinite(gradient).all()
    if 0 in leading:
        assert value == 0.0
    else:
        rows = loss.forward(prediction.reshape(-1, 3), labels.reshape(-1))
        assert value == pytest.approx(rows, rel=1e-13)


@pytest.mark.parametrize(("layer", "x"), LAYERS, ids=name)
@pytest.mark.parametrize("bad", [np.int64, np.uint8, np.float16, np.complex128, np.str_, bool])
def test_other_dtypes_are_refused_with_the_cure(layer, x, bad):
    with pytest.raises(TypeError, match=r"(?m)float32.* got .*: pass x\.astype\(np\.float32\)$"):
        layer.forward(np.ones(x.shape).astype(bad))


@pytest.mark.parametrize(("layer", "x"), LAYERS, ids=name)
def test_a_list_is_refused_with_the_cure(layer, x):
    with pytest.raises(TypeError, match=r"expected a NumPy array, got list: pass np\.asarray"):
        layer.forward(x.tolist())


@pytest.mark.parametrize(("layer", "x"), LAYERS, ids=name)
@pytest.mark.parametrize("wrong", ["one more column", "one more row", "an axis less", "dtype", "list", "None"])
def test_a_wrong_gradient_is_refused_before_anything_changed(layer, x, wrong):
    layer = pickle.loads(pickle.dumps(layer)).astype(np.float64).train()
    dy = np.ones_like(layer.forward(x))
    rows, columns = dy.shape
    bad = {
        "one more column": np.ones((rows, columns + 1)),
        "one more row": np.ones((rows + 1, columns)),
        "an axis less": dy[0, 0, None][0],
        "dtype": dy.astype(np.int64),
        "list": dy.tolist(),
        "None": None,
    }[wrong]
    for parameter in layer.parameters():
        parameter.grad[...] = 7
    for backward in (layer.backward, layer.accumulate_grad):
        with pytest.raises((ValueError, TypeError), match="expected"):
            backward(bad)
    assert all((parameter.grad == 7).all() for parameter in layer.parameters())


@pytest.mark.parametrize("case", LAYERS + LOSSES, ids=lambda case: name(case[0]))
def test_backward_before_forward_says_so(case):
    layer = pickle.loads(pickle.dumps(case[0]))
    arguments = [] if isinstance(layer, mn.Loss) else [np.ones((4, 3))]
    with pytest.raises(RuntimeError, match=r"backward\(\) before forward\(\): call forward first"):
        layer.backward(*arguments)
    layer.eval().forward(*[x.astype(np.float32) if x.dtype == np.float64 else x for x in case[1:]])
    with pytest.raises(RuntimeError, match=r"in eval mode nothing is kept\. Before backward\(\), call train\(\)"):
        layer.backward(*arguments)


@pytest.mark.parametrize(("layer", "x"), LAYERS, ids=name)
def test_threads_may_share_a_layer_in_eval_mode(layer, x):
    layer = pickle.loads(pickle.dumps(layer)).astype(np.float64).eval()
    inputs = [x * factor for factor in (1.0, 2.0, -1.0, 0.5)]
    expected = [layer.forward(x) for x in inputs]
    wrong = []

    def work(i):
        for _ in range(50):
            if not np.array_equal(layer.forward(inputs[i]), expected[i]):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(inputs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("case", LAYERS + LOSSES, ids=lambda case: name(case[0]))
def test_each_describes_itself_in_one_line(case):
    assert case[0].describe().startswith(type(case[0]).__name__ + "(")
    assert "\n" not in case[0].describe()
