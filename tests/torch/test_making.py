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
