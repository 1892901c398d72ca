"""A letter is one size within a step, and the one that the layer's formula uses."""

import numpy as np
import pytest

import minnet as mn
from minnet.explaining.letters import Letters


def letters(layer, x, samples=None, y=None):
    found = Letters(layer, len(x) if samples is None else samples)
    y = layer.forward(x) if y is None else y
    return (
        "".join(found.of_input(x, y.shape)),
        "".join(found.of_output(y)),
        {name: "".join(found.of_others(p.data)) for name, p in layer.named_parameters()},
    )


FLOATS = np.ones((2, 4, 6, 5), np.float32)


@pytest.mark.parametrize(
    ("layer", "x", "expected"),
    [
        (mn.Linear(5, 3), FLOATS[0, 0], ("NI", "NO", {"weight": "IO", "bias": "O"})),
        (mn.Linear(5, 5), FLOATS[0, 0], ("NI", "NO", {"weight": "IO", "bias": "O"})),
        (mn.ReLU(), FLOATS, ("NCHW", "NCHW", {})),
        (mn.Flatten(), FLOATS, ("NCHW", "ND", {})),
        (mn.Conv2d(4, 3, 2), FLOATS, ("NIHW", "NOH′W′", {"weight": "IOKK", "bias": "O"})),
        (mn.LSTM(5, 3), FLOATS[0], ("NTI", "NTH", {
            "weight_ih": "I4H", "weight_hh": "H4H", "bias_ih": "4H", "bias_hh": "4H"})),
        (mn.Embedding(9, 3), np.array([[1, 2], [3, 4]]), ("NT", "NTD", {"weight": "VD"})),
        (mn.BatchNorm1d(4), FLOATS[:, :, 0], ("NCL", "NCL", {"weight": "C", "bias": "C"})),
    ],
    ids=lambda value: value.describe() if isinstance(value, mn.Layer) else "",
)  # fmt: skip
def test_letters(layer, x, expected):
    assert letters(layer, x) == expected


def test_a_users_layer_has_letters_for_what_goes_in_and_out():
    class Halves(mn.Layer):
        pass

    x = np.ones((2, 6))
    assert letters(Halves(), x, y=x[:, :3])[:2] == ("NI", "NO")
    assert letters(Halves(), x, y=x)[:2] == ("ND", "ND")
