"""A tensor is found by PyTorch's name, by minnet's path, and by mixtures of the two."""

import pytest

import minnet as mn
from minnet.torch.names import Names

MODEL = mn.Sequential(mn.Linear(3, 4), tail=mn.Sequential(mn.LSTM(4, 4), mn.TransformerBlock(4, 2, 5, dropout=0.0)))
NAMES = Names(MODEL)


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        ("0.weight", "0.weight"),
        ("layers[0].weight", "0.weight"),
        ("tail.0.weight_ih_l0", "tail.0.weight_ih_l0"),
        ('layers["tail"].layers[0].weight_ih_l0', "tail.0.weight_ih_l0"),
        ('layers["tail"].layers[0].weight_ih', "tail.0.weight_ih_l0"),
        ('layers["tail"].0.weight_ih_l0', "tail.0.weight_ih_l0"),
        ("tail.1.self_attn.in_proj_weight", "tail.1.self_attn.in_proj_weight"),
        ("tail.1.attention.in_proj_weight", "tail.1.self_attn.in_proj_weight"),
        ('layers["tail"].layers[1].attention.in_proj_weight', "tail.1.self_attn.in_proj_weight"),
        ("tail.1.attention.query.weight", "tail.1.attention.query.weight"),
        ('layers["tail"].layers[1].attention.query.weight', "tail.1.attention.query.weight"),
        ("tail.1.network.2.bias", "tail.1.linear2.bias"),
        ('layers["tail"].layers[1].network.layers[2].bias', "tail.1.linear2.bias"),
    ],
)
def test_spellings(name, tensor):
    assert NAMES.find(name).name == tensor


@pytest.mark.parametrize("name", ["", "weight", "1.weight", "layers[0]", "layers[9].weight", "0.weight.data", "tail"])
def test_what_is_no_tensor(name):
    assert NAMES.find(name) is None


def test_paths():
    assert NAMES.path_of("tail.0") == 'layers["tail"].layers[0]'
    assert NAMES.path_of("elsewhere") == "elsewhere"
