"""What may be loaded: dicts of arrays and of tensors, of any dtype of floats."""

import numpy as np
import pytest

import minnet as mn


def test_tensors():
    torch = pytest.importorskip("torch")
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        weight = torch.randn(2, 3).to(dtype).requires_grad_()
        loaded = mn.torch.load_state_dict(mn.Linear(3, 2, bias=False), {"weight": weight})
        assert np.array_equal(loaded.weight.data, weight.detach().float().numpy().T)
    strided = torch.randn(6, 4)[::3, 1:]
    loaded = mn.torch.load_state_dict(mn.Linear(3, 2, bias=False), {"weight": strided})
    assert np.array_equal(loaded.weight.data, strided.numpy().T)


def test_what_is_no_state_dict():
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"got a Linear: pass its state_dict\(\)"):
        mn.torch.load_state_dict(mn.Linear(3, 2), torch.nn.Linear(3, 2))


@pytest.mark.parametrize("given", [{0: np.zeros(2)}, {"weight": [1.0, 2.0]}, {"weight": None}])
def test_what_is_no_array(given):
    with pytest.raises(TypeError, match="load_state_dict expected"):
        mn.torch.load_state_dict(mn.Linear(3, 2), given)
