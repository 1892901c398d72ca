"""Every layer is made in PyTorch with all of its options: same names, numbers, outputs, gradients, and back again."""

import copy

import numpy as np
import pytest
from every_layer import OPTIONS, a_layer
from hypothesis import given
from hypothesis import strategies as st
from pytorch import examples, torch

import minnet as mn
from minnet.core.parameter import Parameter
from minnet.torch.tensors import tensors_of

BOUND = {np.float32: 1e-6, np.float64: 1e-13}
GRADIENTS = {np.float32: 1e-4, np.float64: 1e-11}
ROUNDED = {"CELU", "Hardsigmoid"}  # whose slopes PyTorch computes in float64 from constants of float32


def close(ours, theirs, bound):
    """Assert that two arrays agree, relative to the largest number in theirs."""
    theirs = theirs.detach().numpy()
    assert ours.dtype == theirs.dtype
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max(initial=0) <= bound * max(np.abs(theirs).max(initial=0), 1)


def draws(layer):
    """Whether a layer draws random numbers in training."""
    return any(getattr(inner, "p", 0) for _, inner in layer.named_layers() if isinstance(inner, mn.Dropout))


def check_gradients(layer, module, x):
    """Compare outputs and all gradients of a layer and of its module, which have the same mode."""
    bound = GRADIENTS[x.dtype.type if x.dtype.kind == "f" else layer.dtype.type]
    bound = 1e-7 if type(layer).__name__ in ROUNDED else bound
    t = torch.tensor(x, requires_grad=x.dtype.kind == "f")
    y = layer.forward(x)
    theirs = module(t)
    close(y, theirs, bound)
    dy = np.random.default_rng(1).normal(size=y.shape).astype(y.dtype)
    dx = layer.backward(dy)
    theirs.backward(torch.tensor(dy))
    if dx is not None:
        close(dx, t.grad, bound)
    parameters = dict(module.named_parameters(remove_duplicate=False))
    for tensor in tensors_of(layer):
        if isinstance(tensor.arrays[0], Parameter):
            gradient = parameters[tensor.name].grad
            close(tensor.layout.to_torch(*(array.grad for array in tensor.arrays)), gradient, bound)


@pytest.mark.filterwarnings("ignore:.* returns 0 for:minnet.errors.DataWarning")  # the row that pads is any
@pytest.mark.parametrize("name", sorted(OPTIONS))
@examples(12)
@given(data=st.data(), dtype=st.sampled_from([np.float32, np.float64]))
def test_a_layer_in_pytorch_and_back(name, data, dtype):
    layer, x = a_layer(name, data.draw, dtype)
    state = mn.torch.state_dict(layer)
    module = mn.torch.to_torch(layer)
    assert {key: (value.shape, value.dtype) for key, value in module.state_dict().items()} == {
        key: (value.shape, value.dtype) for key, value in state.items()
    }
    assert list(module.state_dict()) == list(state)

    other = copy.deepcopy(layer)
    for _, array in other.named_arrays():
        array.data = np.zeros_like(array.data)
    mn.torch.load_state_dict(other, module.state_dict())
    for (path, array), (_, again) in zip(layer.named_arrays(), other.named_arrays(), strict=True):
        assert again.data.tobytes() == array.data.tobytes(), path

    close(layer.eval().forward(x), module.eval()(torch.tensor(x)), BOUND[dtype])
    layer.train()
    if draws(layer):
        layer.freeze(statistics=True)
        for parameter in layer.parameters():
            parameter.trainable = True
        module = mn.torch.to_torch(layer)
    else:
        module.train()
    check_gradients(layer, module, x)
    for tensor in tensors_of(layer):  # running statistics, too
        close(tensor.values(), module.state_dict()[tensor.name], BOUND[dtype])


def network():
    return mn.Sequential(
        mn.Linear(4, 3, rng=0), mn.BatchNorm1d(3), mn.Dropout(0.5), mn.Sequential(mn.MultiHeadAttention(3, 1))
    )


def test_modes_and_frozen_parameters():
    model = network()
    model[1].freeze(statistics=True)
    model[3][0].query.freeze(), model[3][0].key.freeze(), model[3][0].value.freeze()
    module = mn.torch.to_torch(model)
    assert [part.training for part in module] == [True, False, True, True]
    needed = {name: p.requires_grad for name, p in module.named_parameters()}
    assert [name for name in needed if not needed[name]] == [
        "1.weight", "1.bias", "3.0.in_proj_weight", "3.0.in_proj_bias",
    ]  # fmt: skip
    assert not any(part.training for part in mn.torch.to_torch(model.eval()).modules())
    model[3][0].query.unfreeze()
    with pytest.raises(ValueError, match=r"query\.weight and .*are one tensor in PyTorch: freeze all of them, or none"):
        mn.torch.to_torch(model)


