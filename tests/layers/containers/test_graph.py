"""A Graph is a network that is no chain: its wires, its gradients, and its use as a list of layers."""

import copy
import pickle

import numpy as np
import pytest

import minnet as mn
from minnet.inspection.gradcheck import check_layer

X = np.random.default_rng(0).normal(size=(4, 3))


def residual(**options):
    return mn.Graph(
        first=mn.Linear(3, 4, rng=0), tanh=mn.Tanh(), second=mn.Linear(4, 4, rng=1), sum=mn.Sum(),
        wires={"sum": ("second", "first")}, **options,
    )  # fmt: skip


def test_it_computes_what_its_wires_say():
    model = residual()
    h = model["first"].forward(X.astype(np.float32))
    expected = model["second"].forward(np.tanh(h)) + h
    assert np.array_equal(model.forward(X.astype(np.float32)), expected)
    assert check_layer(model, X)


def test_it_is_the_same_as_containers():
    model = residual().astype(np.float64)
    other = mn.Sequential(
        copy.deepcopy(model["first"]), mn.Add(mn.Sequential(mn.Tanh(), copy.deepcopy(model["second"])), mn.Identity())
    )
    y, dy = model.forward(X), np.random.default_rng(1).normal(size=(4, 4))
    np.testing.assert_allclose(y, other.forward(X), rtol=1e-14)
    np.testing.assert_allclose(model.backward(dy), other.backward(dy), rtol=1e-13)
    for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
        np.testing.assert_allclose(mine.grad, theirs.grad, rtol=1e-13)


def test_several_inputs_and_outputs():
    model = mn.Graph(
        inputs=("a", "b"),
        wires={"product": ("a", "b"), "head": "product", "other": "product"},
        outputs=("head", "other"),
        product=mn.Multiply(), head=mn.Linear(3, 2, rng=0), other=mn.Tanh(),
    )  # fmt: skip
    x = X.astype(np.float32)
    y = model.forward(x, x)
    assert [part.shape for part in y] == [(4, 2), (4, 3)]
    for one, two in zip(model.forward(b=x, a=x), y, strict=True):
        assert np.array_equal(one, two)
    model.forward(x, x)
    da, db = model.backward((np.ones_like(y[0]), np.ones_like(y[1])))
    np.testing.assert_allclose(da, db)
    gradients = [parameter.grad.copy() for parameter in model.parameters()]
    model.forward(b=x, a=2 * x)
    named = model.backward((None, np.ones_like(y[1])))
    assert list(named) == ["b", "a"]
    assert all(np.array_equal(p.grad, g) for p, g in zip(model.parameters(), gradients, strict=True))


def test_an_input_of_integers_has_no_gradient_and_one_that_is_not_used_zeros():
    model = mn.Graph(inputs=("ids", "x"), wires={"table": "ids"}, table=mn.Embedding(5, 3, rng=0), head=mn.Tanh())
    x = X.astype(np.float32)
    y = model.forward(np.array([1, 2]), x)
    ids, dx = model.backward(np.ones_like(y))
    assert ids is None
    assert dx.shape == x.shape
    assert not dx.any()


def test_layers_without_parameters_below_are_left_out():
    class Counted(mn.Tanh):
        calls = 0

        def backward(self, dy):
            type(self).calls += 1
            return super().backward(dy)

    model = mn.Graph(start=Counted(), linear=mn.Linear(3, 2, rng=0), end=Counted())
    y = model.forward(X.astype(np.float32))
    model.accumulate_grad(np.ones_like(y))
    assert Counted.calls == 1
    model.backward(np.ones_like(y))
    assert Counted.calls == 3


def test_a_layer_that_no_output_needs_is_not_run():
    class Never(mn.Identity):
        def forward(self, x):
            raise AssertionError

    model = mn.Graph(a=mn.Tanh(), b=Never(), wires={"b": "a"}, outputs="a")
    assert model.forward(X).shape == (4, 3)


