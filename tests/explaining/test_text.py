"""The text has at most 80 columns, and can be read in any terminal."""

import io
import sys
import unicodedata

import numpy as np
import pytest

import minnet as mn

RNG = np.random.default_rng(0)
DIGITS = RNG.integers(0, 256, (2, 784)).astype(np.uint8)


def columns(line):
    return sum(1 + (unicodedata.east_asian_width(letter) in "WF") for letter in line)


class Named(mn.Layer):
    """y = x：每個數字都保持不變，這一行很長很長很長很長很長很長很長很長很長很長很長很長很長很長很長。"""

    def forward(self, x):
        return x.copy()

    def backward(self, dy):
        return dy.copy()


class Unnamed(Named):
    def forward(self, x):
        return x.copy()


MODELS = {
    "notebook": (mn.Sequential(mn.Linear(784, 10, rng=0), mn.Softmax()), mn.CrossEntropyLoss(), DIGITS, [5, 3]),
    "deep": (
        mn.Sequential(
            mn.Linear(784, 30, rng=0), mn.Residual(mn.Residual(mn.Linear(30, 30, rng=1), mn.Tanh())), mn.Linear(30, 10)
        ),
        mn.SoftmaxCrossEntropyLoss(),
        DIGITS,
        [5, 3],
    ),
    "images": (
        mn.Sequential(mn.Conv2d(1, 3, 3, rng=0), mn.ReLU(), mn.MaxPool2d(2), mn.Flatten(), mn.Linear(27, 2, rng=1)),
        mn.SoftmaxCrossEntropyLoss(),
        RNG.normal(size=(2, 1, 8, 8)),
        [0, 1],
    ),
    "sequences": (
        mn.Sequential(mn.Embedding(9, 4, rng=0), mn.LSTM(4, 3, rng=1), mn.Select(-1), mn.Linear(3, 2, rng=2)),
        mn.SoftmaxCrossEntropyLoss(),
        np.array([[1, 2, 3], [4, 5, 0]]),
        [0, 1],
    ),
    "users": (mn.Sequential(Named(), Unnamed()), mn.MSELoss(), RNG.normal(size=(2, 3)), np.zeros((2, 3))),
}


@pytest.mark.parametrize("name", MODELS)
def test_no_line_is_longer_than_80_columns(name):
    model, loss, x, y = MODELS[name]
    why = next((f"{path}{[n // 2 for n in p.data.shape]}" for path, p in model.named_parameters()), "x[0, 1]")
    text = str(mn.explain(model, loss, x, y, why))
    assert max(map(columns, text.splitlines())) <= 80
    assert text.index("FORWARD") < text.index("BACKWARD") < text.index("WHY")
    for path, layer in model.named_layers():
        if path:
            assert text.count(f"{path}  {layer.describe()}"[:60]) == 2


def test_a_layer_without_a_docstring_is_told_what_to_write():
    model, loss, x, y = MODELS["users"]
    text = " ".join(str(mn.explain(model, loss, x, y)).split())
    assert "Unnamed: it has no docstring. Write its formula as the first line" in text


def test_a_terminal_without_unicode_shows_letters(monkeypatch):
    model, loss, x, y = MODELS["notebook"]
    explanation = mn.explain(model, loss, x, y, "layers[0].weight[3, 5]")
    assert "Σ_n x[n, 3] · dy[n, 5]" in str(explanation)
    written = io.BytesIO()
    terminal = io.TextIOWrapper(written, "ascii")
    monkeypatch.setattr(sys, "stdout", terminal)
    print(explanation, flush=True)
    monkeypatch.undo()
    assert b"sum_n x[n, 3] * dy[n, 5]" in written.getvalue()


def test_the_sum_of_the_terms_stands_below_them():
    model, loss, x, y = MODELS["notebook"]
    text = str(mn.explain(model, loss, x, y, "layers[0].bias[2]"))
    assert "dy[0, 2]" in text
    lines = [line.split() for line in text.splitlines()[-3:]]
    assert [words[:-1] for words in lines] == [
        ["sum", "of", "the", "terms"], ["by", "backward"], ["by", "finite", "differences"]
    ]  # fmt: skip
    assert len({words[-1] for words in lines}) == 1


def test_a_wrong_backward_is_pointed_at():
    class Minus(mn.Layer):
        """y = −x."""

        def forward(self, x):
            return -x

        def backward(self, dy):
            return dy.copy()

    text = " ".join(str(mn.explain(Minus(), mn.MSELoss(), np.ones((1, 2)), np.zeros((1, 2)))).split())
    assert "THEY DIFFER in 2 of 2 entries, such as x[0, 0]: by backward -1, by finite differences 1." in text


def test_at_a_corner_there_is_no_alarm():
    text = " ".join(str(mn.explain(mn.ReLU(), mn.L1Loss(), np.zeros((1, 2)), -np.ones((1, 2)))).split())
    assert "THEY DIFFER" not in text
    assert "L has a corner at x[0, 0]" in text


def test_a_multi_loss_shows_how_l_is_made():
    model = mn.Heads(a=mn.Identity(), b=mn.Tanh())
    loss = mn.MultiLoss({"a": mn.MSELoss(), "b": mn.L1Loss()}, weights={"b": 0.5})
    text = str(mn.explain(model, loss, np.ones((1, 2)), {"a": np.zeros((1, 2)), "b": np.full((1, 2), np.tanh(1) + 3)}))
    assert "L = 2.5\n  L = 1 · 1 (a) + 0.5 · 3 (b), the loss of each output times its weight." in text