def test_shared_parameters():
    first, second = mn.Linear(3, 3, rng=0), mn.Linear(3, 3, rng=1)
    second.weight = first.weight
    module = mn.torch.to_torch(mn.Sequential(first, mn.Sequential(second)))
    assert module[0].weight is module[1][0].weight
    assert len(list(module.parameters())) == 3
    attention = mn.MultiHeadAttention(3, 1)
    attention.key.weight = attention.query.weight
    with pytest.raises(ValueError, match=r"query\.weight and .*are shared, but one tensor in PyTorch has all of them"):
        mn.torch.to_torch(attention)
    attention = mn.MultiHeadAttention(3, 1)
    attention.key.weight = first.weight
    with pytest.raises(ValueError, match=r"shared with .*which PyTorch's modules cannot do"):
        mn.torch.to_torch(mn.Sequential(first, attention))


def test_what_a_model_expects():
    model = network()
    assert not hasattr(mn.torch.to_torch(model), "input_scale")
    model.class_names, model.input_scale = ["a", "b", "c"], None
    module = mn.torch.to_torch(model)
    assert module.class_names == ["a", "b", "c"]
    assert module.input_scale is None


def test_the_copy_is_one_and_draws_no_numbers():
    state = torch.get_rng_state()
    model = network()
    module, tensors = mn.torch.to_torch(model), mn.torch.state_dict(model)
    assert torch.equal(state, torch.get_rng_state())
    with torch.no_grad():
        module[0].weight += 1
        tensors["0.weight"] += 1
    assert not np.array_equal(module[0].weight.detach().numpy().T, model[0].weight.data)
    assert not np.array_equal(tensors["0.weight"].numpy().T, model[0].weight.data)
    assert {parameter.device.type for parameter in module.parameters()} == {"cpu"}


def test_dtypes_may_differ_from_part_to_part():
    model = mn.Sequential(mn.Linear(2, 2), mn.Linear(2, 2).astype(np.float64))
    module = mn.torch.to_torch(model)
    assert [p.dtype for p in module.parameters()] == [torch.float32] * 2 + [torch.float64] * 2


class Scale(mn.Layer):
    """A layer of a user's, with a layer inside."""

    def __init__(self):
        self.a = mn.Parameter(np.full(3, 2.0))
        self.inner = mn.Linear(4, 3, rng=0)

    def forward(self, x):
        return self.a.data * self.inner(x)


class ScaleThere(torch.nn.Module):
    def __init__(self, names=("a", "inner")):
        super().__init__()
        setattr(self, names[0], torch.nn.Parameter(torch.zeros(3)))
        setattr(self, names[1], torch.nn.Linear(4, 3))

    def forward(self, x):
        return self.a * self.inner(x)


def test_a_layer_of_a_users(monkeypatch):
    model = mn.Sequential(Scale(), mn.ReLU())
    assert list(mn.torch.state_dict(model)) == ["0.a", "0.inner.weight", "0.inner.bias"]
    again = mn.torch.load_state_dict(mn.Sequential(Scale(), mn.ReLU()), mn.torch.state_dict(model))
    assert np.array_equal(again[0].inner.weight.data, model[0].inner.weight.data)
    with pytest.raises(TypeError, match=r"Scale\(\) has no counterpart in PyTorch: give its class a method torch"):
        mn.torch.to_torch(model)
    monkeypatch.setattr(Scale, "torch", lambda self: ScaleThere(), raising=False)
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    close(model(x), mn.torch.to_torch(model)(torch.tensor(x)), 1e-6)
    close(model[0](x), mn.torch.to_torch(model[0])(torch.tensor(x)), 1e-6)
    monkeypatch.setattr(Scale, "torch", lambda self: ScaleThere(("b", "inner")), raising=False)
    with pytest.raises(TypeError, match=r"layers\[0\] = Scale\(\).*names a, inner.weight.*got one with b"):
        mn.torch.to_torch(model)
    monkeypatch.setattr(Scale, "torch", lambda self: 3, raising=False)
    with pytest.raises(TypeError, match="got a int"):
        mn.torch.to_torch(model)


class Twice(mn.Linear):
    """A class of a user's that computes something else than its base."""

    def forward(self, x):
        return 2 * super().forward(x)


def test_a_subclass_is_not_its_base():
    layer = Twice(3, 2, rng=0)
    assert mn.torch.state_dict(layer)["weight"].shape == (2, 3)
    with pytest.raises(TypeError, match=r"Twice.* has no counterpart") as caught:
        mn.torch.to_torch(mn.Sequential(mn.ReLU(), layer))
    assert caught.value.__notes__ == ["in layers[1]"]


def test_what_is_no_layer():
    for function in (mn.torch.to_torch, mn.torch.state_dict):
        with pytest.raises(TypeError, match="expected a Layer of minnet's, got Linear"):
            function(torch.nn.Linear(2, 2))


def test_without_pytorch(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    for function in (mn.torch.to_torch, mn.torch.state_dict):
        with pytest.raises(mn.errors.MissingExtraError, match=r'torch is not installed: .*extra "torch"'):
            function(network())
    mn.torch.load_state_dict(mn.Linear(1, 1), {"weight": np.ones((1, 1)), "bias": np.ones(1)})
