"""Operations number by number, and constants; tests/torch/layers/test_operations.py compares all of them."""

from pytorch import torch

from minnet.torch import modules


def test_a_float_has_the_dtype_of_the_model():
    cast = modules.Cast(kind="float").double()
    assert cast(torch.tensor([1, 2])).dtype == torch.float64
    assert modules.Cast(kind="bool")(torch.tensor([0, 2])).tolist() == [False, True]


def test_a_constant_is_not_the_buffer_itself():
    constant = modules.Constant((2,))
    constant.value.fill_(1)
    constant().add_(1)
    assert constant().tolist() == [1, 1]
    assert modules.Fill(()).forward(torch.tensor([2, 3])).shape == (2, 3)
