"""The tensors of a model, by name, module and layer; a shared array is in each of its places."""

import numpy as np

import minnet as mn
from minnet.torch.layouts import SAME, SWAPPED
from minnet.torch.tensors import modules_of, tensors_of


def test_places():
    model = mn.Sequential(mn.Linear(3, 2), tail=mn.Sequential(mn.LSTM(2, 4)))
    found = {tensor.name: (tensor.module, tensor.layer, tensor.paths[0], tensor.inside) for tensor in tensors_of(model)}
    assert found["0.weight"] == ("0", "layers[0]", "layers[0].weight", "weight")
    path = 'layers["tail"].layers[0]'
    assert found["tail.0.weight_hh_l0"] == ("tail.0", path, f"{path}.weight_hh", "weight_hh_l0")


def test_layers_that_are_no_modules_there():
    block = mn.TransformerBlock(4, 2, 5, dropout=0.0)
    assert [name for name, _, _ in modules_of(block)] == [
        "", "self_attn", "linear1", "linear2", "norm1", "norm2", "activation",
    ]  # fmt: skip
    assert "attention.query" in [name for name, _, _ in modules_of(block, plain=True)]
    packed = next(tensor for tensor in tensors_of(block) if tensor.name == "self_attn.in_proj_bias")
    assert packed.paths == tuple(f"attention.{name}.bias" for name in ("query", "key", "value"))
    assert packed.values().shape == (12,)
    plain = [tensor.name for tensor in tensors_of(block, plain=True)]
    assert "attention.value.weight" in plain
    assert not any("in_proj" in name for name in plain)


def test_a_tied_weight_lies_as_its_owners():
    encoder, table = mn.Linear(3, 2), mn.Embedding(3, 2)
    for owner, layout in ((encoder, SWAPPED), (table, SAME)):
        tied = tensors_of(mn.Sequential(mn.Sequential(owner), mn.Tied(owner)))[-2]
        assert tied.name == "1.weight"
        assert tied.layout is layout
    assert tensors_of(mn.Tied(mn.Linear(3, 2)))[0].layout is SAME


def test_values_are_laid_out_as_there():
    layer = mn.Linear(3, 2, rng=0)
    assert np.array_equal(tensors_of(layer)[0].values(), layer.weight.data.T)
