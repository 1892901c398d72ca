"""The parts make networks that learn: each is trained for some seconds, and must get better at what it can do."""

import numpy as np
import pytest

import minnet as mn

DIGITS, NUMBERS = mn.data.synthetic_digits(600, rng=0)
IMAGES = DIGITS.reshape(-1, 1, 28, 28)[:, :, ::2, ::2] / np.float32(255)  # (N, 1, 14, 14)


def lenet():
    return mn.Sequential(
        *(mn.Conv2d(1, 6, 5, padding=2, rng=0), mn.Tanh(), mn.AvgPool2d(2)),
        *(mn.Conv2d(6, 16, 3, rng=1), mn.Tanh(), mn.AvgPool2d(2), mn.Flatten()),
        *(mn.Linear(64, 32, rng=2), mn.Tanh(), mn.Linear(32, 10, rng=3)),
    )


def resnet():
    def block(seed):
        convolutions = [mn.Conv2d(8, 8, 3, padding=1, bias=False, rng=seed + i) for i in range(2)]
        inside = (convolutions[0], mn.BatchNorm2d(8), mn.ReLU(), convolutions[1], mn.BatchNorm2d(8))
        return mn.Sequential(mn.Residual(*inside), mn.ReLU())

    return mn.Sequential(
        *(mn.Conv2d(1, 8, 3, padding=1, stride=2, rng=0), mn.BatchNorm2d(8), mn.ReLU()),
        *(block(1), block(3), mn.GlobalAvgPool2d(), mn.Linear(8, 10, rng=5)),
    )


@pytest.mark.parametrize("make", [lenet, resnet])
def test_networks_for_images(make):
    model = make()
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.Adam(model.parameters(), lr=0.01))
    trainer.fit(mn.DataLoader(IMAGES, NUMBERS, 50, shuffle=True, rng=0), epochs=20)
    assert trainer.evaluate((IMAGES, NUMBERS))["accuracy"] > 0.7


def test_a_recurrent_tagger_with_padding():
    """Each step is tagged with the parity of the ones so far; sequences are padded, and padding is ignored."""
    rng = np.random.default_rng(0)
    bits, lengths = rng.integers(0, 2, (400, 6)), rng.integers(1, 7, 400)
    tags = np.where(np.arange(6) < lengths[:, None], bits.cumsum(axis=1) % 2, -1)
    model = mn.Sequential(mn.Embedding(2, 4, rng=1), mn.LSTM(4, 16, rng=2), mn.Linear(16, 2, rng=3))
    loss = mn.SoftmaxCrossEntropyLoss(ignore_index=-1)
    trainer = mn.Trainer(model, loss, mn.Adam(model.parameters(), lr=0.02), metrics={})
    trainer.fit(mn.DataLoader(bits, tags, 50, shuffle=True, rng=0), epochs=40)
    right = trainer.model.eval().forward(bits).argmax(axis=-1) == tags
    assert right[tags >= 0].mean() > 0.95


def test_a_small_transformer_copies_from_the_past():
    """The second half of a sequence repeats the first: only attention to three steps back tells what comes."""
    rng = np.random.default_rng(0)
    half = rng.integers(0, 5, (500, 4))
    sequences = np.concatenate([half, half], axis=1)
    x, y = sequences[:, :-1], np.where(np.arange(7) < 3, -1, sequences[:, 1:])
    model = mn.Sequential(
        *(mn.Embedding(5, 16, rng=1), mn.SinusoidalPosition(16)),
        *(mn.TransformerBlock(16, 2, 32, 0.0, causal=True, rng=seed) for seed in (2, 3)),
        *(mn.LayerNorm(16), mn.Linear(16, 5, rng=4)),
    )
    loss = mn.SoftmaxCrossEntropyLoss(ignore_index=-1)
    trainer = mn.Trainer(model, loss, mn.AdamW(model.parameters(), lr=0.01), metrics={})
    history = trainer.fit(mn.DataLoader(x, y, 50, shuffle=True, rng=0), epochs=30)
    assert history[-1]["loss"] < 0.1  # guessing costs log 5 = 1.6
