"""What an optimizer shows at the prompt."""

import numpy as np
import pytest

import minnet as mn

MODEL = mn.Sequential(body=mn.Linear(784, 64, rng=0), relu=mn.ReLU(), head=mn.Linear(64, 10, rng=1))


@pytest.mark.parametrize(
    ("optimizer", "text"),
    [
        (mn.SGD(MODEL.parameters(), 0.1), "SGD(4 Parameters of 50,890 numbers, lr=0.1)"),
        (mn.SGD([mn.Parameter([1.0])], 0.1, 0.9), "SGD(1 Parameter of 1 number, lr=0.1, momentum=0.9)"),
        (
            mn.Adam(MODEL.parameters(), betas=(0.9, 0.99)),
            "Adam(4 Parameters of 50,890 numbers, lr=0.001, betas=(0.9, 0.99))",
        ),
        (mn.AdamW(MODEL.parameters()), "AdamW(4 Parameters of 50,890 numbers, lr=0.001)"),
        (mn.Lion(MODEL.parameters(), 1e-4), "Lion(4 Parameters of 50,890 numbers, lr=0.0001)"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_one_group(optimizer, text):
    assert repr(optimizer) == text


def test_the_options_of_now_are_shown():
    optimizer = mn.SGD([mn.Parameter([1.0, 2.0])], 0.1)
    optimizer.lr, optimizer.momentum = 0.05, 0.5
    assert repr(optimizer) == "SGD(1 Parameter of 2 numbers, lr=0.05, momentum=0.5)"


def test_frozen_parameters_are_counted():
    model = mn.Sequential(mn.Linear(2, 3).freeze(), mn.Linear(3, 2))
    assert repr(mn.SGD(model.parameters(), 0.1)) == "SGD(4 Parameters of 17 numbers (2 frozen), lr=0.1)"


def test_groups():
    groups = [
        {"params": MODEL["body"].parameters(), "lr": 1e-4},
        {"params": MODEL["head"].parameters(), "weight_decay": 0.1},
    ]
    assert repr(mn.SGD(groups, 0.1, momentum=0.9)).splitlines() == [
        "SGD(4 Parameters of 50,890 numbers, momentum=0.9",
        "  param_groups[0]: 2 Parameters of 50,240 numbers, lr=0.0001",
        "  param_groups[1]: 2 Parameters of 650 numbers, lr=0.1, weight_decay=0.1",
        ")",
    ]


def test_an_optimizer_of_ones_own_shows_its_options():
    class Noisy(mn.Optimizer):
        def __init__(self, parameters, lr, noise=0.1, mask=None):
            super().__init__(parameters, lr, noise=noise, mask=mask)

        def update(self, i, p, g, group):
            p -= group["lr"] * g

    parameter = mn.Parameter(np.ones(2))
    assert repr(Noisy([parameter], 0.5)) == "Noisy(1 Parameter of 2 numbers, lr=0.5)"
    assert "mask=array([1, 0])" in repr(Noisy([parameter], 0.5, mask=np.array([1, 0])))
    assert repr(Noisy([parameter], 0.5, noise=0.3)) == "Noisy(1 Parameter of 2 numbers, lr=0.5, noise=0.3)"