def test_layers_can_be_changed():
    model = residual()
    model["second"] = mn.Linear(4, 4, bias=False, rng=2)
    model.append(mn.Linear(4, 2, rng=3), "head")
    assert model.forward(X.astype(np.float32)).shape == (4, 2)
    model.wires = {"sum": ("second", "tanh"), "head": "sum"}
    assert "<- second, tanh" in repr(model)
    with pytest.raises(TypeError):
        model.wires["sum"] = "tanh"
    with pytest.raises(ValueError, match="layer 'head' reads 'sum', and there is none"):
        del model["sum"]
    with pytest.raises(ValueError, match="wires for 'gone', and no layer"):
        model.wires = {"gone": "tanh"}
    with pytest.raises(ValueError, match="reads 'gone', and there is none"):
        model.wires = {"sum": "gone"}
    assert model.wires["sum"] == ("second", "tanh")
    model.outputs = "tanh"
    assert model.forward(X.astype(np.float32)).shape == (4, 4)
    with pytest.raises(ValueError, match="no layer of that name"):
        model.outputs = "gone"
    with pytest.raises(ValueError, match="an input 'tanh', so no layer"):
        model.inputs = "tanh"


def test_a_new_inner_layer_learns():
    model = mn.Graph(body=mn.Sequential(mn.Tanh()), head=mn.Tanh())
    x = X.astype(np.float32)
    model.forward(x)
    model["body"].append(mn.Linear(3, 3, rng=0))
    model.accumulate_grad(np.ones_like(model.forward(x)))
    assert model.parameters()[0].grad.any()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"inputs": ()}, ValueError, "needs inputs with names"),
        ({"inputs": ("x", "x")}, ValueError, "each once"),
        ({"inputs": 3}, TypeError, "to be a name or a tuple"),
        ({"inputs": "no word"}, ValueError, "letters, digits and _"),
        ({"outputs": ()}, ValueError, "needs outputs"),
        ({"wires": ["a"]}, TypeError, "to be a dict"),
        ({"wires": {"sum": "sum"}}, ValueError, "comes after it"),
        ({"wires": {"tanh": "second"}}, ValueError, "comes after it"),
    ],
)
def test_wrong_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        mn.Graph(**({"first": mn.Linear(3, 4), "tanh": mn.Tanh(), "second": mn.Tanh(), "sum": mn.Sum()} | arguments))


def test_every_layer_needs_a_name():
    for made in (lambda: residual().append(mn.Tanh()), lambda: mn.Graph(mn.Tanh(), head=mn.Tanh())):
        with pytest.raises(ValueError, match=r"needs a name for each layer, and layer \d has none"):
            made()


def test_wrong_inputs_and_gradients():
    model = residual()
    x = X.astype(np.float32)
    for inputs, named in (((), {}), ((x, x), {}), ((x,), {"x": x}), ((), {"y": x})):
        with pytest.raises(TypeError, match=r"takes 1 input, forward\(x\)"):
            model.forward(*inputs, **named)
    with pytest.raises(TypeError, match="expected x to be a NumPy array"):
        model.forward([1.0])
    with pytest.raises(ValueError, match="expected 3 features") as caught:
        model.forward(x[:, :2])
    assert caught.value.__notes__ == ['in Graph.layers["first"] = Linear(3, 4), input shape (4, 2)']
    y = model.forward(x)
    with pytest.raises(ValueError, match="of the output's shape"):
        model.backward(y[:2])
    with pytest.raises(TypeError, match="the gradient of its output"):
        model.backward(None)
    several = residual(outputs=("sum", "tanh"))
    several.forward(x)
    with pytest.raises(TypeError, match="a tuple of 2 gradients"):
        several.backward(y)


def test_a_mask_is_an_input_of_that_name():
    model = mn.Graph(
        inputs=("x", "mask"), wires={"attention": ("x", "mask")}, attention=mn.MultiHeadAttention(4, 2, rng=0)
    )
    x, mask = np.ones((2, 3, 4), np.float32), np.array([[1, 1, 0], [1, 0, 0]], bool)
    assert model.takes_mask
    assert not residual().takes_mask
    expected = model["attention"].forward(x, mask)
    assert np.array_equal(mn.Sequential(model, mn.Identity()).forward(x, mask=mask), expected)


def test_copies_and_files(tmp_path):
    model = residual(outputs=("sum", "tanh")).eval()
    x = X.astype(np.float32)
    mn.save(model, tmp_path / "m.safetensors")
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), mn.load_model(tmp_path / "m.safetensors")):
        assert repr(again) == repr(model)
        assert all(np.array_equal(a, b) for a, b in zip(again.forward(x), model.forward(x), strict=True))


def test_it_trains(tmp_path):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 3)).astype(np.float32)
    labels = (features[:, 0] > 0).astype(int)
    model = residual()
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.Adam(model.parameters(), lr=0.01))
    trainer.fit(mn.DataLoader(features, labels, batch_size=20, shuffle=True, rng=0), epochs=5, progress=False)
    assert trainer.evaluate((features, labels))["accuracy"] > 0.9
